"""One app at a time: gather what is known, decide, do it, say so, and tell when to look again.

    key --> sight (the cluster) --> snapshot (plus traffic, knocks, probes) --> decide --> doors --> apply --> requeue

Nothing waits in here but for answers of the network. At most one worker is at a key. Whatever goes wrong is logged and
tried again later; what was done stays true, for every step can be the last one.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from waker.cluster.apply import apply
from waker.errors import ClusterError, Conflict
from waker.observe.app import account_of, hindrance, interests, life_of, ready, routed_ports, traffic_of
from waker.observe.cluster import Namespace, Sight, managed
from waker.plan.actions import Action, Plan, RecordWish, Redirect, ScaleToZero
from waker.plan.decide import decide
from waker.plan.model import AppId, Holder, Phase, Snapshot, Traffic
from waker.plan.sleep_due import answered_until, rest_of
from waker.reconcile.context import House
from waker.reconcile.report import Teller

log = logging.getLogger(__name__)

CONFLICT_AGAIN = 0.05  # seconds; the watch has the newer object by then
ERROR_AGAIN = (1.0, 60.0)  # seconds, doubled from the first to the second
UNKNOWN_AGAIN = timedelta(seconds=5)
DOOR_CLOSES = timedelta(milliseconds=100)
LISTEN_AGAIN = timedelta(milliseconds=100)
LINGER = timedelta(seconds=60)  # endpoints of an awake app stay known this long after a late request
STARTING = frozenset({Phase.WAKING, Phase.STUCK})
NEED_ENDPOINTS = frozenset({Phase.WAKING, Phase.RISING, Phase.STUCK})


class Reconciler:
    """See above. `look` is the queue's work."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._teller = Teller(house)
        self._failures: dict[AppId, int] = {}

    async def look(self, app: AppId) -> float | None:
        """One pass; seconds until the next, None to wait for news."""
        try:
            with self._house.metrics.reconcile_seconds.time():
                again = await self._pass(app)
        except Conflict as error:
            log.debug("%s: %s", app, error)
            return self._again(app, CONFLICT_AGAIN)
        except ClusterError as error:
            log.warning("%s: %s", app, error)
            self._house.metrics.reconcile_errors.inc()
            return self._again(app, ERROR_AGAIN[0])
        self._failures.pop(app, None)
        return again.total_seconds() if again is not None else None

    def _again(self, app: AppId, first: float) -> float:
        count = self._failures[app] = self._failures.get(app, -1) + 1
        return float(min(first * 2 ** min(count, 16), ERROR_AGAIN[1]))

    async def _pass(self, app: AppId) -> timedelta | None:
        house = self._house
        house.metrics.reconciles.inc()
        sight = house.world.sight(app, house.live())
        if sight is None or not (managed(sight.workload) or _holds(sight)):
            self._drop(app)
            return None
        self._attend(sight)
        self._forget_answered_knocks(sight)
        listening = await house.endpoints.listen(app, routed_ports(sight))
        seen = await self._with_followed(sight, self._snapshot(sight))
        plan = decide(seen, house.clock())
        was_open = self._open(app)
        if seen.workload.replicas and any(isinstance(action, Redirect) for action in plan.actions):
            seen = replace(seen, prepared=await self._unprepared(seen))
            plan = decide(seen, house.clock())
        self._show(sight, seen, plan)
        self._teller.tell(sight, seen, plan)
        if was_open and any(isinstance(action, ScaleToZero) for action in plan.actions):
            return DOOR_CLOSES  # requests that passed until now may still begin
        await self._act(sight, plan)
        soon = None if listening else LISTEN_AGAIN
        return _sooner(_sooner(plan.look_again, soon), self._other_reasons(app, seen, plan))

    def _drop(self, app: AppId) -> None:
        self._house.doors.drop(app)
        self._house.scraper.forget(app)
        self._house.endpoints.leave(app)
        self._house.pods.leave(app)
        self._house.fleet.forget(app)
        self._failures.pop(app, None)
        self._teller.forget(app)

    def _open(self, app: AppId) -> bool:
        shown = self._house.doors.shown(app)
        return shown is not None and shown.plan.open

    def _attend(self, sight: Sight) -> None:
        """Have traffic and controllers watched for an app that may fall asleep by itself."""
        app = sight.workload.id
        if sight.reading.policy and sight.workload.replicas and not sight.found.problems:
            self._house.fleet.follow({route.controller for route in sight.found.routes}, self._house.tasks)
            self._house.scraper.follow(app, frozenset(interests(sight).values()), life_of(sight))
        else:
            self._house.scraper.leave(app)

    def _forget_answered_knocks(self, sight: Sight) -> None:
        app = sight.workload.id
        shown = self._house.doors.shown(app)
        was = shown.plan.phase if shown else Phase.AWAKE
        until = answered_until(sight.workload, sight.found.routes, was)
        if until:
            self._house.doors.take_knock(app, until)

    async def _with_followed(self, sight: Sight, seen: Snapshot) -> Snapshot:
        """Controllers are asked only on the way down: a wake must not wait for their answers."""
        fleet, app = self._house.fleet, sight.workload.id
        ours = all(route.holder is Holder.OURS for route in seen.routes)
        if seen.workload.replicas and ours and not seen.problems and rest_of(seen, self._house.clock()).due:
            return replace(seen, followed_since=await fleet.followed_since(app, seen.routes, interests(sight)))
        fleet.forget(app)
        return seen

    def _snapshot(self, sight: Sight) -> Snapshot:
        house, app = self._house, sight.workload.id
        return Snapshot(
            workload=sight.workload,
            policy=sight.reading.policy,
            routes=sight.found.routes,
            traffic=traffic_of(sight, house.scraper.traffic(app)) if sight.workload.replicas else Traffic(),
            problems=sight.reading.problems + (self._problems(sight) if sight.reading.policy else ()),
            orphans=sight.found.orphans,
            knocked_at=house.doors.knocked_at(app),
            leader=house.leading(),
            passing=house.doors.passing_now(app),
            ready=ready(sight, house.endpoints),
            answering=bool(house.pods.answering(app)),
            certainty=house.scraper.certainty(app),
            hindrance=hindrance(sight, house.pods.starts(app)),
        )

    def _problems(self, sight: Sight) -> tuple[str, ...]:
        return sight.found.problems + self._house.world.foreign(sight.workload.id.namespace)

    async def _unprepared(self, seen: Snapshot) -> str:
        house, namespace = self._house, seen.workload.id.namespace
        if not house.world.present(namespace):
            house.queue.add(Namespace(namespace))
            return "waker's own Service is not in this namespace yet"
        return await house.fleet.unprepared(seen.routes)

    def _show(self, sight: Sight, seen: Snapshot, plan: Plan) -> None:
        house, app = self._house, sight.workload.id
        house.doors.tell(app, account_of(sight, plan.phase, house.pods.starts(app)))
        if house.doors.show(app, plan, sight.reading.policy, sight.found.routes):
            house.queue.add(Namespace(app.namespace))
        turning_back = any(isinstance(action, RecordWish) for action in plan.actions)
        if plan.phase in NEED_ENDPOINTS or turning_back or self._late(app, seen):
            house.endpoints.follow(app, {route.backend.service for route in sight.found.routes}, house.tasks)
        else:
            house.endpoints.leave(app)
        if seen.workload.replicas and plan.phase in STARTING and (house.doors.watched(app) or seen.answering):
            house.pods.follow(sight.workload, house.tasks)
        else:
            house.pods.leave(app)

    def _late(self, app: AppId, seen: Snapshot) -> bool:
        """Requests of an awake app still arrive here, or its page is open: its controllers may not follow yet."""
        recent = seen.knocked_at is not None and self._house.clock() - seen.knocked_at < LINGER
        return bool(seen.workload.replicas) and (recent or bool(seen.passing) or self._house.doors.watched(app))

    async def _act(self, sight: Sight, plan: Plan) -> None:
        house = self._house
        for action in plan.actions:
            if not self._permitted(action):
                continue
            if house.dry_run:
                log.info("%s: dry run: would %s", sight.workload.id, action)
                continue
            await apply(house.api, action, sight.workload, sight.ingresses, house.clock())

    def _permitted(self, action: Action) -> bool:
        """Only the holder of the Lease puts to sleep; anybody may wake."""
        return not isinstance(action, Redirect | ScaleToZero) or self._house.leading()

    def _other_reasons(self, app: AppId, seen: Snapshot, plan: Plan) -> timedelta | None:
        """When to look again for what `decide` does not know of."""
        if plan.phase is Phase.AWAKE and self._house.scraper.traffic(app).unknown:
            return UNKNOWN_AGAIN
        return LINGER if self._late(app, seen) else None


def _holds(sight: Sight) -> bool:
    return any(route.holder is Holder.OURS for route in sight.found.routes)


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min((each for each in (one, other) if each is not None), default=None)
