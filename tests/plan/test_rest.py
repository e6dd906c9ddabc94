"""When an idle period is over, and which knocks still want an answer."""

from datetime import datetime

import pytest

from tests.plan.building import NOW, App, ago, app, asleep, ours
from waker.plan.model import Phase
from waker.plan.rest import answered_until, rest_of


@pytest.mark.parametrize(
    ("found", "was", "until"),
    [
        pytest.param(app(2), Phase.AWAKE, None, id="awake: a late request is remembered as a visit"),
        pytest.param(app(2).redirected(), Phase.FALLING, None, id="on the way down: none is answered yet"),
        pytest.param(
            app(2).wished(seconds=5), Phase.FALLING, ago(seconds=5), id="those before a wish that is written down"
        ),
        pytest.param(
            asleep(), Phase.FALLING, ago(hours=1), id="it just fell asleep: those before the swap were visits"
        ),
        pytest.param(asleep(), Phase.AWAKE, ago(hours=1), id="likewise if the other waker did it"),
        pytest.param(asleep(), Phase.ASLEEP, None, id="asleep: every knock is a wish"),
        pytest.param(asleep().wished(), Phase.ASLEEP, ago(), id="asleep, and the wish is written down"),
        pytest.param(
            app(0).routed(ours(swapped=ago(hours=2)), ours("www", swapped=ago(hours=1))),
            Phase.FALLING,
            ago(hours=2),
            id="the first of several swaps",
        ),
    ],
)
def test_up_to_when_knocks_are_answered(found: App, was: Phase, until: datetime | None) -> None:
    assert answered_until(found.seen.workload, found.seen.routes, was) == until


@pytest.mark.parametrize(
    ("found", "due"),
    [
        pytest.param(app().visited(minutes=31), True, id="all is known up to now"),
        pytest.param(app().visited(minutes=31).read(minutes=1), True, id="its whole idle period was read"),
        pytest.param(app().visited(minutes=31).read(minutes=1, seconds=1), False, id="its last second was not"),
        pytest.param(app().visited(minutes=31).doubted(minutes=29), False, id="a later visit may have been lost"),
        pytest.param(app().visited(minutes=31).doubted(minutes=30), True, id="but not for ever"),
        pytest.param(
            app().visited(minutes=31).redirected().doubted(seconds=5),
            True,
            id="its own swap reloads the controller, too",
        ),
        pytest.param(app().pinned("asleep").read(hours=5), True, id="a pin needs no pages"),
        pytest.param(app().told_to_sleep().read(hours=5), True, id="nor does `waker sleep`"),
    ],
)
def test_an_idle_period_is_one_that_was_read(found: App, due: bool) -> None:
    assert rest_of(found.seen, NOW).due is due
