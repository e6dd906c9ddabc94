"""The garbage collector is as it was after the start, and leaves alone what was there then."""

import gc

import pytest

from waker.cluster import collector


def collections() -> int:
    """Of everything, so far."""
    return int(gc.get_stats()[2]["collections"])


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_listed_is_looked_at_once_at_the_most(*, fails: bool) -> None:
    threshold, before = gc.get_threshold(), collections()
    try:
        with collector.relaxed():
            listed = [[number] for number in range(150_000)]
            assert collections() == before
            if fails:
                raise ValueError(len(listed))
    except ValueError:
        assert fails
    try:
        assert gc.get_freeze_count() >= len(listed)
        assert gc.get_threshold() == threshold
        assert gc.isenabled()
    finally:
        gc.unfreeze()
