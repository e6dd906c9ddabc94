"""The work queue: keys to be reconciled, each at most once in the queue and at most once in progress.

A workqueue as in client-go, with delayed adds and two lanes. A key says what to reconcile, never what has changed. The
informers, the registry and the service add keys; `reconcile.app` and `reconcile.namespace` do the work. What somebody waits for
(`is_urgent`) has a lane with workers of its own: it never stands in a queue behind sleepers and a slow API server.
The subtle thing: a key that is added while it is being reconciled is reconciled again right after.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

TIDY = 100  # outdated entries that are kept, beside as many as there are keys
WORKERS = 16  # keys in progress at the same time, in each lane

Reconcile = Callable[[K], Awaitable[float | None]]


class Due(NamedTuple):
    """When a key is due, by the event loop's clock, and whether somebody waits for it."""

    at: float
    urgent: bool


@dataclass(slots=True)
class QueueLane(Generic[K]):
    """Keys by when they are due; entries that differ from `WorkQueue._due` are outdated."""

    heap: list[tuple[float, int, K]] = field(default_factory=list)
    free: int = WORKERS


class WorkQueue(Generic[K]):
    """Keys that are due now or later. All calls belong to one event loop."""

    def __init__(self, is_urgent: Callable[[K], bool] = lambda key: False) -> None:
        self._is_urgent = is_urgent
        self._due: dict[K, Due] = {}
        self._lanes: dict[bool, QueueLane[K]] = {
            True: QueueLane(),
            False: QueueLane(),
        }  # by whether it is the urgent one
        self._order = 0
        self._in_progress: set[K] = set()
        self._changed = asyncio.Event()

    def add(self, key: K, delay: float = 0.0) -> None:
        """Have the key reconciled in `delay` seconds. If it is due earlier already, that stays."""
        new = Due(asyncio.get_running_loop().time() + delay, self._is_urgent(key))
        known = self._due.get(key)
        if known is None or new.at < known.at or (new.urgent and not known.urgent):
            self._due[key] = new if known is None else Due(min(new.at, known.at), new.urgent or known.urgent)
            self._push(key)

    async def run(self, reconcile: Reconcile[K], tasks: asyncio.TaskGroup) -> None:
        """Call `reconcile(key)` for each key that is due, for ever. It returns the seconds after which to requeue, or None.

        Workers are tasks of the caller's group. In a group of their own they would go on for a moment after it has ended,
        and could start nothing in it.
        """
        while True:
            key, lane = await self._next()
            lane.free -= 1
            self._in_progress.add(key)
            tasks.create_task(self._process(key, lane, reconcile))

    async def _next(self) -> tuple[K, QueueLane[K]]:
        """The first key that is due and not in progress, of a lane with a free worker; urgent ones first."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            free = [lane for lane in self._lanes.values() if lane.free]
            for lane in free:
                key = self._pop(lane, loop.time())
                if key is not None:
                    return key, lane
            until_next = min((lane.heap[0][0] for lane in free if lane.heap), default=None)
            try:
                async with asyncio.timeout(None if until_next is None else max(until_next - loop.time(), 0)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _pop(self, lane: QueueLane[K], now: float) -> K | None:
        while lane.heap and lane.heap[0][0] <= now:
            at, _, key = heapq.heappop(lane.heap)
            if (
                self._is_current(lane, at, key) and key not in self._in_progress
            ):  # otherwise it comes back when that has ended
                del self._due[key]
                return key
        return None

    def _push(self, key: K) -> None:
        due = self._due[key]
        lane = self._lanes[due.urgent]
        self._order += 1
        heapq.heappush(lane.heap, (due.at, self._order, key))
        if len(lane.heap) > 2 * len(self._due) + TIDY:
            lane.heap = [each for each in lane.heap if self._is_current(lane, each[0], each[2])]
            heapq.heapify(lane.heap)
        self._changed.set()

    def _is_current(self, lane: QueueLane[K], at: float, key: K) -> bool:
        """Whether an entry says when its key is due. If not, an earlier time was set later, or it has become urgent."""
        due = self._due.get(key)
        return due is not None and due.at == at and self._lanes[due.urgent] is lane

    async def _process(self, key: K, lane: QueueLane[K], reconcile: Reconcile[K]) -> None:
        try:
            requeue_after = await reconcile(key)
        finally:
            self._in_progress.discard(key)
            lane.free += 1
            self._changed.set()
            if key in self._due:
                self._push(key)
        if requeue_after is not None:
            self.add(key, requeue_after)
