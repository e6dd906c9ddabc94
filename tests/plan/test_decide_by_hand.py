"""What is decided where somebody has changed replicas or notes by hand. Each line is a sentence about `app`, see `building`."""

from datetime import timedelta

import pytest

from tests.plan.building import NOW, AppBuilder, app, asleep, at_waker, check
from waker import names
from waker.plan.actions import Forget, RequestWake, Restore, ScaleUp, StopWake
from waker.plan.codes import Code
from waker.plan.model import Phase
from waker.plan.snapshot import Fact
from waker.plan.workload_patches import patch

WOKEN = asleep(3).wake_requested(minutes=1).scaled_up(minutes=1)  # and now its replicas are 0 again
STOPPED = asleep(3).stopped(minutes=1)

# --- an operator scales it to 0 while it wakes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(WOKEN, id="while it crashed"),
        pytest.param(WOKEN.request_arrived(seconds=0), id="while visitors wait"),
        pytest.param(WOKEN.pinned("awake"), id="while it is pinned awake"),
        pytest.param(WOKEN.problem(), id="while something stands against its sleep"),
        pytest.param(WOKEN.standby(), id="without the Lease"),
    ],
)
def test_the_wake_is_over(seen: AppBuilder) -> None:
    check(seen, Phase.ASLEEP, StopWake())


def test_its_request_is_withdrawn_in_the_same_patch() -> None:
    body = patch(WOKEN.seen.workload, StopWake(), NOW)
    assert body["metadata"]["annotations"] == {
        names.WAKE_REQUESTED_AT: None,
        names.SCALED_UP_AT: None,
        names.STOPPED_AT: "2026-01-31T12:00:00Z",
        names.ASLEEP_SINCE: "2026-01-31T12:00:00Z",
    }
    assert "spec" not in body


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(STOPPED, id="nobody comes"),
        pytest.param(STOPPED.request_arrived(seconds=1), id="somebody comes"),
        pytest.param(STOPPED.pinned("awake"), id="pinned awake"),
        pytest.param(STOPPED.problem(), id="a problem"),
    ],
)
def test_it_stays_down_for_a_while(seen: AppBuilder) -> None:
    check(seen, Phase.STUCK)
    plan = seen.plan()
    assert (plan.code, plan.warning, plan.requeue_after) == (Code.WAKE_STOPPED, True, timedelta(minutes=4))
    assert "in 4m, `waker wake` at once" in plan.reason


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(STOPPED.wake_requested(seconds=1), id="`waker wake`"),
        pytest.param(WOKEN.wake_requested(seconds=1), id="`waker wake`, before it was noted"),
        pytest.param(asleep(3).stopped(minutes=6).request_arrived(seconds=1), id="a visitor, later"),
        pytest.param(asleep(3).stopped(minutes=6).pinned("awake"), id="its pin, later"),
    ],
)
def test_what_wakes_it_again(seen: AppBuilder) -> None:
    check(seen, Phase.WAKING, ScaleUp(3))
    annotations = patch(seen.seen.workload, ScaleUp(3), NOW)["metadata"]["annotations"]
    assert annotations.get(names.STOPPED_AT) is None
    assert annotations[names.SCALED_UP_AT] is not None


def test_who_came_while_it_was_kept_down_does_not_wake_it_later() -> None:
    check(asleep(3).stopped(minutes=6).request_arrived(minutes=2), Phase.ASLEEP)


@pytest.mark.parametrize("seen", [WOKEN.not_managed(), STOPPED.not_managed()])
def test_without_kubesleeper_0_is_its_owners_number(seen: AppBuilder) -> None:
    check(seen, Phase.NOT_MANAGED, Restore(seen.seen.routes))
    check(seen.pointed_back(0), Phase.NOT_MANAGED, Forget(clean=True))


# --- its owner scales it up while it sleeps ---------------------------------------------------------------------------


def test_that_counts_as_a_wake_and_is_told_if_it_does_not_get_ready() -> None:
    scaled = app(9).saved(3).redirected()
    check(scaled.unready(), Phase.WAKING, RequestWake())
    check(scaled, Phase.RESTORING_ROUTES, Restore((at_waker(),)))
    late = scaled.unready().wake_requested(minutes=6)
    check(late, Phase.STUCK)
    assert late.plan().warning


def test_there_is_nobody_to_tell_where_it_is_not_managed() -> None:
    scaled = app(9).saved(3).redirected().unready().not_managed()
    check(scaled, Phase.RESTORING_ROUTES, Restore((at_waker(),)))


# --- the saved number is lost -----------------------------------------------------------------------------------------

LOST = app(0).redirected(hours=1)


@pytest.mark.parametrize("seen", [LOST, LOST.saved("three"), LOST.pinned("asleep")])
def test_nobody_guesses_for_nobody(seen: AppBuilder) -> None:
    check(seen, Phase.STUCK)
    assert seen.plan().needs is None


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(LOST.request_arrived(seconds=1), id="visited"),
        pytest.param(LOST.saved("three").request_arrived(seconds=1), id="visited; the number is no number"),
        pytest.param(LOST.wake_requested(), id="`waker wake`"),
        pytest.param(LOST.pinned("awake"), id="pinned awake"),
        pytest.param(LOST.not_managed().request_arrived(seconds=1), id="not managed any more"),
    ],
)
def test_for_a_visitor_its_autoscaler_or_1_has_to_do(seen: AppBuilder) -> None:
    asks = seen.without(Fact.LEAST_REPLICAS)
    check(asks, Phase.STUCK)
    assert asks.plan().needs is Fact.LEAST_REPLICAS
    check(seen, Phase.WAKING, ScaleUp(1))
    check(seen.wants_at_least(4), Phase.WAKING, ScaleUp(4))
    assert (seen.plan().warning, seen.plan().code) == (True, Code.REPLICAS_GUESSED)


def test_the_guess_is_noted_like_any_number() -> None:
    body = patch(LOST.seen.workload, ScaleUp(4), NOW)
    assert body["metadata"]["annotations"][names.SAVED_REPLICAS] == "4"
    assert names.SAVED_REPLICAS not in patch(asleep(4).seen.workload, ScaleUp(4), NOW)["metadata"]["annotations"]


def test_pinned_asleep_nobody_is_a_visitor() -> None:
    check(LOST.pinned("asleep").request_arrived(seconds=1), Phase.STUCK)
