"""Keys that want a look: once in the queue, one at work, nothing lost in between. No test waits for a clock of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from waker.reconcile.queue import WORKERS, WorkQueue

LONG = 3600.0  # nobody waits for that
SOON = 0.01


class FakeWork:
    """Looks that the test begins and ends: `started` gives keys as they come, `finish` lets one go."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[str] = asyncio.Queue()
        self.at_work: dict[str, asyncio.Future[float | None]] = {}

    async def __call__(self, key: str) -> float | None:
        assert key not in self.at_work, "two looks at one key"
        self.at_work[key] = asyncio.get_running_loop().create_future()
        self.started.put_nowait(key)
        return await self.at_work[key]

    def finish(self, key: str, again: float | None = None) -> None:
        self.at_work.pop(key).set_result(again)

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self.started.get()

    async def idle(self) -> bool:
        """Nothing more begins, however often the loop turns."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.started.empty()


@asynccontextmanager
async def running(queue: WorkQueue[str], work: Callable[[str], Awaitable[float | None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(work))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def queue() -> WorkQueue[str]:
    return WorkQueue()


@pytest.fixture
async def work(queue: WorkQueue[str]) -> AsyncIterator[FakeWork]:
    found = FakeWork()
    async with running(queue, found):
        yield found


async def test_a_key_that_is_added_twice_is_looked_at_once(queue: WorkQueue[str], work: FakeWork) -> None:
    queue.add("a")
    queue.add("a")
    assert await work.next() == "a"
    work.finish("a")
    assert await work.idle()


async def test_keys_come_in_the_order_they_were_added_and_in_parallel(queue: WorkQueue[str], work: FakeWork) -> None:
    for key in "cab":
        queue.add(key)
    assert [await work.next() for _ in range(3)] == ["c", "a", "b"]


async def test_a_key_that_is_added_while_it_is_at_work_is_looked_at_again_right_after(
    queue: WorkQueue[str], work: FakeWork
) -> None:
    queue.add("a")
    await work.next()
    queue.add("a")
    queue.add("b")
    assert await work.next() == "b", "others go on meanwhile"
    assert await work.idle()
    work.finish("a")
    assert await work.next() == "a"


async def test_work_says_when_to_look_again(queue: WorkQueue[str], work: FakeWork) -> None:
    queue.add("a")
    await work.next()
    work.finish("a", again=SOON)
    assert await work.next() == "a"
    work.finish("a", again=None)
    assert await work.idle()


async def test_the_earlier_time_wins_whichever_was_said_first(queue: WorkQueue[str], work: FakeWork) -> None:
    queue.add("later first", LONG)
    queue.add("later first", SOON)
    queue.add("earlier first", SOON)
    queue.add("earlier first", LONG)
    assert {await work.next(), await work.next()} == {"later first", "earlier first"}
    for key in ("later first", "earlier first"):
        work.finish(key)
    assert await work.idle()


async def test_news_are_looked_at_at_once_and_end_the_wait(queue: WorkQueue[str], work: FakeWork) -> None:
    queue.add("a")
    await work.next()
    work.finish("a", again=LONG)
    assert await work.idle()
    queue.add("a")
    assert await work.next() == "a"


async def test_a_time_that_comes_while_the_key_is_at_work_waits_for_its_end(
    queue: WorkQueue[str], work: FakeWork
) -> None:
    queue.add("a")
    await work.next()
    queue.add("a", SOON)
    queue.add("b", 2 * SOON)
    assert await work.next() == "b"
    assert await work.idle()
    work.finish("a", again=LONG)
    assert await work.next() == "a"


async def test_no_more_looks_than_workers(queue: WorkQueue[str], work: FakeWork) -> None:
    for number in range(WORKERS + 1):
        queue.add(str(number))
    first = [await work.next() for _ in range(WORKERS)]
    assert await work.idle()
    work.finish(first[3])
    assert await work.next() == str(WORKERS)


async def test_added_before_it_runs_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    work = FakeWork()
    async with running(queue, work):
        assert await work.next() == "a"


async def test_work_that_fails_ends_the_queue() -> None:
    """Whoever calls it decides what an error means; the queue swallows none."""

    async def fails(key: str) -> float | None:
        raise ValueError(key)

    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5):
            await queue.run(fails)
    assert caught.group_contains(ValueError, match="a")
