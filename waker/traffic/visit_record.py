"""What outlives the process: when each app was last visited, and where the counters stood then.

Pure; `scrape` makes and uses records, `observe.activity` stores them. A recorded time may be too early, as later visits
are in no record. So it is believed only if nothing was counted since: the controller has the same pods, none has restarted,
and the digest of an app is the same. The digest covers the app's series, its incarnation (workload, last wake, who holds
its routes) and the versions of the controller's workloads, which show pods that came and went meanwhile. If anything
differs, or too much time has passed, the app counts as visited now.

    {"written": 1769860800, "starts": {CONTROLLER: {POD UID: SECONDS}}, "apps": {KIND/NAMESPACE/NAME: [SECONDS, DIGEST]},
     "lasting": [KIND/NAMESPACE/NAME]}

Seconds since 1970. Times of visits are rounded up: rounding must not make an app look idle for longer than it is.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from waker.plan.model import AppId, Kind
from waker.traffic.controllers import Interest
from waker.traffic.controllers.adapter import SAME_START
from waker.traffic.ledger import UNCOUNTED, Tally
from waker.traffic.scraped_controller import ScrapedController
from waker.traffic.watched_apps import WatchedApp

# A restart takes a minute or two. The longer nobody scrapes, the less counters prove: a series may drop and grow back.
TRUSTED_FOR: Final = timedelta(minutes=30)
MOST_LASTING: Final = 5_000  # of which apps it is remembered that they have had long connections
AHEAD: Final = timedelta(seconds=5)  # how far the writer's clock may be ahead

Starts = Mapping[str, Mapping[str, float]]


class RecordedVisit(NamedTuple):
    """The last visit of one app, and the digest of everything that must not change for it to stay true."""

    visited_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """The last visits of all apps. `starts`: since when each controller's pods count, by their uid.

    `lasting`: the apps that have had connections that are not seen while they last.
    """

    written_at: datetime
    starts: Starts
    apps: dict[AppId, RecordedVisit]
    lasting: frozenset[AppId] = frozenset()

    def fresh(self, now: datetime) -> bool:
        """Whether it is recent enough to be believed."""
        return now - TRUSTED_FOR <= self.written_at <= now + AHEAD

    def differs_from(self, last: "VisitRecord | None") -> bool:
        """Whether it says something new about one of its apps. An app that only `last` has is no difference."""
        if (
            not last
            or self.lasting != last.lasting
            or any(last.apps.get(app) != entry for app, entry in self.apps.items())
        ):
            return True
        return not all(same_starts(last.starts.get(name, {}), found) for name, found in self.starts.items())


def same_starts(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether these are the same pods, and none has restarted."""
    return before.keys() == now.keys() and all(abs(before[uid] - now[uid]) <= SAME_START for uid in now)


class CounterState:
    """Where the counters of all controllers stand now. `versions` of their workloads, by controller."""

    def __init__(self, controllers: Mapping[str, ScrapedController], versions: Mapping[str, str]) -> None:
        self._versions = versions
        self._scrapes = {name: sorted(each.ledger.scrapes().items()) for name, each in controllers.items()}
        self.starts = {name: _starts(each) for name, each in controllers.items()}

    def entry(self, app: WatchedApp) -> RecordedVisit | None:
        """What to record of an app; None if it has no visit, or a pod does not show when it started."""
        all_started = all(
            len(self.starts[each.controller]) == len(self._scrapes[each.controller]) for each in app.interests
        )
        if not app.visited_at or not all_started:
            return None
        at = max(app.visited_at, app.loss.at) if app.loss else app.visited_at
        return RecordedVisit(at.replace(microsecond=0) + timedelta(seconds=1), self.digest(app))

    def digest(self, app: WatchedApp) -> str:
        """12 characters that stand for everything that must not change."""
        counted = [
            (interest, self._versions.get(interest.controller, ""), self._tallies(interest))
            for interest in sorted(app.interests)
        ]
        text = repr((app.incarnation, counted))
        return urlsafe_b64encode(blake2b(text.encode(), digest_size=9).digest()).decode()

    def _tallies(self, interest: Interest) -> list[tuple[str, list[Tally]]]:
        scrapes = self._scrapes[interest.controller]
        return [(uid, [scrape.tallies.get(key, UNCOUNTED) for key in interest.keys]) for uid, scrape in scrapes]

    def confirms(self, entry: RecordedVisit, starts: Starts, app: WatchedApp) -> bool:
        """Whether nothing was counted for an app since this was recorded."""
        names = {each.controller for each in app.interests}
        same = all(same_starts(starts.get(name, {}), self.starts[name]) for name in names)
        return same and entry.digest == self.digest(app)


def _starts(controller: ScrapedController) -> dict[str, float]:
    """Since when its pods count, in seconds since 1970. Pods that do not show it are left out."""
    found = {}
    for uid, scrape in controller.ledger.scrapes().items():
        each = controller.pods.get(uid)
        if scrape.started is not None and scrape.process and each and each.read_at:
            uptime = scrape.process.sign < 0
            found[uid] = scrape.started + (each.read_at.timestamp() if uptime else 0)
    return found


def encode(record: VisitRecord) -> str:
    """The record as stored text. 1,000 apps with names of 20 characters make 60 kB."""
    apps = {
        f"{app.kind}/{app.namespace}/{app.name}": [int(entry.visited_at.timestamp()), entry.digest]
        for app, entry in record.apps.items()
    }
    lasting = sorted(f"{app.kind}/{app.namespace}/{app.name}" for app in record.lasting)
    found = {
        "written": int(record.written_at.timestamp()),
        "starts": {name: {uid: round(at, 2) for uid, at in pods.items()} for name, pods in record.starts.items()},
        "apps": apps,
        "lasting": lasting[:MOST_LASTING],
    }
    return json.dumps(found, separators=(",", ":"))


def decode(text: str) -> VisitRecord | None:
    """The record in a stored text; None if it cannot be read, which counts as no record."""
    try:
        found = json.loads(text)
        apps = {_app(name): RecordedVisit(_time(at), str(digest)) for name, (at, digest) in found["apps"].items()}
        starts = {name: {uid: float(at) for uid, at in pods.items()} for name, pods in found["starts"].items()}
        return VisitRecord(_time(found["written"]), starts, apps, frozenset(map(_app, found.get("lasting", ()))))
    except (AttributeError, KeyError, OSError, OverflowError, RecursionError, TypeError, ValueError):
        return None


def _app(name: str) -> AppId:
    kind, namespace, rest = name.split("/")
    return AppId(Kind(kind), namespace, rest)


def _time(seconds: Any) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
