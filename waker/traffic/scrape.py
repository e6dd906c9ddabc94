"""Who visits, kept up to date: scrapes every controller pod again and again, and says when each app was last visited.

It knows no Kubernetes. `reconcile` calls `watch` for each app that is awake, and `observe` asks for `traffic` before each
decision. Four rules:
- Unknown is a sentence, never a time. `visited_at` stays as it was, and nobody may call an unknown app idle.
- Times only move forward: at a visit, when all counters of an app are known for the first time, and when counts may be
  lost because a controller pod went away or restarted (`watched_apps`).
- Between two rounds those pods are read that are about to go or have never been read: what they take along is seconds then.
- What another waker recorded (`visit_record`) is used once, when all counters of the app are known for the first time,
  and only if they have not moved since.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import aiohttp

from waker.plan.model import AppId, Background, Pod
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.conclusions import Conclusions
from waker.traffic.controllers import Adapter, Counted, Interest
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.ledger import SHOWN_WITHIN
from waker.traffic.rounds import ScrapeRounds
from waker.traffic.scraped_controller import ScrapedController
from waker.traffic.unknown_causes import UnknownCause
from waker.traffic.visit_record import CounterState, VisitRecord
from waker.traffic.watched_apps import WatchedApp, WatchedApps

log = logging.getLogger(__name__)

# A finished request is on the page after a second (ingress-nginx's workers send what they counted once a second).
SHOWN_AFTER: Final = timedelta(seconds=1.5)
URGENT_EVERY: Final = timedelta(seconds=2)
RELOADING_EVERY: Final = timedelta(seconds=0.2)  # while a pod may reload because of a move: that loses what came since
JUST_NOW: Final = timedelta(seconds=1)  # a pod that was read then need not be read again before a move
JITTER: Final = 0.1  # of the interval, so that several wakers do not scrape at the same moment


class Scraper:
    """All watched apps and their controllers. One task runs it; everything else is a plain call on the same loop."""

    def __init__(self, session: aiohttp.ClientSession, dependencies: ScraperDependencies) -> None:
        self._dependencies = dependencies
        self._apps = WatchedApps()
        self._controllers: dict[str, ScrapedController] = {}
        self._awaited: set[AppId] = set()  # somebody waits until their traffic is known
        self._new_controller = False  # an app is counted by a controller that has never been scraped
        self._conclusions = Conclusions(self._apps, dependencies.clock, dependencies.on_visit)
        self._rounds = ScrapeRounds(session, dependencies, self._conclusions.receive)
        self._recalled: VisitRecord | None = None

    # --- what others ask ----------------------------------------------------------------------------------------------

    def watch(
        self,
        app: AppId,
        interests: frozenset[Interest],
        incarnation: str = "",
        background: Background | None = None,
    ) -> None:
        """From now on, watch exactly these series for an app. Cheap when nothing has changed."""
        if not self._apps.watch(app, interests, incarnation, background):
            return
        if any(each.controller not in self._controllers and self._adapter(each.controller) for each in interests):
            self._new_controller = True
            self._dependencies.pods_changed.set()

    def unwatch(self, app: AppId) -> None:
        """Stop watching an app that is asleep. What is known of its connections stays."""
        self._apps.pop(app, None)
        self._awaited.discard(app)

    def forget(self, app: AppId) -> None:
        """Stop watching an app, and forget everything about it."""
        self.unwatch(app)
        self._conclusions.lasting.discard(app)

    def traffic(self, app: AppId) -> Traffic:
        """When the app was last visited, and why that is unsure, if it is."""
        watched = self._apps.get(app)
        if not watched:
            return Traffic(unknown="its traffic is not watched yet")
        unknown = self._why_unknown(watched) or ("waker has only begun to watch its traffic" if watched.new else "")
        return Traffic(watched.visited_at, unknown, lasting=app in self._conclusions.lasting, lost=watched.lost)

    def unknown_cause(self, app: AppId) -> UnknownCause | None:
        """The same in one word; None if it can be known."""
        watched = self._apps.get(app)
        if not watched or not self._why_unknown(watched):
            return UnknownCause.STARTING if not watched or watched.new else None
        at = next((each for each in sorted(watched.interests) if self._why_unknown_at(each)), None)
        controller = self._controllers.get(at.controller) if at else None
        if at is None or controller is None:
            return UnknownCause.STARTING if at and self._adapter(at.controller) else UnknownCause.NO_ADAPTER
        return controller.unknown_cause(self._dependencies.clock(), self._dependencies.interval())

    def await_known(self, app: AppId) -> None:
        """Have `on_known` called once, after the first round by which the traffic of this watched app is known."""
        self._awaited.add(app)

    def certainty(self, app: AppId) -> Certainty:
        """How well its traffic is known. Meaningless where `traffic` is unknown."""
        watched = self._apps.get(app)
        now = self._dependencies.clock()
        names = {each.controller for each in watched.interests} if watched else set()
        controllers = [each for name, each in self._controllers.items() if name in names]
        until = min((at - SHOWN_AFTER for each in controllers if (at := each.read_until(now))), default=None)
        loses_counts = any(each.adapter.reloads or each.adapter.reloads_on_move for each in controllers)
        lost, ignored = (watched.loss, watched.ignored) if watched else (None, None)
        return Certainty(
            until,
            doubted_at=lost.at if lost else None,
            loses_counts=loses_counts,
            ignored_at=ignored.at if ignored else None,
        )

    def watched(self, app: AppId) -> WatchedApp | None:
        """An app's idle clock; None if it is not watched. Callers must not change it."""
        return self._apps.get(app)

    def controller(self, name: str) -> ScrapedController | None:
        """What is known of a controller, None if no watched app needs it. Callers must not change it."""
        return self._controllers.get(name)

    @contextmanager
    def asking(self, pod: Pod, interests: Sequence[Interest]) -> Iterator[Callable[[Interest, int], None]]:
        """Entered while waker itself asks this pod for something that may count under these. Gives `discount` of this pod."""
        with self._rounds.own.asking(pod.uid, [key for each in interests for key in each.keys]):
            yield partial(self.discount, pod)

    def discount(self, pod: Pod, interest: Interest, count: int = 1) -> None:
        """Do not count requests that waker itself sent through this pod and that the app answered."""
        controller = self._controllers.get(interest.controller)
        if controller and controller.adapter.counts_checks:
            late = SHOWN_WITHIN if controller.adapter.counted is Counted.END else timedelta()
            controller.ledger.discount(pod.uid, interest.keys, count, self._dependencies.clock() + late)

    def moved(self, controllers: Iterable[str]) -> None:
        """Waker has just moved routes of these controllers. What is lost by that is no visit, and some reload now."""
        for each in filter(None, map(self._controllers.get, controllers)):
            each.moves.append(self._dependencies.clock())
        self._dependencies.pods_changed.set()

    async def read_now(self, app: AppId) -> None:
        """Read all pods that count an app's visits, unless that was just done. Returns after an interval at the latest."""
        wanted, just_now = self._apps.wanted(), self._dependencies.clock() - JUST_NOW
        counting = [each for name in self._counted_by(app) if name in wanted and (each := self._controllers.get(name))]
        old = frozenset(uid for each in counting for uid in each.not_asked_since(just_now))
        keys = [(each, wanted[each.adapter.controller]) for each in counting]
        await self._rounds.read(keys, old, self._dependencies.interval())

    def recall(self, record: VisitRecord | None) -> None:
        """Take over what another waker recorded. An app that is new here starts from it, if the counters confirm it."""
        if record:
            self._conclusions.lasting |= record.lasting
        self._recalled = record and replace(record, apps=dict(record.apps))  # each app's entry is used once

    def record(self) -> VisitRecord:
        """The last visits of all apps whose traffic is known, for the next waker."""
        counters = self._counter_state()
        known = {id: app for id, app in self._apps.items() if not app.new and not self._why_unknown(app)}
        entries = {id: entry for id, app in known.items() if (entry := counters.entry(app))}
        lasting = frozenset(self._conclusions.lasting)
        return VisitRecord(self._dependencies.clock(), counters.starts, entries, lasting)

    def _counter_state(self) -> CounterState:
        versions = {
            name: self._dependencies.workload_versions(each.adapter) for name, each in self._controllers.items()
        }
        return CounterState(self._controllers, versions)

    # --- rounds -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run rounds for ever, one an interval, and at once when an app needs a controller that is new."""
        try:
            while True:
                await self.round()
                next_round = asyncio.get_running_loop().time() + jittered(self._dependencies.interval())
                while not self._new_controller and await self._changed_before(next_round):
                    await self.read_urgent()
        finally:
            self._rounds.stop()

    async def _changed_before(self, next_round: float) -> bool:
        """Wait until controller pods have changed, or are to be read again already. False when the next round is due."""
        pause, changed = self.pause(), self._dependencies.pods_changed
        soon = asyncio.get_running_loop().time() + pause.total_seconds() if pause else next_round
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min(soon, next_round)):
                await changed.wait()
        changed.clear()
        return asyncio.get_running_loop().time() < next_round

    def pause(self) -> timedelta | None:
        """After how long pods should be read again outside the rounds; None: not before the next one."""
        now = self._dependencies.clock()
        if any(each.reloads_now(now) for each in self._controllers.values()):
            return RELOADING_EVERY
        return URGENT_EVERY if any(each.urgent(now) for each in self._controllers.values()) else None

    async def read_urgent(self) -> None:
        """Between two rounds: take over what has changed about pods, and read those that cannot wait."""
        wanted, now = self._apps.wanted(), self._dependencies.clock()
        known = [
            (self._update_pods(each.adapter), wanted[name])
            for name, each in self._controllers.items()
            if name in wanted
        ]
        urgent = frozenset(uid for each, _ in known for uid in each.urgent(now))
        await self._rounds.read(known, urgent, URGENT_EVERY)

    async def round(self) -> None:
        """Scrape every pod of every controller that a watched app needs, once, and draw the conclusions."""
        self._new_controller = False
        wanted = self._apps.wanted()
        for name in self._controllers.keys() - wanted.keys():
            del self._controllers[name]
        await self._rounds.round(
            [(self._update_pods(adapter), keys) for name, keys in wanted.items() if (adapter := self._adapter(name))]
        )
        self._start_clocks()
        self._report_known()

    def _update_pods(self, adapter: Adapter) -> ScrapedController:
        """The controller with its present pods. A pod that went away may have served visitors that nobody read."""
        controller = self._controllers.setdefault(adapter.controller, ScrapedController(adapter))
        controller.adapter = adapter  # settings may have changed it
        departed, pods = self._dependencies.departed(adapter), self._dependencies.pods(adapter)
        self._conclusions.take_over(controller, departed, pods)
        return controller

    # --- what follows from it -----------------------------------------------------------------------------------------

    def _start_clocks(self) -> None:
        """Give each app whose counters are known for the first time its first `visited_at`."""
        now, interval = self._dependencies.clock(), self._dependencies.interval()
        for controller in self._controllers.values():
            controller.baselined = controller.baselined or not controller.why_unknown(now, interval)
        newly_known = {id: app for id, app in self._apps.items() if app.new and not self._why_unknown(app)}
        counters = self._counter_state() if newly_known and self._recalled else None
        for id, app in newly_known.items():
            recorded_at = self._recorded_visit(id, app, counters) if counters else None
            app.new = False
            if recorded_at:
                app.start(recorded_at, "recorded by another waker")
            else:
                app.start(now, "all its counters were known for the first time")

    def _report_known(self) -> None:
        """One pod that cannot be read may keep thousands of apps waiting, so controllers come first."""
        now, interval = self._dependencies.clock(), self._dependencies.interval()
        unknown = {name for name, each in self._controllers.items() if each.why_unknown(now, interval)}
        for id in [id for id in self._awaited if unknown.isdisjoint(self._counted_by(id))]:
            if not self.traffic(id).unknown:
                self._awaited.discard(id)
                self._dependencies.on_known(id)

    def _counted_by(self, id: AppId) -> Iterator[str]:
        watched = self._apps.get(id)
        return (each.controller for each in (watched.interests if watched else ()))

    def _recorded_visit(self, id: AppId, app: WatchedApp, counters: CounterState) -> datetime | None:
        """The last visit that another waker recorded, if it is still true. Used up: from now on this waker knows better."""
        record, now = self._recalled, self._dependencies.clock()
        if not record or not record.fresh(now):
            self._recalled = None
            return None
        entry = record.apps.pop(id, None)
        return min(entry.visited_at, now) if entry and counters.confirms(entry, record.starts, app) else None

    def _why_unknown(self, app: WatchedApp) -> str:
        """Why visits of this app may have been missed, "" if none can have been."""
        if not app.interests:
            return "no ingress controller counts its visits"
        return next(filter(None, map(self._why_unknown_at, sorted(app.interests))), "")

    def _adapter(self, controller: str) -> Adapter | None:
        return self._dependencies.adapter(controller)

    def _why_unknown_at(self, interest: Interest) -> str:
        """Likewise, of one controller."""
        name = interest.controller
        controller = self._controllers.get(name)
        if controller:
            now, interval = self._dependencies.clock(), self._dependencies.interval()
            return controller.why_unknown(now, interval) or controller.why_not_listed(interest.keys, now)
        if self._adapter(name):
            return f"ingress controller {name} has not been read yet"
        if name:
            return f"waker does not know the metrics of ingress controller {name}; set controller.CLASS.adapter"
        return "the class of its route names no controller; set an ingressClassName whose controller waker knows"


def jittered(interval: timedelta) -> float:
    """The seconds until the next round."""
    return interval.total_seconds() * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 no secret
