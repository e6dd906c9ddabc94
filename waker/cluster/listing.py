"""A collection, listed once and in pieces, so that nobody's large objects fill the memory. To follow one, use an informer."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from waker.cluster.client import Api, Json
from waker.errors import TooLong

CHUNK: Final = 100  # objects, fewer where they are large


async def listed(api: Api, path: str, params: Mapping[str, str] | None = None) -> AsyncIterator[Json]:
    """The objects of a collection, one after the other. Raises ClusterError."""
    query, size = dict(params or {}), CHUNK
    while True:
        try:
            chunk = await api.get(path, {**query, "limit": str(size)})
        except TooLong:
            size = max(1, size // 4)
            continue
        for item in chunk.get("items") or []:
            yield item
        query["continue"] = chunk["metadata"].get("continue", "")
        if not query["continue"]:
            return
