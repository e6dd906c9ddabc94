"""What is decided for an app that sleeps or wakes. Each line is a sentence about `app`, see `building`."""

from datetime import timedelta

import pytest

from tests.plan.building import (
    AppBuilder,
    ago,
    app,
    asleep,
    at_waker,
    check,
    pointed_back,
    removed,
    route,
)
from waker.plan.actions import Action, Forget, Restore, ScaleUp
from waker.plan.model import Phase

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(asleep(), id="until visited"),
        pytest.param(asleep().blind(), id="traffic is of no interest"),
        pytest.param(asleep().paused(), id="paused: who sleeps goes on sleeping"),
        pytest.param(asleep().pinned("asleep").request_arrived(seconds=1), id="pinned asleep: whoever knocks"),
        pytest.param(asleep().pinned("asleep").wake_requested(), id="pinned asleep: whoever asks"),
        pytest.param(asleep().standby(), id="without the Lease"),
    ],
)
def test_it_stays_asleep(seen: AppBuilder) -> None:
    check(seen, Phase.ASLEEP)
    plan = seen.plan()
    assert (plan.requeue_after, plan.open, plan.warning) == (None, False, False)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(asleep(3).request_arrived(seconds=0), id="visited"),
        pytest.param(asleep(3).request_arrived(seconds=0).standby(), id="visited: no Lease is needed"),
        pytest.param(asleep(3).request_arrived(seconds=0).paused(), id="visited while paused"),
        pytest.param(asleep(3).wake_requested(), id="`waker wake`, or a knock at the other waker"),
        pytest.param(asleep(3).wake_requested(minutes=50), id="a wish survives any restart"),
        pytest.param(asleep(3).pinned("awake"), id="pinned awake"),
        pytest.param(asleep(3).problem(), id="a problem: it cannot go on sleeping"),
        pytest.param(asleep(3).not_managed(), id="not managed any more"),
        pytest.param(asleep(3).pointed_back(swaps=3), id="somebody keeps pointing its routes back"),
        pytest.param(
            asleep(3).routed(at_waker(), pointed_back("www", swaps=3)), id="somebody keeps pointing one of them back"
        ),
        pytest.param(
            asleep(3).routed(at_waker(swapped=ago())).request_arrived(seconds=1),
            id="visited a moment before a drift was mended",
        ),
        pytest.param(asleep(3).pointed_back().request_arrived(seconds=5), id="a wish is stronger than a drift"),
    ],
)
def test_waking_up(seen: AppBuilder) -> None:
    check(seen, Phase.WAKING, ScaleUp(3))
    assert not seen.plan().open, "there is nobody to pass a request to"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(asleep(3).request_arrived(seconds=0), id="visited"),
        pytest.param(asleep(3).pinned("awake"), id="pinned awake"),
        pytest.param(asleep(3).not_managed(), id="not managed any more"),
    ],
)
def test_the_pods_of_before_have_to_be_gone(seen: AppBuilder) -> None:
    """Until Kubernetes takes them it calls them ready, and the routes would go back to nobody."""
    check(seen.leaving(seconds=9), Phase.WAKING)
    assert seen.leaving(seconds=9).plan().requeue_after == SECOND
    check(seen.leaving(seconds=10), Phase.WAKING, ScaleUp(3))
    check(seen.leaving(seconds=-1), Phase.WAKING, ScaleUp(3))  # another waker's clock, far ahead


@pytest.mark.parametrize(
    ("seen", "phase", "does"),
    [
        pytest.param(
            app(3).saved(3).redirected().wake_requested().unready(), Phase.WAKING, None, id="pods are starting"
        ),
        pytest.param(
            app(3).saved(3).redirected().wake_requested(),
            Phase.RESTORING_ROUTES,
            Restore((at_waker(),)),
            id="ready: routes go back",
        ),
        pytest.param(
            app(3).saved(3).wake_requested(), Phase.RESTORING_ROUTES, Forget(), id="routes at the app: forget last"
        ),
        pytest.param(
            app(3).wake_requested(),
            Phase.RESTORING_ROUTES,
            Forget(),
            id="`waker wake` of an awake app starts its clock",
        ),
        pytest.param(
            app(1).saved(3).redirected(),
            Phase.RESTORING_ROUTES,
            Restore((at_waker(),)),
            id="an HPA, or its user, raised it",
        ),
        pytest.param(
            app(9).saved(3).redirected().wake_requested().unready(),
            Phase.WAKING,
            None,
            id="its user scaled it: ready first",
        ),
        pytest.param(app(9).saved(3), Phase.RESTORING_ROUTES, Forget(), id="its user's number stays"),
        pytest.param(
            app(3).saved("three"), Phase.RESTORING_ROUTES, Forget(), id="an unreadable number is of no use now"
        ),
        pytest.param(
            app(3).saved(3).wake_requested().pointed_back(),
            Phase.RESTORING_ROUTES,
            Restore((), (route().id,)),
            id="already pointed back",
        ),
        pytest.param(
            app(3).saved(3).wake_requested().routed(at_waker(), orphans=(removed(),)),
            Phase.RESTORING_ROUTES,
            Restore((at_waker(),), (removed(),)),
            id="a route that is gone is forgotten with the others",
        ),
        pytest.param(
            app(3).saved(3).not_managed(),
            Phase.RESTORING_ROUTES,
            Forget(clean=True),
            id="not managed: nothing stays behind",
        ),
        pytest.param(
            app(3).saved(3).paused(), Phase.RESTORING_ROUTES, Forget(clean=True), id="paused: nothing stays behind"
        ),
    ],
)
def test_rising(seen: AppBuilder, phase: Phase, does: Action | None) -> None:
    check(seen, phase, *([does] if does else []))


def test_a_wake_goes_on_whatever_the_traffic_says() -> None:
    """The counters know nothing of those who wait: an app that wakes is not idle."""
    check(
        app(3).saved(3).redirected(hours=2).visited(hours=2),
        Phase.RESTORING_ROUTES,
        Restore((at_waker(swapped=ago(hours=2)),)),
    )


def test_who_is_ready_gets_its_visitors_before_the_routes_are_back() -> None:
    assert app(3).saved(3).redirected().wake_requested().plan().open


def test_requests_pass_as_soon_as_a_pod_says_itself_that_it_is_ready() -> None:
    waking = app(3).saved(3).redirected().wake_requested()
    assert not waking.unready().plan().open
    assert waking.probed_ready().plan().open
    check(waking.probed_ready(), Phase.WAKING)
    assert waking.wake_requested(minutes=6).probed_ready().plan().open, "late, but there"
