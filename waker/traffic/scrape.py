"""Who visits, kept up to date: reads every controller pod's page again and again, and tells when each app was last visited.

Pages come from the pods, or all at once from Prometheus; from there on nothing differs. What another process knew of an
app is taken over in the first round that knows its series whole, if they still stand as they did (`memory`).
It knows no Kubernetes: `app` gives it the controllers' pods, calls `follow` at each reconcile and asks `traffic` when
something is decided. Unknown is a sentence, never a time: `visited_at` stays what it was, and whoever reads it must not
call the app idle. Times only move forward: at a visit, at the first round that knows an app's series whole, and when a
pod that counted is gone or began again, for what it had not shown yet is lost.
"""

import asyncio
import logging
import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import aiohttp

from waker.plan.model import AppId, Pod
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.controller import ControllerPod, ScrapedController
from waker.traffic.controllers import Adapter, Counted, Interest, SeriesKey
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.ledger import SHOWN_WITHIN, Scrape
from waker.traffic.rounds import ScrapeRounds
from waker.traffic.visit_record import CounterState, VisitRecord, WatchedApp

log = logging.getLogger(__name__)

# A finished request is on the page after a second (ingress-nginx's workers send what they counted once a second).
SHOWN_AFTER: Final = timedelta(seconds=1.5)
JITTER: Final = 0.1  # of the interval, so that several wakers do not ask at the same moment


