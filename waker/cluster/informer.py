"""An informer: a local store of one kind of object that follows the API server for ever.

    list, in small chunks --> change the store, report differences --> watch from that version --+
      ^-- 410, an unreadable line, an older version, a refusal             ^-- ended, or cut off --+

It keeps parsed objects only and knows nothing of what they mean. `observe` runs one for each kind in the whole cluster;
`app_pods` and `app_endpoints` run small ones for single apps. `on_change(old, new)` is called synchronously for each
difference, with None for an object that is not there. The subtle thing: an error never ends the loop and never empties
the store. Whether the store is still fresh shows in `last_received_at`, which the service's readiness check reads. After etcd
was restored from a backup, a watch from before is silent for ever, or is served from a version that was given out a second
time. So silence has it listed again, and one informer that finds an older list makes all of them list.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from waker.cluster import collector
from waker.cluster.client import Api
from waker.cluster.listing import Listing
from waker.cluster.versions import is_newer
from waker.errors import ClusterError, Gone, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

AT_ONCE = 50  # changes of the store between two turns of the event loop
TURN = 0.002  # seconds of parsing between two; one object may take 30 ms, most take 20 us
PAUSE = 0.2  # seconds between a watch that ended by itself and the next
ITS_OWN_FAULT = 500  # the status of a server that fails at this very watch; from the same version it would do so again
BACKOFF = wait_random_exponential(multiplier=0.5, max=30)


class Source(NamedTuple):
    """What to list and watch: the path of a collection, and selectors."""

    path: str
    params: Mapping[str, str] = {}


class Informer(Generic[T]):
    """Follows one collection while `run` runs. `parse` returns None for objects that need not be kept."""

    def __init__(
        self,
        api: Api,
        source: Source,
        parse: Callable[[Mapping[str, Any]], T | None],
        on_change: Callable[[T | None, T | None], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.source = source
        self.synced = asyncio.Event()  # set once everything has been listed
        self.last_received_at: datetime | None = None  # a list, an event or a bookmark; bookmarks come every minute
        self._store: dict[str, dict[str, T]] = {}  # by namespace, by name
        self._api = api
        self._parse = parse
        self._on_change = on_change
        self._clock = clock
        self._version = ""  # to watch from; "": list first
        self._newest = ""  # that was seen
        self._restores = 0  # of `Api.restores`, as of the last list

    def in_namespace(self, namespace: str) -> Mapping[str, T]:
        """The objects of one namespace by name. Cluster-wide objects are in the namespace ""."""
        return self._store.get(namespace, {})

    def values(self) -> Iterator[T]:
        """All objects."""
        for objects in self._store.values():
            yield from objects.values()

    async def run(self) -> None:
        """List and watch for ever. Only a defect or a cancellation ends it."""
        while True:
            async for attempt in AsyncRetrying(
                wait=_pause_before_retry, retry=retry_if_exception_type(ClusterError), before_sleep=self._log_retry
            ):
                with attempt:
                    await self._list_and_watch()

    async def _list_and_watch(self) -> None:
        """List if needed, then watch until the stream ends. Raises if nothing was received; else the backoff starts anew."""
        received = self.last_received_at
        try:
            if not self._version or self._restores != self._api.restores:
                await self._list()
                received = self.last_received_at
            await self._watch()
        except ClusterError as error:
            if not isinstance(error, Unavailable) or error.status == ITS_OWN_FAULT:
                log.info("listing again", extra={"path": self.source.path, "error": error})
                self._version = ""
            if self.last_received_at == received:
                raise
        await asyncio.sleep(PAUSE)

    async def _list(self) -> None:
        found: dict[str, dict[str, T]] = {}
        listing = Listing(self._api, self.source.path, self.source.params)
        turn = time.monotonic()
        async for item in listing.items():
            if time.monotonic() - turn > TURN:
                await asyncio.sleep(0)
                turn = time.monotonic()
            parsed = self._parse_safely(item)
            if parsed is not None:
                namespace, name = _key(item)
                found.setdefault(namespace, {})[name] = parsed
        self._note_restore(listing.version)
        self.last_received_at = self._clock()
        if self.synced.is_set():
            await self._replace(found)
            return
        self._store = found
        self.synced.set()
        for each in self.values():
            self._on_change(None, each)

    def _note_restore(self, version: str) -> None:
        """A list that is older than what was seen before: etcd was restored from a backup. Whoever finds that has all list."""
        if self._restores == self._api.restores and is_newer(self._newest, version):
            log.warning("etcd was restored from a backup: listing everything again", extra={"path": self.source.path})
            self._api.restores += 1
        self._restores = self._api.restores
        self._version = self._newest = version

    async def _replace(self, listed: Mapping[str, Mapping[str, T]]) -> None:
        """Change the store into what was listed, one object after the other, as a watch would have done."""
        keys = {
            (namespace, name) for store in (self._store, listed) for namespace in store for name in store[namespace]
        }
        for count, (namespace, name) in enumerate(keys, 1):
            self._update((namespace, name), listed.get(namespace, {}).get(name))
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _watch(self) -> None:
        async for event in self._api.watch(self.source.path, {**self.source.params, "resourceVersion": self._version}):
            item = event["object"]
            version = item["metadata"]["resourceVersion"]
            if is_newer(self._version, version) or self._restores != self._api.restores:
                raise Gone(f"{self.source.path}: etcd was restored from a backup: {version} after {self._version}")
            self._version = self._newest = version
            self.last_received_at = self._clock()
            await asyncio.sleep(0)  # thousands of events may have been received at once; a large one takes 25 ms
            if event["type"] != "BOOKMARK":
                self._update(_key(item), None if event["type"] == "DELETED" else self._parse_safely(item))

    def _parse_safely(self, item: Mapping[str, Any]) -> T | None:
        """One malformed object is left out; it must not stop the informer, on which all other apps depend."""
        try:
            with collector.paused():
                return self._parse(item)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning(
                "an object cannot be read",
                extra={"path": self.source.path, "object": "/".join(_key(item)), "error": repr(error)},
            )
            return None

    def _update(self, key: tuple[str, str], new: T | None) -> None:
        namespace, name = key
        objects = self._store.setdefault(namespace, {})
        old = objects.pop(name, None)
        if new is not None:
            objects[name] = new
        elif not objects:
            del self._store[namespace]
        if old != new:
            self._on_change(old, new)

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        routine = isinstance(error, Gone) and state.attempt_number == 1
        level = logging.WARNING if state.attempt_number in (1, 10) and not routine else logging.DEBUG
        log.log(level, "list or watch failed: trying again", extra={"path": self.source.path, "error": error})


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _pause_before_retry(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    retry_after = error.retry_after if isinstance(error, Unavailable) and error.retry_after else 0.0
    return max(float(BACKOFF(state)), retry_after)
