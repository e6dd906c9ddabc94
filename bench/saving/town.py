"""A simulated cluster: apps and their visitors, the pods of an ingress controller, and waker's own parts that decide.

The scraper, the ledger, the idle clocks and `decide` are the real ones. Simulated are time, the metrics pages (as what is
kept of a page), how long the controller takes to follow, and how long a wake takes.
"""

import heapq
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count, pairwise
from random import Random
from typing import Final
from unittest.mock import patch

from bench.saving.cases import SavingCase
from bench.saving.fleet import Fleet, at
from bench.saving.visitors import DAY, SimulatedRequest, requests
from tests.traffic.offline import offline_scraper
from waker.plan.actions import Forget, Plan, Redirect, RequestWake, Restore, ScaleToZero
from waker.plan.decide import decide
from waker.plan.model import AppId, Kind, Pod, Policy, Workload
from waker.plan.notes import Notes, readable
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, CountedBackend, Holder, Route
from waker.plan.snapshot import Fact, Snapshot
from waker.plan.turned_back import TurnedBack, times_after
from waker.traffic import rounds
from waker.traffic.controllers import Adapter, interest
from waker.traffic.name_proof import Primed

INTERVAL: Final = timedelta(seconds=15)
IDLE_AFTER: Final = timedelta(minutes=30)
WAKES_IN: Final = 5.0  # seconds
TOLD_IN: Final = 0.1  # seconds until waker hears of a pod
BEGIN: Final = IDLE_AFTER.total_seconds() + 300  # what came before is not counted
BACKEND: Final = Backend("web", 80)
ALWAYS: Final = frozenset(Fact) - {Fact.READ, Fact.FOLLOWED}

Act = Callable[[], Awaitable[None] | None]


@dataclass(slots=True)
class SimulatedApp:
    """One app, and the truth about it."""

    id: AppId
    workload: Workload
    route: Route
    visits: list[float] = field(default_factory=list)  # of people
    arrived_at: datetime | None = None  # the last request that reached waker
    followed_at: float | None = None  # since when the controller sends the moved route to waker
    asleep_since: float | None = None
    asleep: list[tuple[float, float]] = field(default_factory=list)
    checks: int = 0  # only the check that was planned last counts


@dataclass(slots=True)
class Outcome:
    """What came of it: seconds of sleep, and how many sleeps were wrong, of how many."""

    slept: float = 0.0
    ideal: float = 0.0
    sleeps: int = 0
    wrong: int = 0
    turned_back: int = 0


