"""What one namespace gets of the workers of a lane: a part, so that its slow writes keep no other one waiting."""

import pytest

from tests.reconcile.test_queue import FakeReconcile, running
from waker.reconcile.queue import SHARE, WORKERS, WorkQueue


@pytest.mark.parametrize("urgent", [True, False])
async def test_a_slow_namespace_keeps_no_other_waiting(*, urgent: bool) -> None:
    """Its writes never end, as behind a webhook that hangs, and many more of its keys are due."""
    queue: WorkQueue[str] = WorkQueue(lambda key: urgent, lambda key: key.partition("/")[0])
    reconcile = FakeReconcile()
    async with running(queue, reconcile):
        for number in range(3 * WORKERS):
            queue.add(f"slow/{number}")
        assert [await reconcile.next() for _ in range(SHARE)] == [f"slow/{number}" for number in range(SHARE)]
        queue.add("other/1")
        assert await reconcile.next() == "other/1"
        assert await reconcile.idle()
        reconcile.finish("other/1")
        assert await reconcile.idle(), "a worker of another namespace is none for the slow one"
        for number in range(2 * WORKERS):
            reconcile.finish(f"slow/{number}")
            assert await reconcile.next() == f"slow/{number + SHARE}", "its own keys go on in their order"


async def test_what_becomes_urgent_while_its_namespace_is_busy_is_reconciled_once() -> None:
    wanted: set[str] = set()
    queue: WorkQueue[str] = WorkQueue(lambda key: key in wanted, lambda key: "slow")
    reconcile = FakeReconcile()
    async with running(queue, reconcile):
        for number in range(SHARE + 2):
            queue.add(str(number))
        for _ in range(SHARE):
            await reconcile.next()
        wanted.add(str(SHARE))
        queue.add(str(SHARE))
        assert await reconcile.next() == str(SHARE), "the urgent lane has workers of its own"
        reconcile.finish(str(SHARE))
        reconcile.finish("0")
        assert await reconcile.next() == str(SHARE + 1)
        reconcile.finish("1")
        assert await reconcile.idle()


async def test_nothing_is_kept_of_namespaces_that_are_done() -> None:
    queue: WorkQueue[str] = WorkQueue(group_of=lambda key: key.partition("/")[0])
    reconcile = FakeReconcile()
    async with running(queue, reconcile):
        for number in range(3 * SHARE):
            queue.add(f"{number % 2}/{number}")
        for _ in range(3 * SHARE):
            reconcile.finish(await reconcile.next())
        assert await reconcile.idle()
        assert [(lane.heap, lane.passed_over, lane.busy) for lane in queue._lanes.values()] == [([], {}, {})] * 2
