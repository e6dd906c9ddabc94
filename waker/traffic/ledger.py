"""What moved between two scrapes of a controller pod: the ledger of counters.

Pure: `fetch` and `targets` build scrapes, `scrape` compares them here and gets the series that were visited. When that was
and whose they are is not known here. Counters cannot show two things: a series that was dropped and grew back to the very
same number between two scrapes, and what a series had counted after the last scrape when it was dropped. A restart drops
all series, but its time shows it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zlib import crc32

from waker.errors import ScrapeError
from waker.traffic.controllers import Adapter, Process, SeriesKey
from waker.traffic.lines import Sample
from waker.traffic.noise import is_noise, plain

SHOWN_WITHIN: Final = timedelta(seconds=10)  # a finished request is on the page after 1 s (ingress-nginx's batches)


class Tally(NamedTuple):
    """The series of one key, added up. `fingerprint` tells apart equal sums that are made up differently."""

    total: float = 0.0
    fingerprint: int = 0


UNCOUNTED: Final = Tally()
FINGERPRINTS: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Scrape:
    """What is kept of one metrics page."""

    keys: frozenset[SeriesKey] = frozenset()  # were looked for
    tallies: Mapping[SeriesKey, Tally] = field(default_factory=dict)  # those of them that the page has
    heads: frozenset[SeriesKey] = frozenset()  # only have samples that are no visits
    open: frozenset[SeriesKey] = frozenset()  # have open requests
    lasting: frozenset[SeriesKey] = frozenset()  # have had connections that are not seen while they last
    proven: bool = False  # the pod counts requests of somebody
    strange: Mapping[SeriesKey, str] = field(
        default_factory=dict
    )  # have a value that is not a count, which ends a sentence
    started: float | None = None  # grows when the process restarts
    reloads: float | None = None  # grows when the controller loses what it has not shown yet
    process: Process | None = None

    def started_at(self, asked_at: datetime) -> float | None:
        """When its process began, in seconds since 1970, if the page of then shows that."""
        if self.started is None or self.process is None:
            return None
        return self.started if self.process.sign > 0 else asked_at.timestamp() + self.started


class ScrapeBuilder:
    """Builds a scrape: samples go in as they arrive."""

    def __init__(self, adapter: Adapter, keys: frozenset[SeriesKey]) -> None:
        self._adapter, self._keys = adapter, keys
        # Under these very key objects, so that equal copies are not kept.
        self._tallies = dict.fromkeys(keys, UNCOUNTED)
        self._heads: set[SeriesKey] = set()
        self._choosy: dict[SeriesKey, list[SeriesKey]] = {}  # keys of those who ignore some samples, by the plain key
        for each in keys:
            if len(each) > len(adapter.requests.labels):
                self._choosy.setdefault(plain(each, adapter), []).append(each)
        self._open: set[SeriesKey] = set()
        self._lasting: set[SeriesKey] = set()
        self._proven = False
        self._strange: dict[SeriesKey, str] = {}
        self._started: float | None = None
        self._reloads: float | None = None

    def add(self, samples: Iterable[Sample]) -> None:
        """Raises ScrapeError for a value of the whole process that is not a count. Of one series it is that series' problem."""
        process, gauge, requests = self._adapter.process, self._adapter.open_requests, self._adapter.requests.metric
        for metric, labels, value in samples:
            if not 0 <= value < math.inf:
                self._note_strange(metric, labels, value)
            elif metric == requests:
                self._count(labels, value)
            elif metric == self._adapter.reloads:
                self._reloads = value
            elif gauge and metric == gauge.metric and value:
                self._open.update(self._meant(gauge.key(labels), labels))
            elif process and metric == process.metric:
                self._started = value * process.sign

    def scrape(self) -> Scrape:
        """The scrape, once all samples are in."""
        return Scrape(
            self._keys,
            {key: tally for key, tally in self._tallies.items() if tally is not UNCOUNTED},
            frozenset(key for key in self._heads if self._tallies[key] is UNCOUNTED),
            frozenset(self._open & self._keys),
            frozenset(self._lasting),
            proven=self._proven,
            strange=self._strange,
            started=self._started,
            reloads=self._reloads,
            process=self._adapter.process,
        )

    def _note_strange(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        why = f"shows {metric} as {value}, which is not a count"
        families = (self._adapter.requests, self._adapter.open_requests)
        family = next((each for each in families if each and each.metric == metric), None)
        if family is None:
            raise ScrapeError(why)
        self._proven = self._proven or metric == self._adapter.requests.metric
        meant = self._meant(family.key(labels), labels)
        self._strange |= dict.fromkeys(self._keys.intersection(meant), why)

    def _meant(self, key: SeriesKey, labels: Mapping[str, str]) -> Iterator[SeriesKey]:
        """All keys for which a sample counts."""
        yield key
        yield from (each for each in self._choosy.get(key, ()) if not is_noise(each, labels))

    def _count(self, labels: Mapping[str, str], value: float) -> None:
        self._proven = True
        key = self._adapter.requests.key(labels)
        for each in (key, *self._choosers(key, labels)) if self._choosy else (key,):
            tally = self._tallies.get(each)
            if tally is None:
                continue
            for no_visit in self._adapter.not_visits:
                if no_visit.match(labels):
                    self._heads.add(each)
                    break
            else:
                total, fingerprint = tally
                if value:  # a series that appears at 0 moves nothing
                    fingerprint = (fingerprint + _weight(labels) * hash(value)) % FINGERPRINTS
                    if self._adapter.lasting and self._adapter.lasting.match(labels):
                        self._lasting.add(each)
                self._tallies[each] = Tally(total + value, fingerprint)

    def _choosers(self, key: SeriesKey, labels: Mapping[str, str]) -> Iterator[SeriesKey]:
        """The keys of those who ignore some samples of a series, and not this one. It is there for the others, too."""
        for each in self._choosy.get(key, ()):
            if is_noise(each, labels):
                self._tallies[each] = Tally(*self._tallies[each])
            else:
                yield each


def _weight(labels: Mapping[str, str]) -> int:
    """A number for one series. Equal in every process, as `visit_record` needs; controllers keep the order of labels."""
    return crc32("\0".join(labels.values()).encode())


class Movement(NamedTuple):
    """What changed from one scrape to the next.

    `visits`: how many requests each series has had; infinite for one that has open requests. `lost`: the counts of any app
    since the last scrape may be lost. `doubted`: only those of the second before a reload. `hidden`: visited only because a
    request that was open before a reload may still be.
    """

    visits: Mapping[SeriesKey, float]
    lost: bool = False
    doubted: bool = False
    hidden: frozenset[SeriesKey] = frozenset()


@dataclass(slots=True)
class OwnRequests:
    """Requests that waker sent through a pod, which will show once, under one of `keys`."""

    keys: frozenset[SeriesKey]
    count: float
    until: datetime


@dataclass(slots=True)
class Ledger:
    """The last scrape of each controller pod, by its uid. What counts as a visit from one scrape to the next:

    first scrape of a pod    a baseline when watching begins; a pod that appears later counts from 0
    first scrape of a key    a baseline
    sum of a series rose     a visit; a new series rose from 0
    sum fell, or is equal    a visit if the new sum is above 0: the counters began again, so any count is new
      but made up differently
    series is gone           nothing: its backend left the configuration
    gauge above 0            a visit, now
    the process restarted    everybody may have been visited and not counted: a loss
      and the old one drains   what was open in its last scrape is visited for as long as it may go on unseen
    it reloaded              in doubt: the visits of the second before may be lost
    a sample without a       ignored: the controller itself answered, or the settings ignore the status
      visitor behind it

    Where the controller tells methods apart, a HEAD is no visit: monitors send them, and so does waker. Elsewhere waker's
    own requests are taken off the next rises of that pod and series, never below 0, and only until a scrape must have shown
    them: one that was never counted must not swallow a visitor's.
    """

    _scrapes: dict[str, Scrape] = field(default_factory=dict)
    _own: dict[str, list[OwnRequests]] = field(default_factory=dict)
    _hidden: dict[str, dict[SeriesKey, datetime]] = field(default_factory=dict)  # open in a process that a reload hid

    def last(self, pod: str) -> Scrape | None:
        """The pod's last scrape."""
        return self._scrapes.get(pod)

    def scrapes(self) -> Mapping[str, Scrape]:
        """The last scrape of each pod that was read, by its uid."""
        return self._scrapes

    def baseline(self, pod: str, scrape: Scrape) -> None:
        """Begin with this scrape, if it is the pod's first: what was counted before it is no visit."""
        self._scrapes.setdefault(pod, scrape)

    def observe(self, pod: str, scrape: Scrape, at: datetime) -> Movement:
        """Compare a scrape that was asked for at `at` with the pod's last one. A pod without one counts from 0."""
        last = self._scrapes.get(pod, Scrape(scrape.keys))
        self._scrapes[pod] = scrape
        lost = _restarted(last, scrape)
        before = Scrape(last.keys) if lost else last  # its counters have begun anew, so whatever they show is new
        visits = {key: rise for key in scrape.tallies if (rise := self._rise(pod, key, before, scrape))}
        self._own[pod] = [each for each in self._own.get(pod, ()) if each.until > at]
        hidden = {key: until for key, until in self._hidden.get(pod, {}).items() if until > at}
        if lost and scrape.process and scrape.process.drain:
            hidden |= dict.fromkeys(last.open, at + scrape.process.drain)
        self._hidden[pod] = hidden
        doubted = None not in (last.reloads, scrape.reloads) and last.reloads != scrape.reloads
        visits |= dict.fromkeys(scrape.open, math.inf)
        perhaps = hidden.keys() & scrape.keys
        unseen = frozenset(perhaps - visits.keys())
        return Movement(visits | dict.fromkeys(perhaps, math.inf), lost, doubted, unseen)

    def forget(self, pod: str) -> None:
        """Forget a pod that is gone."""
        for each in (self._own, self._hidden, self._scrapes):
            each.pop(pod, None)

    def restart(self, pod: str) -> None:
        """Count a restarted pod from 0."""
        if scrape := self._scrapes.get(pod):
            self._scrapes[pod] = Scrape(scrape.keys)

    def discount(self, pod: str, keys: Iterable[SeriesKey], count: int, until: datetime) -> None:
        """Do not count `count` requests of waker's own, which this pod forwards under one of `keys`.

        A scrape that is asked for at `until` must show them.
        """
        self._own.setdefault(pod, []).append(OwnRequests(frozenset(keys), count, until))

    def _rise(self, pod: str, key: SeriesKey, last: Scrape, scrape: Scrape) -> float:
        before, now = last.tallies.get(key, UNCOUNTED), scrape.tallies[key]
        if now == before or key not in last.keys:
            return 0.0
        rise = now.total - before.total if now.total > before.total else now.total
        for own in self._own.get(pod, ()):
            discounted = min(own.count, rise) if key in own.keys else 0
            own.count -= discounted
            rise -= discounted
        return rise


def _restarted(last: Scrape, scrape: Scrape) -> bool:
    if last.started is None or scrape.started is None or scrape.process is None:
        return False
    return scrape.started > last.started + scrape.process.slack