class SimulatedTown:
    """Runs one case."""

    def __init__(self, case: SavingCase, seed: int, days: float, apps: int) -> None:
        self._rng = Random(f"{case.name} {seed}")
        self._case, self._end = case, days * DAY
        self._now, self._number = 0.0, count()
        self._agenda: list[tuple[float, int, Act]] = []
        self._outcome = Outcome()
        self._reads_again = False
        self._fleet = Fleet(case.adapter, self._rng, self._later, lambda: self._now, case.pods)
        if case.crashing:
            self._fleet.never_ready()
        self._scraper = offline_scraper(
            lambda: at(self._now),
            INTERVAL,
            pods=lambda _: [each.pod() for each in self._fleet.pods],
            departed=self._departed,
            adapter=lambda _: case.adapter,
            prime=self._prime,
        )
        self._apps = {app.id: app for app in map(self._app, range(apps))}
        for number, app in enumerate(self._apps.values()):
            self._visit_one_after_the_other(
                app, requests(self._rng, number % 3, days, case.foreign, statuses_ignored=case.statuses_ignored)
            )
            self._watch(app)
        for happens in case.happens:
            for when, act in happens(self._rng, days):
                self._plan(when, partial(act, self._fleet))

    async def run(self) -> Outcome:
        """All of it."""
        self._plan(1.0, self._round)
        for app in self._apps.values():
            self._check_in(app, self._rng.uniform(20, 50))
        with patch.object(rounds, "fetch", self._fleet.fetch):
            while self._agenda and self._agenda[0][0] < self._end:
                self._now, _, act = heapq.heappop(self._agenda)
                waits = act()
                if waits:
                    await waits
                if self._fleet.changed:
                    self._fleet.changed = False
                    self._later(TOLD_IN, self._urgent)
        for app in self._apps.values():
            self._sum_up(app)
        return self._outcome

    # --- time ---

    def _plan(self, when: float, act: Act) -> None:
        heapq.heappush(self._agenda, (when, next(self._number), act))

    def _later(self, seconds: float, act: Act) -> None:
        self._plan(self._now + seconds, act)

    async def _round(self) -> None:
        await self._scraper.round()
        self._later(INTERVAL.total_seconds() * self._rng.uniform(0.9, 1.1), self._round)

    async def _urgent(self) -> None:
        await self._scraper.read_urgent()
        pause = self._scraper.pause()
        if pause and not self._reads_again:
            self._reads_again = True
            self._later(pause.total_seconds(), self._read_again)

    async def _read_again(self) -> None:
        self._reads_again = False
        await self._urgent()

    async def _prime(self, adapter: Adapter, pod: Pod, _after: str) -> Primed:
        """A request of waker's own, for its keeper."""
        keys = interest(
            adapter, CountedBackend("team-0", "way", "kubesleeper-waker", 20_000, "d-0", 20_000, host="way")
        ).keys
        self._fleet.count_at(pod.name, keys[0])
        return Primed(frozenset(keys))

    def _departed(self, _: Adapter) -> list[Pod]:
        gone, self._fleet.gone = self._fleet.gone, []
        return gone

    # --- visitors ---

    def _app(self, number: int) -> SimulatedApp:
        id = AppId(Kind.DEPLOYMENT, f"team-{number % 20}", f"app-{number}")
        route_id = IngressRouteId(id.namespace, id.name, f"{id.name}.example.org", "/", "Prefix")
        route = Route(route_id, BACKEND, Holder.APP, self._case.adapter.controller)
        return SimulatedApp(id, Workload(id, id.name, "1", 1, {}, {}), route)

    def _watch(self, app: SimulatedApp) -> None:
        counted = CountedBackend(
            app.id.namespace, app.id.name, app.id.name, 80, "", 80, host=f"{app.id.name}.example.org"
        )
        where = interest(self._case.adapter, counted)
        self._scraper.watch(app.id, frozenset({where}), background=self._case.background)

    def _visit_one_after_the_other(self, app: SimulatedApp, all: Iterable[SimulatedRequest]) -> None:
        coming = iter(all)

        def plan_next() -> None:
            request = next(coming, None)
            if request:
                self._plan(request.at, lambda: arrive(request))

        def arrive(request: SimulatedRequest) -> None:
            self._arrive(app, request)
            plan_next()

        plan_next()

    def _arrive(self, app: SimulatedApp, request: SimulatedRequest) -> None:
        if request.real:
            app.visits.append(self._now)
        moved = app.route.holder is Holder.WAKER and app.followed_at is not None and app.followed_at <= self._now
        if moved:
            if request.wakes:
                app.arrived_at = at(self._now)
                if app.asleep_since is None:
                    self._check_in(app, 0.0)
                else:
                    self._wake(app)
        elif request.counted:
            counted = CountedBackend(
                app.id.namespace, app.id.name, app.id.name, 80, "", 80, host=f"{app.id.name}.example.org"
            )
            self._fleet.count(interest(self._case.adapter, counted).key)

    # --- what waker does ---

    def _wake(self, app: SimulatedApp) -> None:
        app.asleep.append((app.asleep_since or self._now, self._now))
        app.asleep_since = None
        self._watch(app)

        def awake() -> None:
            notes = Notes(awake_since=at(self._now))
            app.workload = replace(app.workload, replicas=1, notes=notes)
            self._point(app, Holder.APP)
            self._check_in(app, 1.0)

        self._later(WAKES_IN, awake)

    def _point(self, app: SimulatedApp, holder: Holder) -> None:
        """The controller follows a little later; some reload for it."""
        adapter, now = self._case.adapter, at(self._now)
        swaps = 1 if holder is Holder.WAKER else 0
        app.route = replace(
            app.route, holder=holder, swaps=swaps, swapped_at=now if swaps else None, door=20_000, leads_to=20_000
        )
        app.followed_at = self._now + self._rng.uniform(0.3, 1.0) * adapter.lag.total_seconds() if swaps else None
        if holder is Holder.APP:
            app.arrived_at = None
        self._scraper.moved([adapter.controller])
        if adapter.reloads_on_move and adapter.name == "haproxy-ingress":
            self._later(
                self._rng.uniform(0.3, 1.0) * adapter.lag.total_seconds(), lambda: self._fleet.reload(anew=True)
            )
        self._later(TOLD_IN, self._urgent)

    def _check_in(self, app: SimulatedApp, seconds: float) -> None:
        app.checks += 1
        number = app.checks

        async def check() -> None:
            if number == app.checks:
                await self._check(app)

        self._later(seconds, check)

    async def _check(self, app: SimulatedApp) -> None:
        if not app.workload.replicas:
            return
        seen = self._snapshot(app)
        plan = decide(seen, at(self._now))
        while plan.needs:
            if plan.needs is Fact.READ:
                await self._scraper.read_now(app.id)
            gathered = seen.gathered | {plan.needs}
            seen = replace(self._snapshot(app), gathered=gathered)
            if Fact.FOLLOWED in gathered and app.followed_at is not None and app.followed_at <= self._now:
                seen = replace(seen, followed_since=at(app.followed_at))
            plan = decide(seen, at(self._now))
        self._carry_out(app, plan)
        if app.workload.replicas:
            again = plan.requeue_after or INTERVAL
            self._check_in(app, max(again.total_seconds(), 0.05))

    def _snapshot(self, app: SimulatedApp) -> Snapshot:
        return Snapshot(
            app.workload,
            Policy(IDLE_AFTER, timedelta(minutes=5)),
            (app.route,),
            self._scraper.traffic(app.id),
            arrived_at=app.arrived_at,
            leader=True,
            ready=True,
            certainty=self._scraper.certainty(app.id),
            gathered=ALWAYS,
        )

    def _carry_out(self, app: SimulatedApp, plan: Plan) -> None:
        for action in plan.actions:
            match action:
                case Redirect():
                    self._point(app, Holder.WAKER)
                case Restore():
                    self._point(app, Holder.APP)
                case RequestWake(in_vain):
                    self._outcome.turned_back += 1
                    self._note_turn(app, in_vain)
                case Forget():
                    turned_back = app.workload.notes.turned_back
                    app.workload = replace(
                        app.workload, notes=Notes(awake_since=at(self._now), turned_back=turned_back)
                    )
                case ScaleToZero():
                    self._sleep(app)

    def _note_turn(self, app: SimulatedApp, in_vain: str) -> None:
        known, now = readable(app.workload.notes.turned_back), at(self._now)
        tries = TurnedBack(times_after(known), now, in_vain) if in_vain else known
        app.workload = replace(
            app.workload, notes=replace(app.workload.notes, wake_requested_at=now, turned_back=tries)
        )

    def _sleep(self, app: SimulatedApp) -> None:
        app.workload = replace(app.workload, replicas=0, notes=Notes())
        app.asleep_since = self._now
        self._scraper.unwatch(app.id)
        swapped_at = app.route.swapped_at or at(self._now)
        if self._now >= BEGIN:
            self._outcome.sleeps += 1
            last = max((when for when in app.visits if at(when) <= swapped_at), default=None)
            self._outcome.wrong += last is not None and at(last) > swapped_at - IDLE_AFTER

    # --- the sum ---

    def _sum_up(self, app: SimulatedApp) -> None:
        if app.asleep_since is not None:
            app.asleep.append((app.asleep_since, self._end))
        idle = IDLE_AFTER.total_seconds()
        marks = [0.0, *app.visits, self._end]
        ideal = [(max(a + idle, BEGIN), b) for a, b in pairwise(marks)]
        self._outcome.ideal += sum(b - a for a, b in ideal if b > a)
        self._outcome.slept += sum(max(b - max(a, BEGIN), 0.0) for a, b in app.asleep)
