"""The work queue: keys to be reconciled, each at most once in the queue and at most once in progress.

A workqueue as in client-go, with delayed adds built in. A key says what to reconcile, never what has changed. The
informers, the registry and the service add keys; `reconcile.app` and `reconcile.namespace` do the work. It knows nothing
of what a key means. The subtle thing: a key that is added while it is being reconciled is reconciled again right after.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

WORKERS = 16  # keys in progress at the same time

Reconcile = Callable[[K], Awaitable[float | None]]


class WorkQueue(Generic[K]):
    """Keys that are due now or later. All calls belong to one event loop."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}  # by the event loop's clock
        self._heap: list[tuple[float, int, K]] = []  # entries that differ from `_due` are outdated
        self._order = 0
        self._in_progress: set[K] = set()
        self._changed = asyncio.Event()

    def add(self, key: K, delay: float = 0.0) -> None:
        """Have the key reconciled in `delay` seconds. If it is due earlier already, that stays."""
        due = asyncio.get_running_loop().time() + delay
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, key))
            self._changed.set()

    async def run(self, reconcile: Reconcile[K], tasks: asyncio.TaskGroup) -> None:
        """Call `reconcile(key)` for each key that is due, for ever. It returns the seconds after which to requeue, or None.

        Workers are tasks of the caller's group. In a group of their own they would go on for a moment after it has ended,
        and could start nothing in it.
        """
        free_workers = asyncio.Semaphore(WORKERS)
        while True:
            await free_workers.acquire()
            key = await self._next()
            self._in_progress.add(key)
            tasks.create_task(self._process(key, reconcile, free_workers))

    async def _next(self) -> K:
        """The first key that is due and not in progress."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            held_back: list[tuple[float, int, K]] = []  # due, but in progress
            while self._heap and self._heap[0][0] <= loop.time():
                due, order, key = heapq.heappop(self._heap)
                if self._due.get(key) != due:
                    continue  # outdated: an earlier time was set later
                if key not in self._in_progress:
                    self._push_back(held_back)
                    del self._due[key]
                    return key
                held_back.append((due, order, key))
            until_next = self._heap[0][0] - loop.time() if self._heap else None
            self._push_back(held_back)
            try:
                async with asyncio.timeout(until_next):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _push_back(self, entries: list[tuple[float, int, K]]) -> None:
        for entry in entries:
            heapq.heappush(self._heap, entry)

    async def _process(self, key: K, reconcile: Reconcile[K], free_workers: asyncio.Semaphore) -> None:
        try:
            requeue_after = await reconcile(key)
        finally:
            self._in_progress.discard(key)
            self._changed.set()
            free_workers.release()
        if requeue_after is not None:
            self.add(key, requeue_after)
