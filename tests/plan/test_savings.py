"""Savings, against numbers worked out by hand."""

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.plan.building import NOW, SHOP
from waker.plan.model import AppId
from waker.plan.savings import HOURS, NOTHING, Reserved, Savings

TWO = Reserved(2, 0.5, 128.0)  # two replicas
ONE = Reserved(1, 1.0, 64.0)
OWN = Reserved(1, 0.01, 32.0)
BLOG = SHOP._replace(name="blog")
OTHER = SHOP._replace(namespace="other")
HOUR = timedelta(hours=1)


def settled(savings: Savings, hours: float, *, leading: bool = True) -> Savings:
    savings.settle(NOW + hours * HOUR, OWN, leading=leading)
    return savings


def asleep(savings: Savings, app: AppId, would_reserve: Reserved | None, hours: float = 0) -> None:
    savings.set_asleep(app, would_reserve, NOW + hours * HOUR)


def test_what_sleeps_adds_up_by_namespace_and_waker_beside_it() -> None:
    savings = settled(Savings(), 0)
    asleep(savings, SHOP, TWO)
    asleep(savings, OTHER, ONE)
    asleep(savings, BLOG, ONE, 1)  # nobody has settled in between
    asleep(savings, SHOP, None, 1.5)
    settled(savings, 2)
    in_demo = (2 * 1.5 + 1 * 1, 0.5 * 1.5 + 1 * 1, 128 * 1.5 + 64 * 1)
    assert savings.saved()["demo"] == Reserved(*(each * 3600 for each in in_demo))
    assert savings.saved()["other"] == ONE.over(2 * 3600)
    assert savings.own == OWN.over(2 * 3600)
    assert savings.sleeping() == {"demo": 1, "other": 1}
    assert savings.of(SHOP) is None
    assert savings.since == NOW


def test_only_what_passed_under_the_lease_is_counted_and_only_once() -> None:
    savings = settled(Savings(), 0, leading=False)
    asleep(savings, SHOP, ONE)
    settled(savings, 1, leading=True)  # it has just got the Lease
    assert savings.take_counted() == ({}, NOTHING)
    settled(savings, 3, leading=False)  # and has lost it
    assert savings.take_counted() == ({"demo": ONE.over(7200)}, OWN.over(7200))
    settled(savings, 4)
    assert savings.take_counted() == ({}, NOTHING)
    assert savings.saved()["demo"] == ONE.over(4 * 3600)


def test_a_clock_that_is_set_back_saves_nothing() -> None:
    savings = settled(Savings(), 1)
    asleep(savings, SHOP, ONE, 1)
    assert settled(savings, 0).saved() == {}
    assert settled(savings, 1).saved() == {"demo": ONE.over(3600)}


def test_a_namespace_that_is_gone_is_part_of_the_whole_only() -> None:
    savings = settled(Savings(), 0)
    asleep(savings, SHOP, ONE)
    settled(savings, 1).forget_namespace("demo")
    assert (savings.saved(), savings.gone, savings.sleeping()) == ({}, ONE.over(3600), {})


@pytest.mark.parametrize("gap", [1, 5, HOURS + 5])
def test_the_history_is_bounded_and_has_each_hour(gap: int) -> None:
    savings = settled(Savings(), 0)
    asleep(savings, SHOP, ONE)
    for hour in range(1, HOURS + 10):
        settled(savings, hour)
    settled(savings, HOURS + 9 + gap)
    hours = [each.began for each in savings.hours()]
    assert len(hours) <= HOURS
    assert all(later - earlier == HOUR for earlier, later in pairwise(hours))
    assert hours[-1] == NOW + (HOURS + 9 + gap) * HOUR
