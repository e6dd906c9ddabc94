"""What moved between two pages of a controller pod: the ledger of counters.

Pure: pages go in, the series that were visited come out; when that was and whose they are is `scrape`'s business.
    first page of a pod     baseline when watching begins; counted from 0 for a pod that appeared later
    first page with a key   baseline
    sum of a series rose    a visit; a new series rose from 0
    sum fell, or is equal    a visit if the new sum is above 0: counters began again, so any of it is new
      but made up differently
    series gone             nothing: its backend left the configuration
    gauge above 0           a visit, now
    the process restarted   everybody may have been visited and nobody counted it: all are
      and the one before    what was open on its last page is a visit for as long as it may go on unseen
      lives on
    a sample that no        not there (answered by the controller itself, or with a status that is to be ignored)
      visitor is behind
    it reloaded             likewise, but only in the second before: in doubt
Not to be known from counters: a series that was dropped and grew back to the very same number between two pages, and
what it had counted since the last page when it was dropped. A restart, where that happens to all, is told by its time.
Where the controller tells methods apart a HEAD is no visit: monitors send them, and so does waker. Elsewhere what
waker asked itself is taken off the next rises of that pod and series, never below 0 and only until a page must have
shown it: a request of ours that was never counted must not swallow a visitor's.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zlib import crc32

from waker.errors import ScrapeError
from waker.traffic.controllers import Adapter, Process, SeriesKey
from waker.traffic.lines import Sample

SHOWN_WITHIN: Final = timedelta(seconds=10)  # a finished request is on the page after 1 s (ingress-nginx's batches)


class Tally(NamedTuple):
    """The series of one key, summed up. `mark` tells apart equal sums that are made up differently."""

    total: float = 0.0
    mark: int = 0


UNCOUNTED: Final = Tally()
MARKS: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Scrape:
    """All that is kept of one page. `keys` were looked for; those in `tallies` stand on it; `open` are being used."""

    keys: frozenset[SeriesKey] = frozenset()
    tallies: Mapping[SeriesKey, Tally] = field(default_factory=dict)
    open: frozenset[SeriesKey] = frozenset()
    lasting: frozenset[SeriesKey] = frozenset()  # have had connections that are not seen while they last
    proven: bool = False  # it counts requests, of whomever
    started: float | None = None  # grows at a restart of the process
    reloads: float | None = None  # grows when the controller loses what it has not shown yet
    process: Process | None = None


class ScrapeBuilder:
    """A page in the making: samples go in as they come."""

    def __init__(self, adapter: Adapter, keys: frozenset[SeriesKey]) -> None:
        self._adapter, self._keys = adapter, keys
        self._tallies = dict.fromkeys(keys, UNCOUNTED)  # by the keys that are there already, not by copies
        self._open: set[SeriesKey] = set()
        self._lasting: set[SeriesKey] = set()
        self._proven = False
        self._started: float | None = None
        self._reloads: float | None = None

    def add(self, samples: Iterable[Sample]) -> None:
        """Raises ScrapeError for a value that cannot be counted with."""
        process, gauge, requests = self._adapter.process, self._adapter.open_requests, self._adapter.requests.metric
        for metric, labels, value in samples:
            if not 0 <= value < math.inf:
                raise ScrapeError(f"the page has a value of {metric} that is no count: {value}")
            if metric == requests:
                self._count(labels, value)
            elif metric == self._adapter.reloads:
                self._reloads = value
            elif gauge and metric == gauge.metric and value:
                self._open.add(gauge.key(labels))
            elif process and metric == process.metric:
                self._started = value * process.sign

    def scrape(self) -> Scrape:
        """The page, when it has been read to its end."""
        return Scrape(
            self._keys,
            {key: tally for key, tally in self._tallies.items() if tally is not UNCOUNTED},
            frozenset(self._open & self._keys),
            frozenset(self._lasting),
            proven=self._proven,
            started=self._started,
            reloads=self._reloads,
            process=self._adapter.process,
        )

    def _count(self, labels: Mapping[str, str], value: float) -> None:
        self._proven = True
        key = self._adapter.requests.key(labels)
        tally = self._tallies.get(key)
        if tally is None:
            return
        for each in self._adapter.not_visits:
            if each.match(labels):
                return
        total, mark = tally
        if value:  # one that appears at 0 has moved nothing
            mark = (mark + _weight(labels) * hash(value)) % MARKS
            if self._adapter.lasting and self._adapter.lasting.match(labels):
                self._lasting.add(key)
        self._tallies[key] = Tally(total + value, mark)


def _weight(labels: Mapping[str, str]) -> int:
    """A series' own. The same in every process, for `memory` outlives this one. A controller writes its labels in one order."""
    return crc32("\0".join(labels.values()).encode())


