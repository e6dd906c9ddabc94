"""What outlives the process: when each app was last visited, and how the counters stood then.

Pure. A written time is older than the truth: visits after it are in no record. So it is believed only if nothing was
counted since: the same controller pods, started when they had, and every series of the app as it was, digested together
with the app's *life* (its workload, its last wake, whose its routes are) and the controller's *staff* (which tells pods
that came and went meanwhile). If anything differs, or too long has passed, the app counts as visited now.

    {"written": 1769860800, "starts": {CONTROLLER: {POD UID: SECONDS}}, "apps": {KIND/NAMESPACE/NAME: [SECONDS, DIGEST]}}

Seconds since 1970, those of visits rounded up: rounding must not make an app look idle for longer than it is.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from waker.plan.model import AppId, Kind
from waker.traffic.controller import ScrapedController
from waker.traffic.controllers import Interest
from waker.traffic.controllers.shape import SAME_START
from waker.traffic.ledger import UNCOUNTED, Tally

# Counters prove less the longer nobody looks (a series may be dropped and grow back): a restart takes a minute or two.
TRUSTED_FOR: Final = timedelta(minutes=30)
AHEAD: Final = timedelta(seconds=5)  # the writer's clock may be as much

Starts = Mapping[str, Mapping[str, float]]


@dataclass(slots=True)
class WatchedApp:
    """An app that is watched. `new`: its clock starts when its series are first known whole.

    A pod's reload may have cost the last visit; that is said once for each pod until the next visit, for where
    reloads are frequent nothing would ever be idle. `doubted` are the pods for which it was said.
    """

    interests: frozenset[Interest]
    incarnation: str = ""
    visited_at: datetime | None = None
    because: str = ""  # what moved the clock, for people
    new: bool = True
    doubted_at: datetime | None = None
    doubted: set[str] = field(default_factory=set)


class RecordedVisit(NamedTuple):
    """One app: its last visit, and the digest of all that must be the same for this to be still true."""

    visited_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """See above. `starts`: since when each controller's pods count, by their uid."""

    written_at: datetime
    starts: Starts
    apps: dict[AppId, RecordedVisit]

    def fresh(self, now: datetime) -> bool:
        """Whether it is still to be believed."""
        return now - TRUSTED_FOR <= self.written_at <= now + AHEAD

    def news(self, last: "VisitRecord | None") -> bool:
        """Whether it says of any of its apps what `last` does not. That an app is visited again needs no saying."""
        if not last or any(last.apps.get(app) != entry for app, entry in self.apps.items()):
            return True
        return not all(same_starts(last.starts.get(name, {}), found) for name, found in self.starts.items())


def same_starts(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """The same pods, and none restarted."""
    return before.keys() == now.keys() and all(abs(before[uid] - now[uid]) <= SAME_START for uid in now)


class CounterState:
    """How the counters of all controllers stand at this moment. `staff` by controller."""

    def __init__(self, controllers: Mapping[str, ScrapedController], staff: Mapping[str, str]) -> None:
        self._versions = staff
        self._pages = {name: sorted(each.ledger.scrapes().items()) for name, each in controllers.items()}
        self.starts = {name: _starts(each) for name, each in controllers.items()}

    def entry(self, app: WatchedApp) -> RecordedVisit | None:
        """What may be written about an app; None if there is nothing, or some pod does not tell when it started."""
        tells = all(len(self.starts[each.controller]) == len(self._pages[each.controller]) for each in app.interests)
        if not app.visited_at or not tells:
            return None
        return RecordedVisit(app.visited_at.replace(microsecond=0) + timedelta(seconds=1), self.digest(app))

    def digest(self, app: WatchedApp) -> str:
        """Of all that must be the same, 12 characters."""
        counted = [
            (interest, self._versions.get(interest.controller, ""), self._tallies(interest))
            for interest in sorted(app.interests)
        ]
        text = repr((app.incarnation, counted))
        return urlsafe_b64encode(blake2b(text.encode(), digest_size=9).digest()).decode()

    def _tallies(self, interest: Interest) -> list[tuple[str, list[Tally]]]:
        pages = self._pages[interest.controller]
        return [(uid, [page.tallies.get(key, UNCOUNTED) for key in interest.keys]) for uid, page in pages]

    def confirms(self, entry: RecordedVisit, starts: Starts, app: WatchedApp) -> bool:
        """Whether nothing of an app was counted since this was written."""
        names = {each.controller for each in app.interests}
        same = all(same_starts(starts.get(name, {}), self.starts[name]) for name in names)
        return same and entry.digest == self.digest(app)


def _starts(controller: ScrapedController) -> dict[str, float]:
    """Since when its pods count, in seconds since 1970. One that does not tell is left out."""
    found = {}
    for uid, page in controller.ledger.scrapes().items():
        each = controller.pods.get(uid)
        if page.started is not None and page.process and each and each.read_at:
            uptime = page.process.sign < 0
            found[uid] = page.started + (each.read_at.timestamp() if uptime else 0)
    return found


def encode(record: VisitRecord) -> str:
    """As it is stored. 1,000 apps with names of 20 characters: 60 kB."""
    apps = {
        f"{app.kind}/{app.namespace}/{app.name}": [int(entry.visited_at.timestamp()), entry.digest]
        for app, entry in record.apps.items()
    }
    found = {
        "written": int(record.written_at.timestamp()),
        "starts": {name: {uid: round(at, 2) for uid, at in pods.items()} for name, pods in record.starts.items()},
        "apps": apps,
    }
    return json.dumps(found, separators=(",", ":"))


def decode(text: str) -> VisitRecord | None:
    """What was stored; None for what cannot be read, which is as good as nothing."""
    try:
        found = json.loads(text)
        apps = {_app(name): RecordedVisit(_time(at), str(digest)) for name, (at, digest) in found["apps"].items()}
        starts = {name: {uid: float(at) for uid, at in pods.items()} for name, pods in found["starts"].items()}
        return VisitRecord(_time(found["written"]), starts, apps)
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return None


def _app(name: str) -> AppId:
    kind, namespace, rest = name.split("/")
    return AppId(Kind(kind), namespace, rest)


def _time(seconds: Any) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
