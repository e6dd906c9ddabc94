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
Not to be known from counters: a series that was dropped and grew back to the very same number between two pages, and
what it had counted since the last page when it was dropped. A restart, where that happens to all, is told by its time.
    it reloaded             some may have gone uncounted: in doubt
A HEAD is no visit where the controller tells methods apart: monitors send them, and so does waker. Elsewhere what
waker asked itself is taken off the next rises of that pod and series, never below 0 and only until a page must have
shown it: a request of ours that was never counted must not swallow a visitor's.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

from waker.errors import ScrapeError
from waker.traffic.controllers import Adapter, Family, SeriesKey
from waker.traffic.lines import Sample

SHOWN_WITHIN: Final = timedelta(seconds=10)  # a finished request is on the page after 1 s (ingress-nginx's batches)
SAME_START: Final = 2.5  # s; a start time is computed from the boot time, which moves when the clock is set


class Tally(NamedTuple):
    """The series of one key, summed up. `mark` tells apart equal sums that are made up differently."""

    total: float = 0.0
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """All that is kept of one page. `keys` were looked for; those in `tallies` stand on it; `open` are being used."""

    keys: frozenset[SeriesKey] = frozenset()
    tallies: Mapping[SeriesKey, Tally] = field(default_factory=dict)
    open: frozenset[SeriesKey] = frozenset()
    proven: bool = False  # it counts requests, of whomever
    started: float | None = None  # grows at a restart of the process
    reloads: float | None = None  # grows when the controller loses what it has not shown yet


class Summing:
    """A page in the making: samples go in as they come."""

    def __init__(self, adapter: Adapter, keys: frozenset[SeriesKey]) -> None:
        self._adapter, self._keys = adapter, keys
        self._tallies: dict[SeriesKey, Tally] = {}
        self._open: set[SeriesKey] = set()
        self._proven = False
        self._started: float | None = None
        self._reloads: float | None = None

    def add(self, samples: Iterable[Sample]) -> None:
        """Raises ScrapeError for a value that cannot be counted with."""
        for sample in samples:
            if not math.isfinite(sample.value) or sample.value < 0:
                raise ScrapeError(f"the page has a value of {sample.metric} that is no count: {sample.value}")
            if sample.metric == self._adapter.process.metric:
                self._started = sample.value * self._adapter.process.sign
            elif sample.metric == self._adapter.requests.metric:
                self._count(sample)
            elif sample.metric == self._adapter.reloads:
                self._reloads = sample.value
            elif self._adapter.open_requests and sample.value:
                self._open.add(_key(self._adapter.open_requests, sample))

    def page(self) -> Page:
        """The page, when it has been read to its end."""
        open_now = frozenset(self._open & self._keys)
        return Page(self._keys, self._tallies, open_now, self._proven, self._started, self._reloads)

    def _count(self, sample: Sample) -> None:
        self._proven = True
        if sample.labels.get(self._adapter.method) == "HEAD":
            return
        key = _key(self._adapter.requests, sample)
        if key in self._keys:
            total, mark = self._tallies.get(key, Tally())
            if sample.value:  # one that appears at 0 has moved nothing
                mark ^= _fingerprint(sample)
            self._tallies[key] = Tally(total + sample.value, mark)


def _fingerprint(sample: Sample) -> int:
    """The same in every process, for `memory` outlives this one."""
    text = repr((sorted(sample.labels.items()), sample.value))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _key(family: Family, sample: Sample) -> SeriesKey:
    return tuple([sample.labels.get(label, "") for label in family.labels])


class Moved(NamedTuple):
    """What a page tells against the one before. `lost`: all that was counted since may be, whosever it was.

    `doubted`: only what came in the last second before a reload.
    """

    visited: frozenset[SeriesKey]
    lost: bool = False
    doubted: bool = False


@dataclass(slots=True)
class Own:
    """Requests of waker's own that a pod has still to show."""

    count: float
    until: datetime


@dataclass(slots=True)
class Ledger:
    """The last page of each controller pod, by its uid."""

    _pages: dict[str, Page] = field(default_factory=dict)
    _own: dict[tuple[str, SeriesKey], Own] = field(default_factory=dict)

    def last(self, pod: str) -> Page | None:
        """The pod's last page."""
        return self._pages.get(pod)

    def pages(self) -> Mapping[str, Page]:
        """The last page of each pod that was read, by its uid."""
        return self._pages

    def baseline(self, pod: str, page: Page) -> None:
        """Take a pod's page as the beginning, if it is the first: what it had counted before is no visit."""
        self._pages.setdefault(pod, page)

    def observe(self, pod: str, page: Page, at: datetime) -> Moved:
        """Compare a page that was asked for at `at` with the pod's last one; a pod not seen before counts from 0."""
        last = self._pages.get(pod, Page(page.keys))
        self._pages[pod] = page
        visited = {key for key in page.tallies if self._rise(pod, key, last, page)}
        for each in [each for each, own in self._own.items() if each[0] == pod and own.until <= at]:
            del self._own[each]
        doubted = None not in (last.reloads, page.reloads) and last.reloads != page.reloads
        return Moved(page.open.union(visited), _restarted(last.started, page.started), doubted)

    def forget(self, pod: str) -> bool:
        """The pod is gone. True: it had been read, so what it counted since is lost."""
        for each in [each for each in self._own if each[0] == pod]:
            del self._own[each]
        return self._pages.pop(pod, None) is not None

    def discount(self, pod: str, key: SeriesKey, count: int, until: datetime) -> None:
        """Waker itself sent `count` requests that this pod passed on under `key`; a page asked for at `until` shows them."""
        own = self._own.setdefault((pod, key), Own(0, until))
        own.count += count
        own.until = max(own.until, until)

    def _rise(self, pod: str, key: SeriesKey, last: Page, page: Page) -> bool:
        before, now = last.tallies.get(key, Tally()), page.tallies[key]
        if now == before or key not in last.keys:
            return False
        rise = now.total - before.total if now.total > before.total else now.total
        if own := self._own.get((pod, key)):
            taken = min(own.count, rise)
            own.count -= taken
            rise -= taken
        return rise > 0


def _restarted(before: float | None, now: float | None) -> bool:
    return before is not None and now is not None and now > before + SAME_START
