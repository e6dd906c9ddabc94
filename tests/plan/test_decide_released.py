"""What is decided for an app that is stuck, not enabled, or cannot sleep. Each line is a sentence about `app`."""

from datetime import timedelta

import pytest

from tests.plan.building import (
    AppBuilder,
    app,
    asleep,
    at_waker,
    check,
)
from waker.plan.actions import Action, Forget, Restore
from waker.plan.model import Phase

SECOND = timedelta(seconds=1)


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
    ],
)
def test_stuck_is_told_and_changes_nothing(seen: AppBuilder) -> None:
    check(seen, Phase.STUCK)
    assert seen.plan().warning
    assert seen.plan().requeue_after


def test_who_is_not_managed_any_more_gets_the_routes_back_without_a_number() -> None:
    """Nobody waits at a door of waker for what only its owner can do."""
    seen = app(0).redirected().not_managed()
    check(seen, Phase.RESTORING_ROUTES, Restore((at_waker(),)))
    assert seen.plan().warning
    assert "scale the workload by hand" in seen.plan().reason


def test_a_pin_overtakes_a_request_for_sleep() -> None:
    """Or the app would fall asleep when the pin is removed, weeks later."""
    check(app().pinned("awake").sleep_requested(), Phase.RESTORING_ROUTES, Forget())


@pytest.mark.parametrize(
    ("seen", "warns"),
    [
        pytest.param(app().not_managed(), False, id="not enabled"),
        pytest.param(app().problem(), True, id="a problem: its user is warned"),
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
