from contextlib import ExitStack

from waker.plan.model import AppId, Kind
from waker.web.concurrency import ConcurrencyLimit

SHOP, BLOG = (AppId(Kind.DEPLOYMENT, "demo", name) for name in ("shop", "blog"))


def test_places_per_app_and_in_all() -> None:
    crowd = ConcurrencyLimit(per_app=2, in_all=3)
    with ExitStack() as stack:
        got = [stack.enter_context(crowd.slot(app)) for app in (SHOP, SHOP, SHOP, BLOG, BLOG)]
    assert got == [True, True, False, True, False]


def test_places_are_given_back() -> None:
    crowd = ConcurrencyLimit(per_app=1, in_all=1)
    for _ in range(3):
        with crowd.slot(SHOP) as place:
            assert place
    assert not crowd.waiting


def test_what_costs_more_takes_more_seats() -> None:
    crowd = ConcurrencyLimit(per_app=10, in_all=12)
    with crowd.slot(SHOP, 9) as big, crowd.slot(SHOP, 2) as too_big, crowd.slot(SHOP) as small:
        assert (big, too_big, small) == (True, False, True)
        with crowd.slot(BLOG, 3) as other:
            assert not other
    assert not crowd.waiting
