"""Token buckets: a few at once, then one each interval, each key for itself."""

from datetime import UTC, datetime, timedelta

from waker.cluster import token_buckets
from waker.cluster.token_buckets import TokenBuckets

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOTHING = timedelta()
BURST = 5
MINUTE = timedelta(minutes=1)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_few_at_once_then_one_a_minute() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(BURST, MINUTE)
    assert [buckets.spend("way", at(second)) for second in range(BURST)] == [NOTHING] * BURST
    assert buckets.spend("way", at(10)) == timedelta(seconds=50)
    assert buckets.spend("way", at(60)) == NOTHING
    assert buckets.spend("way", at(61)) == timedelta(seconds=59)
    assert buckets.spend("way", at(120)) == NOTHING


def test_after_a_quiet_time_all_of_them_again() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(BURST, MINUTE)
    assert [buckets.spend("way", at(0)) for _ in range(BURST)] == [NOTHING] * BURST
    assert [buckets.spend("way", at(3600)) for _ in range(BURST)] == [NOTHING] * BURST
    assert buckets.spend("way", at(3600)) == MINUTE


def test_each_key_for_itself() -> None:
    buckets: TokenBuckets[tuple[str, str]] = TokenBuckets(BURST, MINUTE)
    for _ in range(BURST):
        buckets.spend(("a", "way"), NOW)
    assert buckets.spend(("a", "way"), NOW) > NOTHING
    assert buckets.spend(("a", "upstreams"), NOW) == buckets.spend(("b", "way"), NOW) == NOTHING


def test_keys_that_are_gone_take_no_memory() -> None:
    buckets: TokenBuckets[int] = TokenBuckets(BURST, MINUTE)
    for number in range(20 * token_buckets.TIDY):
        buckets.spend(number, at(number))
    assert len(buckets._full_at) <= 2 * token_buckets.TIDY
    assert buckets.spend(20 * token_buckets.TIDY - 1, at(20 * token_buckets.TIDY)) == NOTHING
