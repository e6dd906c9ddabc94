"""When a failed pass is tried again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.plan.building import SHOP
from waker.errors import ClusterError, Conflict, Refused, TooSoon, Unavailable
from waker.reconcile.attempts import CONFLICT_AGAIN, ERROR_AGAIN, WANTED_AGAIN, Attempts


def in_a_row(error: Callable[[], ClusterError], count: int, *, wanted: bool) -> list[float]:
    attempts = Attempts()
    return [attempts.failed(SHOP, error(), wanted=wanted) for _ in range(count)]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_conflict_is_tried_again_at_once_and_then_ever_later(wanted: bool) -> None:
    (low, high), most = CONFLICT_AGAIN
    for number, wait in enumerate(in_a_row(lambda: Conflict("x"), 12, wanted=wanted)):
        assert min(low * 2**number, most) <= wait <= min(high * 2**number, most)


def test_errors_of_sleepers_wait_ever_longer() -> None:
    first, most = ERROR_AGAIN
    waits = in_a_row(lambda: Refused("x"), 20, wanted=False)
    assert waits[:4] == [first, 2 * first, 4 * first, 8 * first]
    assert waits[-1] == most


def test_what_somebody_waits_for_is_tried_every_two_seconds() -> None:
    assert in_a_row(lambda: Refused("x"), 20, wanted=True)[-1] == WANTED_AGAIN


@pytest.mark.parametrize("wanted", [True, False])
def test_the_api_server_says_how_long_to_wait(wanted: bool) -> None:
    assert in_a_row(lambda: Unavailable("x", 429, 7.0), 1, wanted=wanted) == [7.0]


def test_the_token_bucket_says_how_long_to_wait() -> None:
    assert in_a_row(lambda: TooSoon("x", timedelta(seconds=1.5)), 3, wanted=False) == [1.5] * 3


def test_conflicts_and_errors_are_counted_apart_and_success_ends_both() -> None:
    attempts = Attempts()
    for _ in range(8):
        attempts.failed(SHOP, Conflict("x"), wanted=False)
    assert attempts.failed(SHOP, Refused("x"), wanted=False) == ERROR_AGAIN[0]
    attempts.succeeded(SHOP)
    assert attempts.failed(SHOP, Refused("x"), wanted=False) == ERROR_AGAIN[0]
    assert attempts.failed(SHOP, Conflict("x"), wanted=False) <= CONFLICT_AGAIN[0][1]


def test_what_had_no_answer_is_known_until_it_is_tried() -> None:
    attempts = Attempts()
    attempts.failed(SHOP, Refused("x"), wanted=False)
    assert attempts.unavailable() == set()
    attempts.failed(SHOP, Unavailable("x"), wanted=False)
    assert attempts.unavailable() == {SHOP}
    assert attempts.unavailable() == set()
