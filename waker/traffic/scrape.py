"""Who visits, kept up to date: scrapes every controller pod again and again, and says when each app was last visited.

It knows no Kubernetes. `reconcile` calls `watch` for each app that is awake, and `observe` asks for `traffic` before each
decision. Three rules:
- Unknown is a sentence, never a time. `visited_at` stays as it was, and nobody may call an unknown app idle.
- Times only move forward: at a visit, when all counters of an app are known for the first time, and when counts may be
  lost because a controller pod went away or restarted.
- What another waker recorded (`visit_record`) is used once, when all counters of the app are known for the first time,
  and only if they have not moved since.
"""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import aiohttp

from waker.plan.model import AppId, Pod
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.controllers import Adapter, Counted, Interest, SeriesKey
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.ledger import SHOWN_WITHIN, Scrape
from waker.traffic.rounds import ScrapeRounds
from waker.traffic.scraped_controller import ControllerPod, ScrapedController
from waker.traffic.visit_record import CounterState, VisitRecord, WatchedApp

log = logging.getLogger(__name__)

# A finished request is on the page after a second (ingress-nginx's workers send what they counted once a second).
SHOWN_AFTER: Final = timedelta(seconds=1.5)
JITTER: Final = 0.1  # of the interval, so that several wakers do not scrape at the same moment


