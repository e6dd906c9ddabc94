"""The work queue: a key is queued once and in progress once, and none is lost in between. No test relies on timing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from waker.reconcile.queue import TIDY, WORKERS, QueueLane, WorkQueue

LONG = 3600.0  # seconds; no test waits that long
SOON = 0.01


class FakeReconcile:
    """Reconciling that a test controls: `started` holds the keys that have begun, `finish` ends one."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[str] = asyncio.Queue()
        self.in_progress: dict[str, asyncio.Future[float | None]] = {}

    async def __call__(self, key: str) -> float | None:
        assert key not in self.in_progress, "one key is in progress twice"
        self.in_progress[key] = asyncio.get_running_loop().create_future()
        self.started.put_nowait(key)
        return await self.in_progress[key]

    def finish(self, key: str, requeue_after: float | None = None) -> None:
        self.in_progress.pop(key).set_result(requeue_after)

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self.started.get()

    async def idle(self) -> bool:
        """Whether nothing more begins, however often the loop turns."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.started.empty()


@asynccontextmanager
async def running(queue: WorkQueue[str], reconcile: Callable[[str], Awaitable[float | None]]) -> AsyncIterator[None]:
    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            await queue.run(reconcile, tasks)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def queue() -> WorkQueue[str]:
    return WorkQueue()


@pytest.fixture
async def reconcile(queue: WorkQueue[str]) -> AsyncIterator[FakeReconcile]:
    found = FakeReconcile()
    async with running(queue, found):
        yield found


async def test_a_key_that_is_added_twice_is_reconciled_once(queue: WorkQueue[str], reconcile: FakeReconcile) -> None:
    queue.add("a")
    queue.add("a")
    assert await reconcile.next() == "a"
    reconcile.finish("a")
    assert await reconcile.idle()


async def test_keys_are_reconciled_in_the_order_they_were_added_and_in_parallel(
    queue: WorkQueue[str], reconcile: FakeReconcile
) -> None:
    for key in "cab":
        queue.add(key)
    assert [await reconcile.next() for _ in range(3)] == ["c", "a", "b"]


async def test_a_key_that_is_added_while_in_progress_is_reconciled_again_right_after(
    queue: WorkQueue[str], reconcile: FakeReconcile
) -> None:
    queue.add("a")
    await reconcile.next()
    queue.add("a")
    queue.add("b")
    assert await reconcile.next() == "b", "other keys go on meanwhile"
    assert await reconcile.idle()
    reconcile.finish("a")
    assert await reconcile.next() == "a"


async def test_the_result_says_when_to_requeue(queue: WorkQueue[str], reconcile: FakeReconcile) -> None:
    queue.add("a")
    await reconcile.next()
    reconcile.finish("a", requeue_after=SOON)
    assert await reconcile.next() == "a"
    reconcile.finish("a", requeue_after=None)
    assert await reconcile.idle()


async def test_the_earlier_time_wins_whichever_was_added_first(queue: WorkQueue[str], reconcile: FakeReconcile) -> None:
    queue.add("later first", LONG)
    queue.add("later first", SOON)
    queue.add("earlier first", SOON)
    queue.add("earlier first", LONG)
    assert {await reconcile.next(), await reconcile.next()} == {"later first", "earlier first"}
    for key in ("later first", "earlier first"):
        reconcile.finish(key)
    assert await reconcile.idle()


async def test_an_add_without_delay_ends_the_wait(queue: WorkQueue[str], reconcile: FakeReconcile) -> None:
    queue.add("a")
    await reconcile.next()
    reconcile.finish("a", requeue_after=LONG)
    assert await reconcile.idle()
    queue.add("a")
    assert await reconcile.next() == "a"


async def test_a_key_that_becomes_due_while_in_progress_waits_for_its_end(
    queue: WorkQueue[str], reconcile: FakeReconcile
) -> None:
    queue.add("a")
    await reconcile.next()
    queue.add("a", SOON)
    queue.add("b", 2 * SOON)
    assert await reconcile.next() == "b"
    assert await reconcile.idle()
    reconcile.finish("a", requeue_after=LONG)
    assert await reconcile.next() == "a"


async def test_no_more_keys_in_progress_than_workers(queue: WorkQueue[str], reconcile: FakeReconcile) -> None:
    for number in range(WORKERS + 1):
        queue.add(str(number))
    first = [await reconcile.next() for _ in range(WORKERS)]
    assert await reconcile.idle()
    reconcile.finish(first[3])
    assert await reconcile.next() == str(WORKERS)


async def test_what_somebody_waits_for_never_queues_behind_sleepers() -> None:
    """All workers of sleepers are busy, and a hundred more sleepers are due; one of these is asked for now."""
    wanted = {"wanted"}
    queue: WorkQueue[str] = WorkQueue(lambda key: key in wanted)
    reconcile = FakeReconcile()
    async with running(queue, reconcile):
        for number in range(100):
            queue.add(str(number))
        for _ in range(WORKERS):
            await reconcile.next()
        assert await reconcile.idle()
        queue.add("wanted")
        assert await reconcile.next() == "wanted"
        wanted.add("77")
        queue.add("77")
        assert await reconcile.next() == "77"
        reconcile.finish("wanted")
        reconcile.finish("0")
        assert await reconcile.next() == str(WORKERS), "the others go on in their order"


async def test_what_is_wanted_too_is_in_progress_once(queue: WorkQueue[str]) -> None:
    wanted: set[str] = set()
    queue = WorkQueue(lambda key: key in wanted)
    reconcile = FakeReconcile()
    async with running(queue, reconcile):
        queue.add("a")
        await reconcile.next()
        wanted.add("a")
        queue.add("a")
        assert await reconcile.idle()
        reconcile.finish("a")
        assert await reconcile.next() == "a"
        reconcile.finish("a")
        assert await reconcile.idle()


async def test_waiting_for_the_end_of_a_key_costs_nothing(
    queue: WorkQueue[str], reconcile: FakeReconcile, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.add("a")
    await reconcile.next()
    queue.add("a")
    assert await reconcile.idle()
    turns: list[object] = []
    pop = queue._pop

    def counted(lane: QueueLane[str], now: float) -> str | None:
        turns.append(now)
        return pop(lane, now)

    monkeypatch.setattr(queue, "_pop", counted)
    assert await reconcile.idle()
    assert turns == []


async def test_outdated_entries_are_not_kept(queue: WorkQueue[str], reconcile: FakeReconcile) -> None:
    """Apps come and go, each to be looked at again in a year."""
    for number in range(1000):
        queue.add(str(number), LONG)
        queue.add(str(number))
        await reconcile.next()
        reconcile.finish(str(number))
    assert await reconcile.idle()
    assert sum(len(lane.heap) for lane in queue._lanes.values()) <= TIDY + 1


async def test_a_key_that_was_added_before_the_queue_runs_is_reconciled() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    reconcile = FakeReconcile()
    async with running(queue, reconcile):
        assert await reconcile.next() == "a"


async def test_an_error_of_reconcile_ends_the_queue() -> None:
    """The caller decides what an error means. The queue swallows none."""

    async def fails(key: str) -> float | None:
        raise ValueError(key)

    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            await queue.run(fails, tasks)
    assert caught.group_contains(ValueError, match="a")


async def test_no_reconcile_goes_on_after_its_group_has_ended(queue: WorkQueue[str]) -> None:
    """It could start no task in it any more."""
    reconcile, went_on = FakeReconcile(), []

    async def reconciling(key: str) -> float | None:
        await reconcile(key)
        went_on.append(key)
        return None

    async def ends() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(queue.run(reconciling, tasks))
            reconcile.finish(await reconcile.next())
            raise ValueError

    queue.add("a")
    with pytest.raises(ExceptionGroup):
        await ends()
    assert went_on == []
