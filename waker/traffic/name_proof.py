"""Whether a controller pod counts under the names that waker builds, proved by waker's own requests.

No IO and no clock: `rounds` sends the requests and notes what comes of them, `scraped_controller` asks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waker.traffic.controllers import SeriesKey
from waker.traffic.ledger import SHOWN_WITHIN, Scrape

ASK_FIRST, ASK_LAST = timedelta(seconds=5), timedelta(minutes=5)  # until a pod is asked again; doubled each time
WRONG_AFTER: Final = 3  # scrapes


@dataclass(slots=True)
class NameProof:
    """Of one pod. It is asked for waker's own keeper, and must count that like any other backend.

    If it does, a backend that is not on its page has counted nothing. If waker got the request and it does not show, the names
    are others.
    """

    keys: frozenset[SeriesKey] = frozenset()  # one of them must have been counted
    given: bool = False
    missing: int = 0  # scrapes that did not show it
    tries: int = 0
    asked_at: datetime | None = None
    _arrived_at: datetime | None = None

    def wants_proof(self, now: datetime) -> bool:
        """Whether it should be asked, again and ever more seldom."""
        wait = min(ASK_FIRST * 2 ** min(self.tries, 10), ASK_LAST)
        return not self.given and (self.asked_at is None or now >= self.asked_at + wait)

    def asked(self, keys: frozenset[SeriesKey], now: datetime) -> None:
        """A request was sent that it must have counted under one of `keys`; under none, if it did not arrive."""
        self.asked_at, self.tries = now, self.tries + 1
        if keys:
            self.keys, self._arrived_at = keys, now

    def scraped(self, scrape: Scrape, asked_at: datetime) -> None:
        """It was read, for `keys` as well."""
        if (
            self.given
            or not self._arrived_at
            or not scrape.keys >= self.keys
            or asked_at < self._arrived_at + SHOWN_WITHIN
        ):
            return
        self.given = not self.keys.isdisjoint(scrape.tallies.keys() | scrape.heads)
        self.missing += not self.given
        self._arrived_at = None

    @property
    def wrong(self) -> bool:
        """Whether it counts under other names, so that nobody knows what an app's are."""
        return self.missing >= WRONG_AFTER and not self.given