class Scraper:
    """All watched apps and their controllers. One task runs it; everything else is a plain call on the same loop."""

    def __init__(self, session: aiohttp.ClientSession, dependencies: ScraperDependencies) -> None:
        self._dependencies = dependencies
        self._apps: dict[AppId, WatchedApp] = {}
        self._controllers: dict[str, ScrapedController] = {}
        self._awaited: set[AppId] = set()  # somebody waits until their traffic is known
        self._lasting: set[AppId] = set()  # have had connections that are not seen while they last
        self._new_controller = asyncio.Event()  # an app is counted by a controller that has never been scraped
        self._rounds = ScrapeRounds(session, dependencies, self._receive)
        self._recalled: VisitRecord | None = None

    # --- what others ask ----------------------------------------------------------------------------------------------

    def watch(self, app: AppId, interests: frozenset[Interest], incarnation: str = "") -> None:
        """From now on, watch exactly these series for an app. Cheap when nothing has changed."""
        watched = self._apps.setdefault(app, WatchedApp(frozenset()))
        watched.incarnation = incarnation
        if watched.interests == interests:
            return
        watched.new = watched.new or not interests <= watched.interests
        watched.interests = interests
        if any(each.controller not in self._controllers and self._adapter(each.controller) for each in interests):
            self._new_controller.set()

    def unwatch(self, app: AppId) -> None:
        """Stop watching an app that is asleep. What is known of its connections stays."""
        self._apps.pop(app, None)
        self._awaited.discard(app)

    def forget(self, app: AppId) -> None:
        """Stop watching an app, and forget everything about it."""
        self.unwatch(app)
        self._lasting.discard(app)

    def traffic(self, app: AppId) -> Traffic:
        """When the app was last visited, and why that is unsure, if it is."""
        watched = self._apps.get(app)
        if not watched:
            return Traffic(unknown="its traffic is not watched yet")
        unknown = self._why_unknown(watched) or ("waker has only begun to watch its traffic" if watched.new else "")
        return Traffic(watched.visited_at, unknown, lasting=app in self._lasting, lost=watched.lost)

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
        loses_counts = any(each.adapter.reloads for each in controllers)
        return Certainty(until, watched.doubted_at if watched else None, loses_counts)

    def because(self, app: AppId) -> str:
        """What happened at `visited_at`, for people; "" if the app has no such time."""
        watched = self._apps.get(app)
        return watched.because if watched else ""

    def controller(self, name: str) -> ScrapedController | None:
        """What is known of a controller, None if no watched app needs it. Callers must not change it."""
        return self._controllers.get(name)

    def discount(self, pod: Pod, interest: Interest, count: int = 1) -> None:
        """Do not count requests that waker itself sent through this pod and that the app answered."""
        controller = self._controllers.get(interest.controller)
        if controller and controller.adapter.counts_checks:
            late = SHOWN_WITHIN if controller.adapter.counted is Counted.END else timedelta()
            controller.ledger.discount(pod.uid, interest.keys, count, self._dependencies.clock() + late)

    def recall(self, record: VisitRecord | None) -> None:
        """Take over what another waker recorded. An app that is new here starts from it, if the counters confirm it."""
        self._recalled = record and replace(record, apps=dict(record.apps))  # each app's entry is used once

    def record(self) -> VisitRecord:
        """The last visits of all apps whose traffic is known, for the next waker."""
        counters = self._counter_state()
        known = {id: app for id, app in self._apps.items() if not app.new and not self._why_unknown(app)}
        entries = {id: entry for id, app in known.items() if (entry := counters.entry(app))}
        return VisitRecord(self._dependencies.clock(), counters.starts, entries)

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
                with suppress(TimeoutError):
                    async with asyncio.timeout(jittered(self._dependencies.interval())):
                        await self._new_controller.wait()
        finally:
            self._rounds.stop()

    async def round(self) -> None:
        """Scrape every pod of every controller that a watched app needs, once, and draw the conclusions."""
        self._new_controller.clear()
        wanted = self._wanted()
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
        for pod in self._dependencies.departed(adapter):
            if controller.baselined and pod.uid not in controller.pods:
                self._mark_all_visited(adapter, f"pod {pod.name} came and went before it was read")
        for pod in controller.update(self._dependencies.pods(adapter), self._dependencies.clock()):
            self._mark_all_visited(adapter, f"pod {pod.name} went away or restarted")
        return controller

    def _wanted(self) -> dict[str, frozenset[SeriesKey]]:
        wanted: dict[str, set[SeriesKey]] = {}
        for app in self._apps.values():
            for each in app.interests:
                wanted.setdefault(each.controller, set()).update(each.keys)
        return {name: frozenset(keys) for name, keys in wanted.items()}

    def _receive(
        self, controller: ScrapedController, source: ControllerPod, scrape: Scrape, asked_at: datetime
    ) -> None:
        pod = source.pod
        if not controller.baselined:
            controller.ledger.baseline(pod.uid, scrape)
        elif source.has_failed and not controller.ledger.last(pod.uid):
            why = f"pod {pod.name} may have counted and restarted before it was first read"
            self._mark_all_visited(controller.adapter, why)
        movement = controller.ledger.observe(pod.uid, scrape, asked_at)
        if movement.lost:
            self._mark_all_visited(controller.adapter, f"pod {pod.name} restarted its counters")
        if movement.doubted:
            self._mark_doubted(controller.adapter, pod)
        self._lasting |= self._counted_under(controller, scrape.lasting).keys()
        because = f"counted by {controller.adapter.title} pod {pod.namespace}/{pod.name}"
        for id, app in self._counted_under(controller, movement.visited).items():
            self._mark_visited(id, app, because)

    def _mark_doubted(self, adapter: Adapter, pod: Pod) -> None:
        for app in self._apps.values():
            needs_it = any(each.controller == adapter.controller for each in app.interests)
            if needs_it and pod.uid not in app.doubted_pods:
                app.doubted_pods.add(pod.uid)
                app.doubted_at = self._dependencies.clock()

    def _counted_under(self, controller: ScrapedController, keys: frozenset[SeriesKey]) -> dict[AppId, WatchedApp]:
        """The apps that these series belong to."""
        name = controller.adapter.controller
        if not keys:
            return {}
        return {
            id: app
            for id, app in self._apps.items()
            if any(each.controller == name and not keys.isdisjoint(each.keys) for each in app.interests)
        }

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
            if not recorded_at:
                app.visited_at, app.because = now, "all its counters were known for the first time"
            elif not app.visited_at or recorded_at > app.visited_at:
                app.visited_at, app.because = recorded_at, "recorded by another waker"

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

    def _mark_all_visited(self, adapter: Adapter, why: str) -> None:
        log.info(
            "visits may have been lost: idle clocks start again", extra={"controller": adapter.controller, "why": why}
        )
        for id, app in self._apps.items():
            if any(each.controller == adapter.controller for each in app.interests):
                self._mark_visited(id, app, f"visits may have been lost: {adapter.title} {why}")
                app.lost = True

    def _mark_visited(self, id: AppId, app: WatchedApp, because: str) -> None:
        app.visited_at, app.because, app.lost = self._dependencies.clock(), because, False
        app.doubted_pods.clear()
        self._dependencies.on_visit(id)

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
