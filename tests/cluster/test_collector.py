"""The garbage collector is as it was after the start, and leaves alone what was there then."""

import gc

import pytest

from waker.cluster import collector


def collections() -> int:
    """Of everything, so far."""
    return int(gc.get_stats()[2]["collections"])


def test_what_was_listed_is_looked_at_once_at_the_most() -> None:
    threshold, before = gc.get_threshold(), collections()
    with collector.relaxed():
        listed = [[number] for number in range(150_000)]
        assert collections() == before
    try:
        assert gc.get_freeze_count() >= len(listed)
        assert gc.get_threshold() == threshold
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_a_start_that_fails_leaves_the_collector_as_it_was() -> None:
    threshold = gc.get_threshold()
    with pytest.raises(ValueError, match="failed"), collector.relaxed():
        raise ValueError("failed")
    gc.unfreeze()
    assert gc.get_threshold() == threshold
