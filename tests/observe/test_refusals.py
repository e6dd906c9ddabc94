"""What the API server refuses is tried ever more seldom, and most seldom where each try moves routes to and fro."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.plan.building import SHOP, route
from waker.observe.refusals import Refusals
from waker.plan.actions import Action, Redirect, RequestWake, ScaleToZero

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = 60.0
HOUR = 60 * MINUTE


def waits(refusals: Refusals, action: Action, times: int) -> list[float]:
    """Until the next try, after each refusal, in seconds."""
    found, now = [], NOW
    for _ in range(times):
        refusals.refused(SHOP, action, "a policy", now)
        refusal = refusals.of(SHOP)
        assert refusal
        found.append((refusal.again_at - now).total_seconds())
        now = refusal.again_at
    return found


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param(Redirect((route(),)), [10, 20, 40, 80, 160, 320, 600, 600], id="no route has moved"),
        pytest.param(RequestWake(), [10, 20, 40, 80, 160, 320, 600, 600], id="a wake"),
        pytest.param(
            Redirect((route(), route("www"))), [10, 6 * HOUR, 12 * HOUR, 24 * HOUR], id="one of two Ingresses has moved"
        ),
        pytest.param(
            ScaleToZero(2), [10, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR], id="the routes have moved to and fro"
        ),
    ],
)
def test_each_try_is_later_than_the_one_before(action: Action, expected: list[float]) -> None:
    refusals = Refusals()
    assert waits(refusals, action, len(expected)) == expected
    for _ in range(2000):
        refusals.refused(SHOP, action, "a policy", NOW)
    refusals.accepted(SHOP, action)
    assert refusals.of(SHOP) is None
    assert waits(refusals, action, 1) == expected[:1], "and from the beginning once it was taken"


def test_a_day_has_at_most_four_swings() -> None:
    tries = [NOW]
    for wait in waits(Refusals(), ScaleToZero(2), 8):
        tries.append(tries[-1] + timedelta(seconds=wait))
    assert max(sum(at <= other < at + timedelta(days=1) for other in tries) for at in tries) == 4
