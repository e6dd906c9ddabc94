"""What is decided for an app that is awake or falls asleep. Each line is a sentence about `app`, see `building`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.plan.building import (
    NOW,
    WAKE_TIMEOUT,
    AppBuilder,
    ago,
    app,
    at_waker,
    check,
    route,
)
from waker.plan.actions import Action, Redirect, RequestWake, Restore, ScaleToZero
from waker.plan.codes import Code
from waker.plan.model import Phase, Policy
from waker.plan.snapshot import Fact, Refusal

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
        pytest.param(app().paused(), id="paused: nothing is put to sleep"),
        pytest.param(app().paused().sleep_requested(), id="paused: not even if asked"),
        pytest.param(app().paused().pinned("asleep"), id="paused: not even if pinned"),
        pytest.param(app().unreachable(), id="its controllers would not reach waker: it stays"),
    ],
)
def test_it_stays_awake(seen: AppBuilder) -> None:
    check(seen, Phase.AWAKE)
    assert seen.plan().open, "late requests are forwarded"


@pytest.mark.parametrize(
    ("seen", "tries"),
    [
        pytest.param(app(), False, id="nobody has asked"),
        pytest.param(app().sleep_requested(minutes=2), False, id="asked before it was refused"),
        pytest.param(app().sleep_requested(seconds=1), True, id="asked since: the policy may be mended"),
        pytest.param(app().pinned("asleep"), False, id="pinned: since when is not known"),
    ],
)
def test_what_was_refused_is_tried_at_once_for_who_asks(seen: AppBuilder, *, tries: bool) -> None:
    refused = AppBuilder(replace(seen.seen, refusal=Refusal("a policy", ago(minutes=1), NOW + timedelta(hours=6))))
    assert isinstance((refused.plan().actions or (None,))[0], Redirect) is tries
    assert refused.plan().code is (Code.MOVING_ROUTES if tries else Code.WRITE_REFUSED)


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
            app(2).redirected().followed(seconds=5), ScaleToZero(2), id="routes at waker and followed: pods may go"
        ),
        pytest.param(
            app(2).redirected().followed(seconds=5).forwarding(1).visited(hours=1),
            None,
            id="not while requests are being forwarded",
        ),
        pytest.param(
            app(2).sleep_requested(minutes=2).redirected(minutes=1).followed(seconds=30).forwarding(1),
            ScaleToZero(2),
            id="but not for ever, if somebody wants its sleep",
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
    assert not seen.plan().open, "nobody is forwarded to pods that are about to go"


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
        pytest.param(app(2).redirected().unobserved(), id="waker was started again"),
        pytest.param(app(2).redirected().pinned("awake"), id="pinned awake meanwhile"),
        pytest.param(app(2).redirected().paused(), id="paused meanwhile"),
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


def test_what_is_unknown_on_the_way_down_is_waited_for_a_while() -> None:
    falls = app(2).redirected(minutes=1).followed(seconds=30).blind()
    assert (falls.plan().code, falls.plan().actions) == (Code.READING_ONCE_MORE, ())
    assert falls.request_arrived(seconds=5).plan().code is Code.TURNING_BACK
    assert falls.redirected(minutes=2).plan().code is Code.TURNING_BACK


def test_right_before_its_routes_move_its_controllers_are_read_and_all_replicas_asked() -> None:
    asks = app(2).without(Fact.READ).without(Fact.CARRIED)
    assert asks.plan().needs is Fact.READ
    assert app(2).without(Fact.CARRIED).plan().needs is Fact.CARRIED
    for wanted in (asks.sleep_requested(), asks.pinned("asleep")):
        assert wanted.plan().actions == (Redirect((route(),)),), "whoever visits"


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        pytest.param(app(2).carried(minutes=29), Code.IN_USE, id="a WebSocket that waker carries is a visit"),
        pytest.param(app(2).carried(minutes=30), Code.MOVING_ROUTES, id="it ended an idle period ago"),
        pytest.param(app(2).silent(), Code.REPLICA_SILENT, id="a replica does not say so"),
        pytest.param(app(2).silent().sleep_requested(), Code.MOVING_ROUTES, id="whom `waker sleep` does not wait for"),
        pytest.param(
            app(2).redirected(minutes=2).followed(minutes=1).forwarding(1),
            Code.TURNING_BACK,
            id="a request that began in that moment does not end",
        ),
        pytest.param(
            app(2).redirected(seconds=40).followed(seconds=5).doubted(seconds=20),
            Code.KEEPING_PODS,
            id="a visit of that moment may be lost: its pods stay a while",
        ),
        pytest.param(
            app(2).redirected(minutes=3).followed(minutes=2).doubted(minutes=1), Code.SCALING_DOWN, id="but no longer"
        ),
        pytest.param(
            app(2).redirected(seconds=40).followed(seconds=5).ignoring(seconds=20),
            Code.KEEPING_PODS,
            id="so they do where the user ignores losses",
        ),
        pytest.param(
            app(2).redirected(seconds=40).followed(seconds=5).ignoring(seconds=50),
            Code.SCALING_DOWN,
            id="but not for one before its routes moved",
        ),
    ],
)
def test_what_waker_itself_carries_is_a_visit(seen: AppBuilder, code: Code) -> None:
    assert seen.plan().code is code
