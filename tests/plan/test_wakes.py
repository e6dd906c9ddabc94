"""Wakes and their stages: what nobody saw is part of the next stage, and the stages add up."""

from datetime import timedelta

import pytest

from tests.plan.building import NOW, SHOP
from waker.plan.model import Phase
from waker.plan.progress import Step
from waker.plan.wakes import MOST, Milestone, WakeOutcome, Wakes

SECOND = timedelta(seconds=1)


def begun() -> Wakes:
    wakes = Wakes()
    assert wakes.begin(SHOP, "browser", NOW - SECOND, NOW)
    return wakes


def test_each_stage_is_reported_once() -> None:
    wakes = begun()
    told = []
    for second, (phase, step) in enumerate(
        [
            (Phase.WAKING, Step.ASKED),
            (Phase.WAKING, Step.SCHEDULED),
            (Phase.WAKING, Step.PULLED),
            (Phase.WAKING, Step.STARTED),
            (Phase.RESTORING_ROUTES, Step.READY),
            (Phase.RESTORING_ROUTES, Step.READY),
            (Phase.AWAKE, Step.READY),
        ]
    ):
        seen = wakes.see(SHOP, phase, step, NOW + second * SECOND)
        assert seen
        told.append(seen[1])
    assert told == [None, Milestone.SCHEDULED, None, Milestone.STARTED, Milestone.READY, None, Milestone.ROUTED]
    (wake,) = wakes.last()
    assert [took.total_seconds() for took in wake.took.values()] == [1, 1, 2, 1, 2]
    assert wake.lasted == 7 * SECOND
    assert (wake.by, wake.outcome) == ("browser", WakeOutcome.READY)
    assert wakes.see(SHOP, Phase.AWAKE, Step.READY, NOW) is None, "it is over"


def test_what_nobody_saw_is_part_of_the_next_stage() -> None:
    wakes = begun()
    wakes.see(SHOP, Phase.AWAKE, Step.READY, NOW + 5 * SECOND)
    (wake,) = wakes.last()
    assert wake.took == {Milestone.ASKED: SECOND, Milestone.ROUTED: 5 * SECOND}


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        pytest.param((Phase.STUCK,), WakeOutcome.STUCK, id="not ready in time"),
        pytest.param((Phase.ASLEEP,), WakeOutcome.STOPPED, id="scaled to 0 by somebody"),
        pytest.param((Phase.RESTORING_ROUTES, Phase.FALLING_ASLEEP), WakeOutcome.READY, id="asleep again at once"),
        pytest.param((Phase.NOT_MANAGED,), WakeOutcome.READY, id="given back"),
        pytest.param((Phase.WAKING,), None, id="it goes on"),
    ],
)
def test_how_it_ends(phases: tuple[Phase, ...], outcome: WakeOutcome | None) -> None:
    wakes = begun()
    for phase in phases:
        wakes.see(SHOP, phase, Step.ASKED, NOW + SECOND)
    assert [each.outcome for each in wakes.last()] == [outcome]


def test_a_second_scale_up_is_the_same_wake() -> None:
    assert begun().begin(SHOP, "command", NOW, NOW) is None


def test_only_the_last_are_remembered() -> None:
    wakes = Wakes()
    for number in range(MOST + 5):
        app = SHOP._replace(name=f"app-{number}")
        wakes.begin(app, "client", NOW, NOW)
        wakes.see(app, Phase.AWAKE, Step.READY, NOW)
    assert len(list(wakes.last())) == MOST
    wakes.begin(SHOP, "client", NOW, NOW)
    wakes.forget(SHOP)
    assert next(wakes.last()).app.name == f"app-{MOST + 4}", "the newest first"
