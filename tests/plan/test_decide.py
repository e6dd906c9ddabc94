"""What is done with one app, phase by phase. Each line is a sentence about `app`; see `building` for the words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.plan.building import (
    NOW,
    WAKE_TIMEOUT,
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
from waker.plan.actions import Action, Forget, Redirect, RequestWake, Restore, ScaleToZero, ScaleUp
from waker.plan.model import Phase, Policy

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(app().visited(minutes=29), id="visited within its limit"),
        pytest.param(app().visited(seconds=0), id="visited now"),
        pytest.param(app().blind(), id="unknown is not idle"),
        pytest.param(app().unobserved(), id="nothing read yet is not idle"),
        pytest.param(app().unobserved().woken(hours=3), id="not even with an old wake on record"),
        pytest.param(app().woken(minutes=10), id="the idle clock starts at the wake"),
        pytest.param(app().request_arrived(minutes=10), id="a request that a late controller sent here is a visit"),
        pytest.param(app().pinned("awake"), id="pinned awake: whatever the traffic"),
        pytest.param(app().pinned("awake").sleep_requested(), id="the pin is stronger than `waker sleep`"),
        pytest.param(app().paused(), id="paused: nothing is put to sleep"),
        pytest.param(app().paused().sleep_requested(), id="paused: not even if asked"),
        pytest.param(app().paused().pinned("asleep"), id="paused: not even if pinned"),
        pytest.param(app().unreachable(), id="its controllers would not reach waker: it stays"),
    ],
)
def test_it_stays_awake(seen: AppBuilder) -> None:
    check(seen, Phase.AWAKE)
    assert seen.plan().open, "late requests are passed on"


def test_an_app_in_use_is_looked_at_again_when_its_limit_would_be_reached() -> None:
    assert app().visited(minutes=29).plan().requeue_after == timedelta(minutes=1)


def test_who_cannot_sleep_for_want_of_preparation_is_told() -> None:
    assert app().unreachable("no way").plan().reason == "not visited for 3h, but no way"
    assert app().unreachable().plan().warning


@pytest.mark.parametrize(
    ("seen", "does"),
    [
        pytest.param(app(2), Redirect((route(),)), id="idle: routes move first"),
        pytest.param(
            app(2).routed(at_waker(), route("www")), Redirect((route("www"),)), id="one route has moved: now the other"
        ),
        pytest.param(
            app(2).redirected().followed(seconds=5), ScaleToZero(2), id="routes ours and followed: pods may go"
        ),
        pytest.param(
            app(2).redirected().followed(seconds=5).passing(1).visited(hours=1),
            None,
            id="not while requests are passing",
        ),
        pytest.param(
            app(2).redirected(minutes=1).followed(seconds=30).passing(1), ScaleToZero(2), id="but not for ever"
        ),
        pytest.param(app(2).redirected(), None, id="not followed yet: wait"),
        pytest.param(app(2).redirected().followed(seconds=1), None, id="followed just now: requests may end"),
        pytest.param(
            app(2).redirected().followed(seconds=5).read(seconds=6),
            None,
            id="followed, but the pages tell of the time before only",
        ),
        pytest.param(
            app(2).redirected().followed(seconds=5).read(seconds=5),
            ScaleToZero(2),
            id="read up to when it was followed",
        ),
        pytest.param(
            app(2).sleep_requested(seconds=20).redirected().followed(seconds=5).read(seconds=6),
            ScaleToZero(2),
            id="`waker sleep` does not wait for pages",
        ),
        pytest.param(
            app(2).loses_counts().redirected(minutes=2).followed(seconds=59),
            None,
            id="a visit may have been lost at the swap: who comes back within a minute finds the pods up",
        ),
        pytest.param(
            app(2).loses_counts().redirected(minutes=2).followed(seconds=60), ScaleToZero(2), id="nobody came back"
        ),
        pytest.param(
            app(2).loses_counts().sleep_requested(seconds=20).redirected().followed(seconds=5),
            ScaleToZero(2),
            id="`waker sleep` does not wait for who may come back",
        ),
        pytest.param(
            app(2).visited(minutes=1).sleep_requested(), Redirect((route(),)), id="`waker sleep` does not wait"
        ),
        pytest.param(app(2).blind().sleep_requested(), Redirect((route(),)), id="`waker sleep` needs no traffic"),
        pytest.param(
            app(2).sleep_requested(seconds=20).redirected().followed(seconds=5),
            ScaleToZero(2),
            id="`waker sleep`, later",
        ),
        pytest.param(app(2).visited(minutes=1).pinned("asleep"), Redirect((route(),)), id="pinned asleep: at once"),
        pytest.param(
            app(2).pinned("asleep").redirected().followed(seconds=5).request_arrived(seconds=3),
            ScaleToZero(2),
            id="pinned asleep: whoever knocks",
        ),
        pytest.param(
            app(2).wake_requested(hours=2).redirected().followed(seconds=5),
            ScaleToZero(2),
            id="a wish of long ago is over",
        ),
        pytest.param(
            app(2).request_arrived(hours=2).redirected().followed(seconds=5),
            ScaleToZero(2),
            id="a knock of long ago is over",
        ),
    ],
)
def test_falling_asleep(seen: AppBuilder, does: Action | None) -> None:
    check(seen, Phase.FALLING_ASLEEP, *([does] if does else []))
    assert not seen.plan().open, "nobody is passed on to pods that are about to go"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(app(2).redirected().request_arrived(seconds=5), id="somebody knocks"),
        pytest.param(app(2).redirected().request_arrived(seconds=5).standby(), id="somebody knocks at the other waker"),
        pytest.param(app(2).redirected().followed(seconds=5).request_arrived(seconds=5), id="in the last moment"),
        pytest.param(
            app(2).sleep_requested(seconds=20).redirected().request_arrived(seconds=5), id="`waker sleep` was asked for"
        ),
        pytest.param(app(2).routed(at_waker(), route("www")).request_arrived(seconds=5), id="half way down"),
        pytest.param(
            app(2).routed(at_waker(), route("www")).request_arrived(seconds=5).unreachable(),
            id="half way down, and there is no further",
        ),
        pytest.param(app(2).redirected().visited(seconds=3), id="a controller still counts requests"),
        pytest.param(app(2).redirected().blind(), id="traffic became unknown"),
        pytest.param(app(2).redirected().unobserved(), id="waker was started again"),
        pytest.param(app(2).redirected().pinned("awake"), id="pinned awake meanwhile"),
        pytest.param(app(2).redirected().paused(), id="paused meanwhile"),
        pytest.param(app(2).redirected(seconds=31), id="a controller pod never follows"),
    ],
)
def test_turning_back_is_written_down_first(seen: AppBuilder) -> None:
    check(seen, Phase.FALLING_ASLEEP, RequestWake())


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(app(2).redirected().wake_requested(seconds=5), id="a wish"),
        pytest.param(
            app(2).redirected().wake_requested(seconds=5).sleep_requested(seconds=20), id="a wish after `waker sleep`"
        ),
        pytest.param(app(2).redirected().wake_requested(seconds=5).blind(), id="a wish, traffic unknown"),
    ],
)
def test_a_written_wish_on_the_way_down_brings_the_routes_back(seen: AppBuilder) -> None:
    check(seen, Phase.RESTORING_ROUTES, Restore(seen.seen.routes))


def test_sleep_that_is_asked_for_after_a_wish_goes_on() -> None:
    check(
        app(2).wake_requested(minutes=2).sleep_requested(minutes=1).redirected().followed(seconds=5),
        Phase.FALLING_ASLEEP,
        ScaleToZero(2),
    )


def test_without_the_lease_and_without_a_knock_the_other_waker_is_left_alone() -> None:
    check(app(2).redirected().unobserved().standby(), Phase.FALLING_ASLEEP)
    check(app(2).redirected().unobserved().standby().request_arrived(hours=5), Phase.FALLING_ASLEEP)


def test_pinned_asleep_with_a_controller_that_never_follows_is_stuck() -> None:
    check(app(2).redirected(seconds=31).pinned("asleep"), Phase.STUCK)


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
        pytest.param(asleep(3).not_managed(), id="not ours any more"),
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
        pytest.param(asleep(3).not_managed(), id="not ours any more"),
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
            app(3).saved(3).wake_requested(), Phase.RESTORING_ROUTES, Forget(), id="routes theirs: forget last"
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
        pytest.param(app(9).saved(3).redirected().unready(), Phase.WAKING, None, id="its user scaled it: ready first"),
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
            id="not ours: nothing stays behind",
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


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(app(3).saved(3).redirected().wake_requested(minutes=6).unready(), id="not ready in time"),
        pytest.param(app(0).redirected(), id="the user's number is gone"),
        pytest.param(app(0).saved("three").redirected(), id="the user's number cannot be read"),
        pytest.param(app(0).saved(0).redirected(), id="0 is nobody's number"),
        pytest.param(app(0).saved("9" * 5000).redirected(), id="nor is that"),
        pytest.param(app(0).saved("three"), id="it cannot be read, and the routes are back"),
        pytest.param(app(0).saved("three").not_managed(), id="it cannot be read: it is not thrown away either"),
        pytest.param(app(0).redirected().not_managed(), id="not ours any more, and the number is gone"),
    ],
)
def test_stuck_is_told_and_changes_nothing(seen: AppBuilder) -> None:
    check(seen, Phase.STUCK)
    assert seen.plan().warning
    assert seen.plan().requeue_after


@pytest.mark.parametrize(
    ("seen", "warns"),
    [
        pytest.param(app().not_managed(), False, id="not enabled"),
        pytest.param(app().problem(), True, id="a problem: its user is told"),
        pytest.param(app().problem().not_managed(), False, id="not enabled: its problems are its own"),
        pytest.param(app(0), False, id="scaled to 0 by its owner"),
        pytest.param(app(0).request_arrived(seconds=1), False, id="scaled to 0 by its owner: no knock wakes it"),
        pytest.param(app(0).wake_requested(), False, id="scaled to 0 by its owner: no wish wakes it"),
    ],
)
def test_not_ours_is_not_touched(seen: AppBuilder, warns: bool) -> None:
    check(seen, Phase.NOT_MANAGED)
    assert seen.plan().warning is warns


def test_the_annotation_is_gone_and_so_are_our_notes() -> None:
    check(app().woken(days=1).not_managed(), Phase.NOT_MANAGED, Forget(clean=True))


@pytest.mark.parametrize(
    ("seen", "phase", "does"),
    [
        pytest.param(
            app(2).saved(2).redirected().problem(), Phase.RESTORING_ROUTES, Restore((at_waker(),)), id="routes go back"
        ),
        pytest.param(app(2).saved(2).redirected().problem().unready(), Phase.WAKING, None, id="only to ready pods"),
        pytest.param(app(2).saved(2).problem(), Phase.RESTORING_ROUTES, Forget(), id="then all is forgotten"),
        pytest.param(
            app(2).redirected().not_managed(),
            Phase.RESTORING_ROUTES,
            Restore((at_waker(),)),
            id="on the way down: likewise",
        ),
    ],
)
def test_with_a_problem_everything_is_given_back(seen: AppBuilder, phase: Phase, does: Action | None) -> None:
    check(seen, phase, *([does] if does else []))


def test_the_reason_is_a_sentence_for_a_person() -> None:
    assert app().visited(minutes=1).plan().reason == "in use: sleeps 30m after its last visit"
    assert app().blind("Traefik pod a/b does not answer").plan().reason.endswith(": Traefik pod a/b does not answer")
    assert app().problem("a").plan().reason == "a"
    assert asleep().request_arrived(seconds=0).plan().reason == "visited"
    assert "look at its pods" in app(3).saved(3).redirected().wake_requested(minutes=6).unready().plan().reason


def test_settling_is_looked_at_again_as_soon_as_it_is_over() -> None:
    seen = app(2).redirected().followed(seconds=1.9)
    again = seen.plan().requeue_after
    assert again == timedelta(milliseconds=100)
    assert seen.plan(NOW + again).actions == (ScaleToZero(2),)


def test_pods_stay_no_longer_than_an_idle_period_for_who_may_come_back() -> None:
    quick = app(2).loses_counts().redirected(minutes=1)
    quick = AppBuilder(replace(quick.seen, policy=Policy(10 * SECOND, WAKE_TIMEOUT)))
    assert quick.followed(seconds=9).plan().requeue_after == SECOND
    assert not quick.followed(seconds=9).plan().actions
    assert quick.followed(seconds=10).plan().actions == (ScaleToZero(2),)


def test_requests_pass_as_soon_as_a_pod_says_itself_that_it_is_ready() -> None:
    waking = app(3).saved(3).redirected().wake_requested()
    assert not waking.unready().plan().open
    assert waking.probed_ready().plan().open
    check(waking.probed_ready(), Phase.WAKING)
    assert waking.wake_requested(minutes=6).probed_ready().plan().open, "late, but there"
