"""What is decided where not all routes of an app can ever be ready. Each line is a sentence about `app`, see `building`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.plan.building import AppBuilder, app, at_waker, check, route
from waker.plan.actions import Forget, Redirect, Restore
from waker.plan.codes import Code
from waker.plan.model import Phase
from waker.plan.snapshot import Fact

FRONT, ADMIN = route("front"), route("admin")
WAKING = app(2).saved(2).wake_requested(seconds=5).scaled_up(seconds=5)


def test_a_route_that_nobody_serves_is_remembered_as_such() -> None:
    idle = app(2).routed(FRONT, ADMIN).unserved(ADMIN)
    asks = idle.without(Fact.UNSERVED)
    check(asks, Phase.AWAKE)
    assert (asks.plan().needs, asks.plan().open) == (Fact.UNSERVED, True)
    check(idle, Phase.FALLING_ASLEEP, Redirect((FRONT, replace(ADMIN, served=False))))


def test_an_app_whose_pods_show_another_way_to_them_stays_awake() -> None:
    """Whoever comes that way is not counted, and could not wake it."""
    idle = AppBuilder(replace(app(2).seen, unforeseen=("Service primary selects its pods",)))
    for seen in (idle, idle.pinned("asleep")):
        check(seen, Phase.AWAKE)
        plan = seen.plan()
        assert (plan.code, plan.open, plan.warning) == (Code.CANNOT_SLEEP, True, True)
        assert plan.reason == "Service primary selects its pods"
        assert plan.requeue_after
        assert plan.requeue_after >= timedelta(minutes=1), "each look lists its pods"
    half = idle.routed(FRONT, at_waker("admin"))
    check(half, Phase.RESTORING_ROUTES, Restore((at_waker("admin"),)))


def test_routes_go_back_one_by_one() -> None:
    front, admin = at_waker("front"), at_waker("admin")
    waking = WAKING.routed(front, admin)
    check(waking.unready(), Phase.WAKING)
    some = waking.only_ready(front)
    check(some, Phase.RESTORING_ROUTES, Restore((front,)))
    assert some.plan().open
    check(WAKING.routed(FRONT, admin).only_ready(FRONT), Phase.WAKING)
    check(WAKING.routed(FRONT, ADMIN).only_ready(FRONT), Phase.RESTORING_ROUTES, Forget())
    check(waking, Phase.RESTORING_ROUTES, Restore((front, admin)))


NEVER_READY = WAKING.routed(at_waker("front"), at_waker("admin")).unready()


@pytest.mark.parametrize("out", [AppBuilder.not_managed, lambda seen: seen.pinned("awake")], ids=["disabled", "pinned"])
def test_who_turns_it_off_does_not_wait_for_what_never_comes(out: Callable[[AppBuilder], AppBuilder]) -> None:
    """But for a moment: an app that starts well is ready first."""
    check(out(NEVER_READY), Phase.WAKING)
    both = Restore((at_waker("front"), at_waker("admin")))
    check(out(NEVER_READY.scaled_up(seconds=30)), Phase.RESTORING_ROUTES, both)
    check(out(NEVER_READY.cannot_start()), Phase.RESTORING_ROUTES, both)
    back = NEVER_READY.routed(FRONT, ADMIN).scaled_up(seconds=30)
    assert isinstance(out(back).plan().actions[0], Forget)
    assert not out(back).plan().open


def test_a_slow_app_has_its_usual_time() -> None:
    slow = replace(NEVER_READY.seen.workload.notes, typical_wake=timedelta(seconds=40))
    seen = NEVER_READY.scaled_up(seconds=79).seen
    notes = replace(slow, scaled_up_at=seen.workload.notes.scaled_up_at)
    check(AppBuilder(replace(seen, workload=replace(seen.workload, notes=notes))).not_managed(), Phase.WAKING)
