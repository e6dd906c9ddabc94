"""A collection, listed in pieces, so that nobody's large objects fill the memory. To follow one, use an informer."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from waker.cluster.client import Api, Json
from waker.errors import TooLong

CHUNK_SIZE: Final = 50  # objects, fewer where they are large; the heap does not shrink again after large chunks


class Listing:
    """One reading of a collection. `version` is its resourceVersion, once all of it has been read."""

    def __init__(self, api: Api, path: str, params: Mapping[str, str] | None = None) -> None:
        self.version = ""
        self._api = api
        self._path = path
        self._query = dict(params or {})
        self._size = CHUNK_SIZE
        self._complete = False

    async def items(self) -> AsyncIterator[Json]:
        """The objects, one after the other. Raises ClusterError."""
        while not self._complete:
            for item in await self._next_chunk():  # nothing else keeps the chunk
                yield item

    async def _next_chunk(self) -> list[Json]:
        try:
            chunk = await self._api.get(self._path, {**self._query, "limit": str(self._size)})
        except TooLong:
            self._size = max(1, self._size // 4)
            return []
        self._size = min(CHUNK_SIZE, 2 * self._size)
        self._query["continue"] = chunk["metadata"].get("continue", "")
        self._complete = not self._query["continue"]
        self.version = chunk["metadata"].get("resourceVersion", "")
        return chunk.get("items") or []


def listed(api: Api, path: str, params: Mapping[str, str] | None = None) -> AsyncIterator[Json]:
    """The objects of a collection, one after the other. Raises ClusterError."""
    return Listing(api, path, params).items()
