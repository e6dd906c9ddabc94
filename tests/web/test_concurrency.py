from contextlib import ExitStack

from waker.plan.model import AppId, Kind
from waker.web.concurrency import ConcurrencyLimit

SHOP, BLOG = (AppId(Kind.DEPLOYMENT, "demo", name) for name in ("shop", "blog"))


def test_slots_are_limited_per_app_and_in_total() -> None:
    limit = ConcurrencyLimit(per_app=2, total=3)
    with ExitStack() as stack:
        free = [stack.enter_context(limit.slots(app)) for app in (SHOP, SHOP, SHOP, BLOG, BLOG)]
    assert free == [True, True, False, True, False]


def test_slots_are_given_back() -> None:
    limit = ConcurrencyLimit(per_app=1, total=1)
    for _ in range(3):
        with limit.slots(SHOP) as free:
            assert free
    assert not limit.taken


def test_a_request_may_take_several_slots() -> None:
    limit = ConcurrencyLimit(per_app=10, total=12)
    with limit.slots(SHOP, 9) as big, limit.slots(SHOP, 2) as too_big, limit.slots(SHOP) as small:
        assert (big, too_big, small) == (True, False, True)
        with limit.slots(BLOG, 3) as other:
            assert not other
    assert not limit.taken
