"""The work queue: keys to be reconciled, each at most once in the queue and at most once in progress.

A workqueue as in client-go, with delayed adds and two lanes. A key says what to reconcile, never what has changed. The
informers, the registry and the service add keys; `reconcile.app` and `reconcile.namespace` do the work. What somebody waits for
(`is_urgent`) has a lane with workers of its own: it never stands in a queue behind sleepers and a slow API server. In each
lane one namespace (`group_of`) gets a part of the workers only: a webhook that takes 10 s over each write there keeps no other
namespace waiting. The subtle thing: a key that is added while it is being reconciled is reconciled again right after.
"""

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

TIDY = 100  # outdated entries that are kept, beside as many as there are keys
WORKERS = 64  # keys in progress at the same time, in each lane
SHARE = 16  # of these, for one group; four slow namespaces at once are needed to fill a lane

Reconcile = Callable[[K], Awaitable[float | None]]


class Due(NamedTuple):
    """When a key is due, by the event loop's clock, and whether somebody waits for it."""

    at: float
    urgent: bool


Entry = tuple[float, int, K]  # when it is due, and the order in which it was added


@dataclass(slots=True)
class QueueLane(Generic[K]):
    """Keys by when they are due; entries that differ from `WorkQueue._due` are outdated.

    `passed_over`: those that were due while their group had its share of the workers, in that order.
    """

    heap: list[Entry[K]] = field(default_factory=list)
    passed_over: dict[Hashable, deque[Entry[K]]] = field(default_factory=dict)
    busy: Counter[Hashable] = field(default_factory=Counter)  # workers, by group
    free: int = WORKERS


class WorkQueue(Generic[K]):
    """Keys that are due now or later. All calls belong to one event loop. A key of the group None is bounded by nothing."""

    def __init__(
        self, is_urgent: Callable[[K], bool] = lambda key: False, group_of: Callable[[K], Hashable] = lambda key: None
    ) -> None:
        self._is_urgent = is_urgent
        self._group_of = group_of
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
            lane.busy[self._group_of(key)] += 1
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
            entry = heapq.heappop(lane.heap)
            at, _, key = entry
            if not self._is_current(lane, at, key) or key in self._in_progress:  # it comes back when that has ended
                continue
            group = self._group_of(key)
            if group is not None and lane.busy[group] >= SHARE:
                lane.passed_over.setdefault(group, deque()).append(entry)
                continue
            del self._due[key]
            return key
        return None

    def _end(self, lane: QueueLane[K], group: Hashable) -> None:
        """A worker of this group is free again: so the first that was passed over has its turn."""
        lane.free += 1
        lane.busy[group] -= 1
        if not lane.busy[group]:
            del lane.busy[group]
        waiting = lane.passed_over.get(group, deque())
        while waiting:
            entry = waiting.popleft()
            if self._is_current(lane, entry[0], entry[2]):
                heapq.heappush(lane.heap, entry)
                break
        if not waiting:
            lane.passed_over.pop(group, None)

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
            self._end(lane, self._group_of(key))
            self._changed.set()
            if key in self._due:
                self._push(key)
        if requeue_after is not None:
            self.add(key, requeue_after)
