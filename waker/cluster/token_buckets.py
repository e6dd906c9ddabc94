"""Token buckets: so many at once, and one more after each interval. What is bounded by them can never run away.

A bucket for each key, full at first. A key that is full again takes no memory. `cluster.writes`, `cluster.event_correlation`
and `reconcile.namespace` ask.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

TIDY = 1000  # keys; so many are looked through for full buckets, now and then


class TokenBuckets(Generic[K]):
    """`burst` at once for each key, then one `every`."""

    def __init__(self, burst: int, every: timedelta) -> None:
        self._burst = burst
        self._every = every
        self._full_at: dict[K, datetime] = {}  # each token that is spent moves it one interval further away
        self._tidy_at = TIDY

    def spend(self, key: K, now: datetime) -> timedelta:
        """Zero, and one token is spent; or how long until there is one to spend."""
        full_at = max(now, self._full_at.get(key, now)) + self._every
        wait = full_at - self._every * self._burst - now
        if wait > timedelta():
            return wait
        self._full_at[key] = full_at
        if len(self._full_at) > self._tidy_at:
            self._full_at = {each: at for each, at in self._full_at.items() if at > now}
            self._tidy_at = max(TIDY, 2 * len(self._full_at))
        return timedelta()
