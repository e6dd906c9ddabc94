"""Whether a controller pod counts under the names that waker builds, proved by waker's own requests.

No IO and no clock: `rounds` sends the requests and notes what comes of them, `scraped_controller` asks. The subtle thing: the
keepers stand in the namespaces of tenants. One of them may break its own, or take its path, and then proves nothing for the
others. So each try goes through the keeper of another namespace, and names are wrong only if several namespaces agree.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from waker.traffic.controllers import SeriesKey
from waker.traffic.ledger import SHOWN_WITHIN, Scrape

ASK_FIRST, ASK_LAST = timedelta(seconds=5), timedelta(minutes=5)  # until a pod is asked again; doubled each time
WRONG_AFTER: Final = 3  # scrapes
AGREE: Final = 2  # namespaces, if there are several


class Primed(NamedTuple):
    """What came of one request through a pod: under which series it counted that, in any of these spellings.

    `keys`: none if it did not arrive. `namespace`: of the keeper that was asked for, "" if there is none. `alone`: no other
    namespace has a keeper of this controller.
    """

    keys: frozenset[SeriesKey] = frozenset()
    namespace: str = ""
    alone: bool = True


@dataclass(slots=True)
class NameProof:
    """Of one pod. It is asked for waker's own keepers, and must count them like any other backend.

    If it does, a backend that is not on its page has counted nothing. If waker got the request and it does not show, the names
    are others.
    """

    keys: frozenset[SeriesKey] = frozenset()  # one of them must have been counted
    given: bool = False
    missing: int = 0  # scrapes that did not show it
    missing_from: frozenset[str] = frozenset()  # the namespaces of their keepers, two at most
    tries: int = 0
    namespace: str = ""  # whose keeper was asked for last
    alone: bool = True  # no other namespace has one
    asked_at: datetime | None = None
    _arrived_at: datetime | None = None
    _arrived_from: str = ""

    def wants_proof(self, now: datetime) -> bool:
        """Whether it should be asked, again and ever more seldom."""
        wait = min(ASK_FIRST * 2 ** min(self.tries, 10), ASK_LAST)
        return not self.given and (self.asked_at is None or now >= self.asked_at + wait)

    def asked(self, primed: Primed, now: datetime) -> None:
        """A request was sent that it must have counted under one of the keys; under none, if it did not arrive."""
        self.asked_at, self.tries = now, self.tries + 1
        self.namespace, self.alone = primed.namespace, primed.alone
        if primed.keys:
            self.keys, self._arrived_at, self._arrived_from = primed.keys, now, primed.namespace

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
        self._arrived_at = None
        if not self.given:
            self.missing += 1
            if len(self.missing_from) < AGREE:
                self.missing_from |= {self._arrived_from}

    @property
    def wrong(self) -> bool:
        """Whether it counts under other names, so that nobody knows what an app's are."""
        agreed = self.alone or len(self.missing_from) >= AGREE
        return self.missing >= WRONG_AFTER and agreed and not self.given
