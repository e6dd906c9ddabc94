from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from waker.plan.model import AppId, Kind
from waker.web.concurrency import ConcurrencyLimit, SlotCounts

SHOP, BLOG = (AppId(Kind.DEPLOYMENT, "demo", name) for name in ("shop", "blog"))
OTHER = AppId(Kind.DEPLOYMENT, "other", "wiki")
COMMON_ONLY = SlotCounts(share=0, reserve=0, common=3, per_namespace=3, per_app=2)


class Arrival(NamedTuple):
    """A request that arrives, or, if it has no slots, the end of the oldest one that is held."""

    app: AppId
    slots: int


APPS = [AppId(Kind.DEPLOYMENT, namespace, name) for namespace in ("red", "blue") for name in "abc"]
ARRIVALS = st.lists(st.builds(Arrival, st.sampled_from(APPS), st.integers(0, 7)), max_size=60)
SMALL = SlotCounts(share=3, reserve=15, common=12, per_namespace=8, per_app=9)


def test_slots_are_limited_per_app_and_in_total() -> None:
    limit = ConcurrencyLimit(COMMON_ONLY)
    with ExitStack() as stack:
        free = [stack.enter_context(limit.slots(app)) for app in (SHOP, SHOP, SHOP, BLOG, BLOG)]
    assert free == [True, True, False, True, False]


def test_who_can_do_without_takes_none_beyond_a_few() -> None:
    limit = ConcurrencyLimit(SlotCounts(share=2, reserve=2, common=5, per_namespace=5, per_app=5))
    with (
        limit.slots(SHOP, most=2) as first,
        limit.slots(SHOP, 2, most=2) as too_big,
        limit.slots(SHOP, most=2) as second,
    ):
        assert (first, too_big, second) == (True, False, True)
        with limit.slots(SHOP, most=2) as third, limit.slots(SHOP) as client:
            assert (third, client) == (False, True)
    assert not limit.taken


def test_slots_are_given_back() -> None:
    limit = ConcurrencyLimit(SlotCounts(share=1, reserve=1, common=0, per_namespace=0, per_app=1))
    for _ in range(3):
        with limit.slots(SHOP) as free:
            assert free
    assert not limit.taken


def test_a_request_may_take_several_slots() -> None:
    limit = ConcurrencyLimit(SlotCounts(share=0, reserve=0, common=12, per_namespace=12, per_app=10))
    with limit.slots(SHOP, 9) as big, limit.slots(SHOP, 2) as too_big, limit.slots(SHOP) as small:
        assert (big, too_big, small) == (True, False, True)
        with limit.slots(BLOG, 3) as other:
            assert not other
    assert not limit.taken


def test_uploads_to_two_dead_apps_lock_out_nobody() -> None:
    limit = ConcurrencyLimit()
    with ExitStack() as stack:
        for _ in range(500):
            for dead in (SHOP, BLOG):
                stack.enter_context(limit.slots(dead, 5))
        free = [stack.enter_context(limit.slots(OTHER)) for _ in range(500)]
        neighbour = AppId(Kind.DEPLOYMENT, "demo", "neighbour")
        beside = [stack.enter_context(limit.slots(neighbour)) for _ in range(limit.counts.share)]
        assert all(free)
        assert all(beside), "in the same namespace, as many as its share"


def test_an_app_that_finds_the_reserve_used_up_takes_common_slots() -> None:
    limit = ConcurrencyLimit(SlotCounts(share=2, reserve=2, common=1, per_namespace=1, per_app=9))
    with limit.slots(SHOP, 2) as own, limit.slots(BLOG) as common, limit.slots(OTHER) as none_left:
        assert (own, common, none_left) == (True, True, False)


@given(ARRIVALS)
def test_an_app_below_its_share_is_never_refused_because_of_others(arrivals: list[Arrival]) -> None:
    """Law, as long as the shares of all apps that hold something, and of the one that asks, fit into the reserve."""
    limit = ConcurrencyLimit(SMALL)
    for app, slots, given_slots in played(limit, arrivals):
        wanted = limit.taken[app] + (0 if given_slots else slots)
        if wanted <= SMALL.share and len({*limit.taken, app}) * SMALL.share <= SMALL.reserve:
            assert given_slots


@given(ARRIVALS)
def test_no_limit_is_ever_exceeded_and_all_is_given_back(arrivals: list[Arrival]) -> None:
    limit = ConcurrencyLimit(SMALL)
    for _ in played(limit, arrivals):
        by_namespace: Counter[str] = Counter()
        for app, count in limit.taken.items():
            assert count <= SMALL.per_app
            by_namespace[app.namespace] += count
        assert by_namespace.total() <= SMALL.reserve + SMALL.common
        for namespace, count in by_namespace.items():
            apps = sum(1 for app in limit.taken if app.namespace == namespace)
            assert count <= SMALL.per_namespace + apps * SMALL.share
    assert vars(limit) == vars(ConcurrencyLimit(SMALL)), "nobody is remembered"


def played(limit: ConcurrencyLimit, arrivals: list[Arrival]) -> Iterator[tuple[AppId, int, bool]]:
    """Let them arrive and end. After each arrival: for whom, how many slots it wanted, and whether it got them."""
    held: list[ExitStack] = []
    for app, slots in arrivals:
        if slots:
            held.append(ExitStack())
            yield app, slots, held[-1].enter_context(limit.slots(app, slots))
        elif held:
            held.pop(0).close()
    for each in held:
        each.close()