class Movement(NamedTuple):
    """What a page tells against the one before. `lost`: all that was counted since may be, whosever it was.

    `doubted`: only what came in the last second before a reload.
    """

    visited: frozenset[SeriesKey]
    lost: bool = False
    doubted: bool = False


@dataclass(slots=True)
class OwnRequests:
    """Requests of waker's own that a pod has still to show, once, under any of `keys`."""

    keys: frozenset[SeriesKey]
    count: float
    until: datetime


@dataclass(slots=True)
class Ledger:
    """The last page of each controller pod, by its uid."""

    _scrapes: dict[str, Scrape] = field(default_factory=dict)
    _own: dict[str, list[OwnRequests]] = field(default_factory=dict)
    _unseen: dict[str, dict[SeriesKey, datetime]] = field(default_factory=dict)  # open in a process that has no page

    def last(self, pod: str) -> Scrape | None:
        """The pod's last page."""
        return self._scrapes.get(pod)

    def scrapes(self) -> Mapping[str, Scrape]:
        """The last page of each pod that was read, by its uid."""
        return self._scrapes

    def baseline(self, pod: str, page: Scrape) -> None:
        """Take a pod's page as the beginning, if it is the first: what it had counted before is no visit."""
        self._scrapes.setdefault(pod, page)

    def observe(self, pod: str, page: Scrape, at: datetime) -> Movement:
        """Compare a page that was asked for at `at` with the pod's last one; a pod not seen before counts from 0."""
        last = self._scrapes.get(pod, Scrape(page.keys))
        self._scrapes[pod] = page
        visited = {key for key in page.tallies if self._rise(pod, key, last, page)}
        self._own[pod] = [each for each in self._own.get(pod, ()) if each.until > at]
        lost = _restarted(last, page)
        unseen = {key: until for key, until in self._unseen.get(pod, {}).items() if until > at}
        if lost and page.process and page.process.drain:
            unseen |= dict.fromkeys(last.open, at + page.process.drain)
        self._unseen[pod] = unseen
        doubted = None not in (last.reloads, page.reloads) and last.reloads != page.reloads
        return Movement(page.open | visited | (unseen.keys() & page.keys), lost, doubted)

    def forget(self, pod: str) -> bool:
        """The pod is gone. True: it had been read, so what it counted since is lost."""
        self._own.pop(pod, None)
        self._unseen.pop(pod, None)
        return self._scrapes.pop(pod, None) is not None

    def restart(self, pod: str) -> bool:
        """The pod began again: what it shows from now on is new. True: it had been read, so what it counted since is lost."""
        page = self._scrapes.get(pod)
        if not page:
            return False
        self._scrapes[pod] = Scrape(page.keys)
        return True

    def discount(self, pod: str, keys: Iterable[SeriesKey], count: int, until: datetime) -> None:
        """Waker itself sent `count` requests that this pod passed on under one of `keys`; a page asked for at `until` shows
        them.
        """
        self._own.setdefault(pod, []).append(OwnRequests(frozenset(keys), count, until))

    def _rise(self, pod: str, key: SeriesKey, last: Scrape, page: Scrape) -> bool:
        before, now = last.tallies.get(key, UNCOUNTED), page.tallies[key]
        if now == before or key not in last.keys:
            return False
        rise = now.total - before.total if now.total > before.total else now.total
        for own in self._own.get(pod, ()):
            taken = min(own.count, rise) if key in own.keys else 0
            own.count -= taken
            rise -= taken
        return rise > 0


def _restarted(last: Scrape, page: Scrape) -> bool:
    if last.started is None or page.started is None or page.process is None:
        return False
    return page.started > last.started + page.process.slack
