"""Keys that want a look: each at most once in the queue and at most once at work, some of them only later.

Level-triggered: a key says where to look, never what was seen. A key that is added while it is at work is looked at
again right after.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

WORKERS = 16  # looks at the same time


class WorkQueue(Generic[K]):
    """See above. Not for use from several threads."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = 0
        self._busy: set[K] = set()
        self._news = asyncio.Event()

    def add(self, key: K, delay: float = 0.0) -> None:
        """Look at the key after `delay` seconds, or earlier if that was said before."""
        due = asyncio.get_running_loop().time() + delay
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, key))
            self._news.set()

    async def run(self, work: Callable[[K], Awaitable[float | None]]) -> None:
        """For ever: call `work(key)`; the seconds it returns are when to look again."""
        places = asyncio.Semaphore(WORKERS)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await places.acquire()
                key = await self._next()
                self._busy.add(key)
                tasks.create_task(self._look(key, work, places))

    async def _next(self) -> K:
        """The first key that is due and not at work."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            waiting: list[tuple[float, int, K]] = []
            while self._heap and self._heap[0][0] <= loop.time():
                due, order, key = heapq.heappop(self._heap)
                if self._due.get(key) != due:
                    continue  # an earlier time was said since
                if key not in self._busy:
                    self._restore(waiting)
                    del self._due[key]
                    return key
                waiting.append((due, order, key))
            left = self._heap[0][0] - loop.time() if self._heap else None
            self._restore(waiting)
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _restore(self, waiting: list[tuple[float, int, K]]) -> None:
        for entry in waiting:
            heapq.heappush(self._heap, entry)

    async def _look(self, key: K, work: Callable[[K], Awaitable[float | None]], places: asyncio.Semaphore) -> None:
        try:
            again = await work(key)
        finally:
            self._busy.discard(key)
            self._news.set()
            places.release()
        if again is not None:
            self.add(key, again)
