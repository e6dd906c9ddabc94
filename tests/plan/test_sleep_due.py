"""When an idle period is over, which knocks still want an answer, and how long an app with WebSockets is left alone."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.plan.building import NOW, AppBuilder, ago, app, asleep, at_waker
from waker.plan.model import Phase, Policy
from waker.plan.sleep_due import LASTING_FACTOR, LASTING_LEAST, arrivals_answered_until, idle_period, sleep_due
from waker.plan.snapshot import Traffic


@pytest.mark.parametrize(
    ("found", "was", "until"),
    [
        pytest.param(app(2), Phase.AWAKE, None, id="awake: a late request is remembered as a visit"),
        pytest.param(app(2).redirected(), Phase.FALLING_ASLEEP, None, id="on the way down: none is answered yet"),
        pytest.param(
            app(2).wake_requested(seconds=5),
            Phase.FALLING_ASLEEP,
            ago(seconds=5),
            id="those before a wish that is written down",
        ),
        pytest.param(
            asleep(), Phase.FALLING_ASLEEP, ago(hours=1), id="it just fell asleep: those before the swap were visits"
        ),
        pytest.param(asleep(), Phase.AWAKE, ago(hours=1), id="likewise if the other waker did it"),
        pytest.param(asleep(), Phase.ASLEEP, None, id="asleep: every knock is a wish"),
        pytest.param(asleep().wake_requested(), Phase.ASLEEP, ago(), id="asleep, and the wish is written down"),
        pytest.param(
            app(0).routed(at_waker(swapped=ago(hours=2)), at_waker("www", swapped=ago(hours=1))),
            Phase.FALLING_ASLEEP,
            ago(hours=2),
            id="the first of several swaps",
        ),
    ],
)
def test_up_to_when_knocks_are_answered(found: AppBuilder, was: Phase, until: datetime | None) -> None:
    assert arrivals_answered_until(found.seen.workload, found.seen.routes, was) == until


@pytest.mark.parametrize(
    ("found", "due"),
    [
        pytest.param(app().visited(minutes=31), True, id="all is known up to now"),
        pytest.param(app().visited(minutes=31).read(minutes=1), True, id="its whole idle period was read"),
        pytest.param(app().visited(minutes=31).read(minutes=1, seconds=1), False, id="its last second was not"),
        pytest.param(app().visited(minutes=31).doubted(minutes=29), False, id="a later visit may have been lost"),
        pytest.param(app().visited(minutes=31).doubted(minutes=30), True, id="but not for ever"),
        pytest.param(app().visited(minutes=31).ignoring(minutes=29), True, id="a loss that the user ignores"),
        pytest.param(
            app().visited(minutes=31).redirected().doubted(seconds=5),
            True,
            id="its own swap reloads the controller, too",
        ),
        pytest.param(app().pinned("asleep").read(hours=5), True, id="a pin needs no pages"),
        pytest.param(app().sleep_requested().read(hours=5), True, id="nor does `waker sleep`"),
    ],
)
def test_an_idle_period_is_one_that_was_read(found: AppBuilder, due: bool) -> None:
    assert sleep_due(found.seen, NOW).due is due


SHORT, LONG = timedelta(minutes=10), timedelta(hours=3)


@pytest.mark.parametrize(
    ("policy", "lasting", "period"),
    [
        pytest.param(Policy(SHORT, SHORT), False, SHORT, id="no WebSocket: as it is said"),
        pytest.param(Policy(SHORT, SHORT), True, LASTING_LEAST, id="WebSockets: as long as a tab is left open"),
        pytest.param(Policy(LONG, SHORT), True, LASTING_FACTOR * LONG, id="WebSockets: a multiple"),
        pytest.param(Policy(SHORT, SHORT, min_idle=SHORT), True, SHORT, id="its user knows how long they last"),
    ],
)
def test_an_app_with_websockets_rests_later(policy: Policy, lasting: bool, period: timedelta) -> None:
    assert idle_period(policy, Traffic(lasting=lasting)) == period


def test_and_its_user_is_told_why() -> None:
    found = app().visited(minutes=40).seen
    plan = AppBuilder(replace(found, traffic=replace(found.traffic, lasting=True))).plan()
    assert plan.phase is Phase.AWAKE
    assert (
        plan.reason
        == "in use: sleeps 2h after its last visit (longer because it has WebSockets: set kubesleeper.io/min-idle)"
    )
