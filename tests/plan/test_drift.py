"""Routes that somebody points back at the app while waker holds them: swapped again, but not at once and not for ever."""

import pytest

from tests.plan.building import AppBuilder, ago, app, asleep, at_waker, check, pointed_back, removed, route
from waker.plan.actions import Action, Redirect, RequestWake, Restore
from waker.plan.model import Phase
from waker.plan.snapshot import Fact


@pytest.mark.parametrize(
    ("seen", "does"),
    [
        pytest.param(
            asleep().pointed_back(minutes=1),
            Redirect((pointed_back(swapped=ago(minutes=1)),)),
            id="pointed back: again",
        ),
        pytest.param(asleep().pointed_back(seconds=9), None, id="not at once: 10 s after the first time"),
        pytest.param(asleep().pointed_back(swaps=2, seconds=19), None, id="20 s after the second"),
        pytest.param(
            asleep().pointed_back(swaps=2, seconds=20),
            Redirect((pointed_back(swaps=2, swapped=ago(seconds=20)),)),
            id="then again",
        ),
    ],
)
def test_drift_while_asleep_is_told(seen: AppBuilder, does: Action | None) -> None:
    check(seen, Phase.ASLEEP, *([does] if does else []))
    assert seen.plan().warning
    assert seen.plan().requeue_after


def test_a_route_that_its_user_has_added_while_asleep_is_moved_too() -> None:
    check(asleep().routed(at_waker(), route("www")), Phase.ASLEEP, Redirect((route("www"),)))
    assert not asleep().routed(at_waker(), route("www")).plan().warning, "nobody has done anything wrong"


def test_a_new_route_does_not_wait_for_one_that_was_pointed_back() -> None:
    check(asleep().routed(pointed_back(swapped=ago(seconds=1)), route("www")), Phase.ASLEEP, Redirect((route("www"),)))


def test_on_the_way_down_a_new_route_is_asked_about_like_any_other() -> None:
    falls = app(2).routed(at_waker(), pointed_back(swapped=ago(seconds=1)), route("www"))
    check(falls, Phase.FALLING_ASLEEP, Redirect((route("www"),)))
    asks = falls.without(Fact.REACHABLE)
    assert (asks.plan().needs, asks.plan().actions) == (Fact.REACHABLE, ())


def test_who_pins_asleep_what_another_tool_points_back_is_told() -> None:
    check(asleep().pinned("asleep").pointed_back(swaps=3), Phase.STUCK)


@pytest.mark.parametrize(
    ("seen", "phase", "does"),
    [
        pytest.param(app(2).pointed_back(seconds=9), Phase.FALLING_ASLEEP, None, id="pointed back: not at once"),
        pytest.param(
            app(2).pointed_back(seconds=10),
            Phase.FALLING_ASLEEP,
            Redirect((pointed_back(),)),
            id="pointed back: 10 s later again",
        ),
        pytest.param(
            app(2).pointed_back(swaps=3),
            Phase.FALLING_ASLEEP,
            RequestWake("somebody keeps pointing its routes back"),
            id="three times: its owner means it",
        ),
        pytest.param(
            app(2).pointed_back(swaps=3).pinned("asleep"), Phase.STUCK, None, id="pinned: its owners disagree"
        ),
    ],
)
def test_drift_on_the_way_down(seen: AppBuilder, phase: Phase, does: Action | None) -> None:
    check(seen, phase, *([does] if does else []))


def test_a_route_that_its_user_took_away_while_asleep_is_the_users() -> None:
    check(asleep().routed(at_waker(), orphans=(removed(),)), Phase.ASLEEP, Restore((), (removed(),)))