class Scraper:
    """All apps, all controllers. One task runs it; all else are plain calls on the same loop."""

    def __init__(self, session: aiohttp.ClientSession, outside: ScraperDependencies) -> None:
        self._dependencies = outside
        self._apps: dict[AppId, WatchedApp] = {}
        self._controllers: dict[str, ScrapedController] = {}
        self._lasting: set[AppId] = set()  # have had connections that are not seen while they last
        self._asked = asyncio.Event()
        self._rounds = ScrapeRounds(session, outside, self._taken)
        self._recalled: VisitRecord | None = None

    # --- what others ask ----------------------------------------------------------------------------------------------

    def watch(self, app: AppId, interests: frozenset[Interest], life: str = "") -> None:
        """Watch these series for an app, from now on and instead of others. Cheap when nothing changed."""
        known = self._apps.setdefault(app, WatchedApp(frozenset()))
        known.incarnation = life
        if known.interests == interests:
            return
        known.new = known.new or not interests <= known.interests
        known.interests = interests
        if any(each.controller not in self._controllers and self._adapter(each.controller) for each in interests):
            self._asked.set()

    def unwatch(self, app: AppId) -> None:
        """Nobody asks for this app for now: it is asleep."""
        self._apps.pop(app, None)

    def forget(self, app: AppId) -> None:
        """Nobody asks for this app any more."""
        self.unwatch(app)
        self._lasting.discard(app)

    def traffic(self, app: AppId) -> Traffic:
        """When the app was last visited, and why that is not sure, if it is not."""
        known = self._apps.get(app)
        if not known:
            return Traffic(unknown="its traffic is not watched yet")
        unknown = self._unknown(known) or ("its traffic is new" if known.new else "")
        return Traffic(known.visited_at, unknown, lasting=app in self._lasting)

    def certainty(self, app: AppId) -> Certainty:
        """How well its traffic is known. Tells nothing where `traffic` says that it is unknown."""
        known = self._apps.get(app)
        now = self._dependencies.clock()
        names = {each.controller for each in known.interests} if known else set()
        found = [each for name, each in self._controllers.items() if name in names]
        until = min((at - SHOWN_AFTER for each in found if (at := each.read_until(now))), default=None)
        forgetful = any(each.adapter.reloads for each in found)
        return Certainty(until, known.doubted_at if known else None, forgetful)

    def because(self, app: AppId) -> str:
        """What `visited_at` is the time of, in words; "" if there is none."""
        known = self._apps.get(app)
        return known.because if known else ""

    def controller(self, name: str) -> ScrapedController | None:
        """What is known of a controller, if anybody follows it. To be read only."""
        return self._controllers.get(name)

    def discount(self, pod: Pod, interest: Interest, count: int = 1) -> None:
        """Waker itself sent requests through this pod and the app answered them: they are no visits."""
        controller = self._controllers.get(interest.controller)
        if controller and controller.adapter.counts_checks:
            late = SHOWN_WITHIN if controller.adapter.counted is Counted.END else timedelta()
            controller.ledger.discount(pod.uid, interest.keys, count, self._dependencies.clock() + late)

    def recall(self, record: VisitRecord | None) -> None:
        """What another process wrote down. An app that is new here takes its time from it, if the counters bear it out."""
        self._recalled = record and replace(record, apps=dict(record.apps))  # each app's entry is used once

    def record(self) -> VisitRecord:
        """What a process that comes after this one may go by: the apps whose visits are known."""
        stand = self._counter_state()
        known = {id: app for id, app in self._apps.items() if not app.new and not self._unknown(app)}
        found = {id: entry for id, app in known.items() if (entry := stand.entry(app))}
        return VisitRecord(self._dependencies.clock(), stand.starts, found)

    def _counter_state(self) -> CounterState:
        staff = {name: self._dependencies.workload_versions(each.adapter) for name, each in self._controllers.items()}
        return CounterState(self._controllers, staff)

    # --- rounds -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Rounds for ever; the next one at once when somebody asks for a controller that is not watched yet."""
        try:
            while True:
                await self.round()
                with suppress(TimeoutError):
                    async with asyncio.timeout(jittered(self._dependencies.interval())):
                        await self._asked.wait()
        finally:
            self._rounds.stop()

    async def round(self) -> None:
        """Read every pod of every controller that somebody follows, once, and conclude."""
        self._asked.clear()
        wanted = self._wanted()
        for name in self._controllers.keys() - wanted.keys():
            del self._controllers[name]
        await self._rounds.round(
            [(self._update_pods(adapter), keys) for name, keys in wanted.items() if (adapter := self._adapter(name))]
        )
        self._conclude()

    def _update_pods(self, adapter: Adapter) -> ScrapedController:
        """A controller with its pods as they are now. One that is not there any more may have been visited."""
        controller = self._controllers.setdefault(adapter.controller, ScrapedController(adapter))
        controller.adapter = adapter  # as the settings want it now
        for pod in self._dependencies.departed(adapter):
            if controller.baselined and pod.uid not in controller.pods:
                self._all_visited(adapter, f"pod {pod.name} came and went before it was read")
        for pod in controller.update(self._dependencies.pods(adapter), self._dependencies.clock()):
            self._all_visited(adapter, f"pod {pod.name} is gone or began again")
        return controller

    def _wanted(self) -> dict[str, frozenset[SeriesKey]]:
        wanted: dict[str, set[SeriesKey]] = {}
        for app in self._apps.values():
            for each in app.interests:
                wanted.setdefault(each.controller, set()).update(each.keys)
        return {name: frozenset(keys) for name, keys in wanted.items()}

    def _taken(self, controller: ScrapedController, each: ControllerPod, page: Scrape, asked_at: datetime) -> None:
        pod = each.pod
        if not controller.baselined:
            controller.ledger.baseline(pod.uid, page)
        elif each.missed and not controller.ledger.last(pod.uid):
            why = f"pod {pod.name} may have counted, and begun again, before it was first read"
            self._all_visited(controller.adapter, why)
        moved = controller.ledger.observe(pod.uid, page, asked_at)
        if moved.lost:
            self._all_visited(controller.adapter, f"pod {pod.name} began to count again")
        if moved.doubted:
            self._doubt(controller.adapter, pod)
        self._lasting |= self._counted_under(controller, page.lasting).keys()
        because = f"counted by {controller.adapter.title} pod {pod.namespace}/{pod.name}"
        for id, app in self._counted_under(controller, moved.visited).items():
            self._visited(id, app, because)

    def _doubt(self, adapter: Adapter, pod: Pod) -> None:
        for app in self._apps.values():
            if pod.uid not in app.doubted and any(each.controller == adapter.controller for each in app.interests):
                app.doubted.add(pod.uid)
                app.doubted_at = self._dependencies.clock()

    def _counted_under(self, controller: ScrapedController, keys: frozenset[SeriesKey]) -> dict[AppId, WatchedApp]:
        """The apps of these series."""
        name = controller.adapter.controller
        if not keys:
            return {}
        return {
            id: app
            for id, app in self._apps.items()
            if any(each.controller == name and not keys.isdisjoint(each.keys) for each in app.interests)
        }

    # --- what follows from it -----------------------------------------------------------------------------------------

    def _conclude(self) -> None:
        now, interval = self._dependencies.clock(), self._dependencies.interval()
        for controller in self._controllers.values():
            controller.baselined = controller.baselined or not controller.why_unknown(now, interval)
        begun = {id: app for id, app in self._apps.items() if app.new and not self._unknown(app)}
        stand = self._counter_state() if begun and self._recalled else None
        for id, app in begun.items():
            left = self._recorded_visit(id, app, stand) if stand else None
            app.new = False
            if not left:
                app.visited_at, app.because = now, "its series were known whole for the first time"
            elif not app.visited_at or left > app.visited_at:
                app.visited_at, app.because = left, "as another waker has written it down"

    def _recorded_visit(self, id: AppId, app: WatchedApp, stand: CounterState) -> datetime | None:
        """Where another process left the clock of an app, if it is still true. Asked once: from then on we know better."""
        record, now = self._recalled, self._dependencies.clock()
        if not record or not record.fresh(now):
            self._recalled = None
            return None
        entry = record.apps.pop(id, None)
        return min(entry.visited_at, now) if entry and stand.confirms(entry, record.starts, app) else None

    def _all_visited(self, adapter: Adapter, why: str) -> None:
        log.info(
            "visits may have been lost: idle clocks start again", extra={"controller": adapter.controller, "why": why}
        )
        for id, app in self._apps.items():
            if any(each.controller == adapter.controller for each in app.interests):
                self._visited(id, app, f"visits may have been lost: {adapter.title} {why}")

    def _visited(self, id: AppId, app: WatchedApp, because: str) -> None:
        app.visited_at, app.because = self._dependencies.clock(), because
        app.doubted.clear()
        self._dependencies.on_visit(id)

    def _unknown(self, app: WatchedApp) -> str:
        """Why visits of this app could have been missed, "" if they cannot."""
        if not app.interests:
            return "no ingress controller counts its visits"
        return next(filter(None, map(self._why_unseen, sorted(app.interests))), "")

    def _adapter(self, controller: str) -> Adapter | None:
        return self._dependencies.adapter(controller)

    def _why_unseen(self, interest: Interest) -> str:
        controller = self._controllers.get(interest.controller)
        if not controller:
            why = (
                "has not been read yet" if self._adapter(interest.controller) else "is not one whose metrics are known"
            )
            return f"ingress controller {interest.controller or 'of no class'} {why}"
        now = self._dependencies.clock()
        return controller.why_unknown(now, self._dependencies.interval()) or controller.why_not_listed(
            interest.keys, now
        )


def jittered(interval: timedelta) -> float:
    """The seconds until the next round."""
    return interval.total_seconds() * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 no secret
