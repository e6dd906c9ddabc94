"""The watched apps: under which series each is counted, and its idle clock.

Pure; `scrape` tells the clocks what the counters show. Two kinds of not knowing are kept apart:

    unknown    its counters cannot be read: `scraped_controller` tells that, and the clock stays as it is
    loss       visits may have gone uncounted: a pod went away, reloaded or began to count anew

A loss extends a clock once, until the next visit that is seen; else no app would ever be idle where pods come and go. With
`lost-counts: strict` each loss does, with `ignore` none: it is only noted. All pods of a controller reload within moments of
each other, so what follows within half a minute is the same loss.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from waker.plan.model import LONG_AGO, AppId, Background
from waker.traffic.controllers import Interest, LostCounts, SeriesKey

ONE_LOSS: Final = timedelta(seconds=30)
STEPS: Final = 100
MARGIN: Final = 2  # steps by which a window is shorter: a request is counted when it is read, up to an interval late


class Loss(NamedTuple):
    """Visits may have gone uncounted: when that was found out, and why, a sentence for people."""

    at: datetime
    why: str


class SignOfLife(NamedTuple):
    """A sign of life of an app, or what may hide one: when, and what, for people."""

    at: datetime
    what: str


class LostVisits(NamedTuple):
    """The loss of counts from which an idle clock runs, and when somebody was really seen, if ever."""

    loss: Loss
    seen_at: datetime | None


@dataclass(slots=True)
class Noise:
    """The requests of the last window, of which so many are nobody: monitors and crawlers. In a hundred steps."""

    allowed: Background
    _counted: dict[int, float] = field(default_factory=dict)  # by step

    def exceeded(self, count: float, now: datetime) -> bool:
        """Whether these requests, with nobody's of the window before them, are more than nobody's. Then all are a visitor's."""
        current = (now - LONG_AGO) // (self.allowed.window / STEPS)
        for each in [each for each in self._counted if each <= current - STEPS + MARGIN]:
            del self._counted[each]
        if sum(self._counted.values()) + count > self.allowed.requests:
            return True
        self._counted[current] = self._counted.get(current, 0.0) + count
        return False


@dataclass(slots=True)
class WatchedApp:
    """An app whose traffic is watched. `because` says what happened at `visited_at`, for people."""

    interests: frozenset[Interest]
    incarnation: str = ""
    visited_at: datetime | None = None
    because: str = ""
    seen_at: datetime | None = None  # the last request that was counted and is a visit
    seen_by: str = ""  # who counted it, for people
    lost: bool = False  # nobody was seen at `visited_at`, but visits may have been lost
    new: bool = True  # until all its counters have been known once
    loss: Loss | None = None  # the last one that has extended its clock since
    ignored: Loss | None = None  # the last one since that has not, as the user ignores losses
    _loss_began_at: datetime | None = None
    noise: Noise | None = None

    def allow(self, background: Background | None) -> None:
        """So many requests are nobody."""
        if background != (self.noise and self.noise.allowed):
            self.noise = Noise(background) if background else None

    def start(self, at: datetime, because: str) -> None:
        """All its counters are known for the first time: its clock starts at `at`."""
        if self.visited_at is None or at > self.visited_at:
            self.visited_at, self.because = at, because

    def requested(self, count: float, now: datetime, because: str) -> bool:
        """It has had requests; infinitely many if some are open. Returns whether somebody has visited it."""
        if self.noise and not self.noise.exceeded(count, now):
            return False
        self.visited_at = self.seen_at = now
        self.because = self.seen_by = because
        self.lost = False
        self.loss = self.ignored = self._loss_began_at = None
        return True

    def lose(self, now: datetime, why: str, lost_counts: LostCounts) -> None:
        """Visits may have gone uncounted."""
        if lost_counts is LostCounts.IGNORE:
            self.ignored = Loss(now, why)
            return
        if lost_counts is LostCounts.STRICT:
            self.visited_at, self.because, self.lost = now, why, True
        elif self._loss_began_at is not None and now > self._loss_began_at + ONE_LOSS:
            return
        self._loss_began_at = self._loss_began_at or now
        self.loss = Loss(now, why)


class WatchedApps(dict[AppId, WatchedApp]):
    """All of them."""

    def watch(
        self, app: AppId, interests: frozenset[Interest], incarnation: str, background: Background | None
    ) -> bool:
        """Watch exactly these series for an app. Returns whether they are others than before."""
        watched = self.setdefault(app, WatchedApp(frozenset()))
        watched.incarnation = incarnation
        watched.allow(background)
        if watched.interests == interests:
            return False
        watched.new = watched.new or not interests <= watched.interests
        watched.interests = interests
        return True

    def wanted(self) -> dict[str, frozenset[SeriesKey]]:
        """The series of all apps, by controller."""
        wanted: dict[str, set[SeriesKey]] = {}
        for app in self.values():
            for each in app.interests:
                wanted.setdefault(each.controller, set()).update(each.keys)
        return {name: frozenset(keys) for name, keys in wanted.items()}

    def counted_by(self, controller: str) -> Iterator[tuple[AppId, WatchedApp]]:
        """The apps that a controller counts."""
        return ((id, app) for id, app in self.items() if any(each.controller == controller for each in app.interests))

    def counted_under(self, controller: str, keys: Set[SeriesKey]) -> dict[AppId, WatchedApp]:
        """The apps that these series of a controller belong to."""
        if not keys:
            return {}
        return {
            id: app
            for id, app in self.counted_by(controller)
            if any(each.controller == controller and not keys.isdisjoint(each.keys) for each in app.interests)
        }
