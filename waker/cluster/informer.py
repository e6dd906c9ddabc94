"""A local copy of one kind of object that follows the API server for ever.

    list, in small pages --> replace the store, tell the difference --> watch from that version --+
      ^-- 410, or an unreadable line                                      ^-- ended, or an error  --+

Never gives up and never empties the store on an error: a frozen store is told by `heard_at`, which readiness looks at.
Parsed objects only are kept. `changed(old, new)` is called synchronously for each difference, with None for "not there".
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from waker.cluster.client import Api
from waker.errors import ClusterError, Gone, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK = 50  # objects a list page; large pages leave the heap large for ever
PAUSE = 0.2  # seconds between a watch that ended by itself and the next
BACKOFF = wait_random_exponential(multiplier=0.5, max=30)


class Source(NamedTuple):
    """What to follow: the path of a collection, and selectors."""

    path: str
    params: Mapping[str, str] = {}


class Informer(Generic[T]):
    """Follows one collection. `parse` returns None for objects that are of no interest. Lives as long as `run` does."""

    def __init__(
        self,
        api: Api,
        source: Source,
        parse: Callable[[Mapping[str, Any]], T | None],
        changed: Callable[[T | None, T | None], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._store: dict[str, dict[str, T]] = {}  # by namespace, by name
        self.synced = asyncio.Event()
        self.heard_at: datetime | None = None
        self.source = source
        self._api = api
        self._parse = parse
        self._changed = changed
        self._clock = clock
        self._version = ""

    def in_namespace(self, namespace: str) -> Mapping[str, T]:
        """The objects of one namespace by name. Cluster-wide objects are in the namespace ""."""
        return self._store.get(namespace, {})

    def values(self) -> Iterator[T]:
        """All objects."""
        for objects in self._store.values():
            yield from objects.values()

    async def run(self) -> None:
        """For ever. Only a defect or a cancellation ends it."""
        while True:
            async for attempt in AsyncRetrying(
                wait=_wait, retry=retry_if_exception_type(ClusterError), before_sleep=self._log_retry
            ):
                with attempt:
                    await self._list_and_watch()

    async def _list_and_watch(self) -> None:
        """List if needed, then watch until the stream ends. Returns if anything was heard, so that backoff begins anew."""
        try:
            if not self._version:
                await self._list()
            heard = self.heard_at
            try:
                await self._watch()
            except Unavailable:
                if self.heard_at == heard:
                    raise
        except Gone as error:
            log.info("%s: listing again: %s", self.source.path, error)
            self._version = ""
        await asyncio.sleep(PAUSE)

    async def _list(self) -> None:
        found: dict[str, dict[str, T]] = {}
        params = {**self.source.params, "limit": str(CHUNK)}
        while True:
            page = await self._api.get(self.source.path, params)
            for item in page.get("items") or []:
                parsed = self._parsed(item)
                if parsed is not None:
                    namespace, name = _key(item)
                    found.setdefault(namespace, {})[name] = parsed
            more = page["metadata"].get("continue")
            if not more:
                break
            params["continue"] = more
        old, self._store = self._store, found
        self._version = page["metadata"]["resourceVersion"]
        self.heard_at = self._clock()
        self.synced.set()
        for namespace in old.keys() | found.keys():
            before, after = old.get(namespace, {}), found.get(namespace, {})
            for name in before.keys() | after.keys():
                if before.get(name) != after.get(name):
                    self._changed(before.get(name), after.get(name))

    async def _watch(self) -> None:
        async for event in self._api.watch(self.source.path, {**self.source.params, "resourceVersion": self._version}):
            item = event["object"]
            self._version = item["metadata"]["resourceVersion"]
            self.heard_at = self._clock()
            if event["type"] != "BOOKMARK":
                self._store_one(_key(item), None if event["type"] == "DELETED" else self._parsed(item))

    def _parsed(self, item: Mapping[str, Any]) -> T | None:
        """One object of one user that is not as it should be costs that object only."""
        try:
            return self._parse(item)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("%s: %s/%s cannot be read: %r", self.source.path, *_key(item), error)
            return None

    def _store_one(self, key: tuple[str, str], new: T | None) -> None:
        namespace, name = key
        objects = self._store.setdefault(namespace, {})
        old = objects.pop(name, None)
        if new is not None:
            objects[name] = new
        if old != new:
            self._changed(old, new)

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        say = log.warning if state.attempt_number in (1, 10) else log.debug
        say("%s: %s; trying again", self.source.path, error)


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Unavailable) and error.retry_after else 0.0
    return max(float(BACKOFF(state)), asked)
