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
from waker.observe.app import all_ready, counted_as, incarnation, page_facts, routed_ports, start_failure, traffic_of
from waker.observe.cluster import NamespaceKey, ObservedApp, managed
from waker.plan.actions import Action, Plan, Redirect, RequestWake, ScaleToZero
from waker.plan.decide import decide
from waker.plan.model import AppId, Holder, Phase, Snapshot, Traffic
from waker.plan.sleep_due import knocks_answered_until, sleep_due
from waker.reconcile.context import Context
from waker.reconcile.report import Reporter

log = logging.getLogger(__name__)

CONFLICT_AGAIN = 0.05  # seconds; the watch has the newer object by then
ERROR_AGAIN = (1.0, 60.0)  # seconds, doubled from the first to the second
UNKNOWN_AGAIN = timedelta(seconds=5)
DOOR_CLOSES = timedelta(milliseconds=100)
LISTEN_AGAIN = timedelta(milliseconds=100)
LINGER = timedelta(seconds=60)  # endpoints of an awake app stay known this long after a late request
STARTING = frozenset({Phase.WAKING, Phase.STUCK})
NEED_ENDPOINTS = frozenset({Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK})


class AppReconciler:
    """See above. `look` is the queue's work."""

    def __init__(self, house: Context) -> None:
        self._context = house
        self._reporter = Reporter(house)
        self._failures: dict[AppId, int] = {}

    async def reconcile(self, app: AppId) -> float | None:
        """One pass; seconds until the next, None to wait for news."""
        try:
            with self._context.metrics.reconcile_seconds.time():
                again = await self._pass(app)
        except Conflict as error:
            log.debug("%s: %s", app, error)
            return self._again(app, CONFLICT_AGAIN)
        except ClusterError as error:
            log.warning("%s: %s", app, error)
            self._context.metrics.reconcile_errors.inc()
            return self._again(app, ERROR_AGAIN[0])
        self._failures.pop(app, None)
        return again.total_seconds() if again is not None else None

    def _again(self, app: AppId, first: float) -> float:
        count = self._failures[app] = self._failures.get(app, -1) + 1
        return float(min(first * 2 ** min(count, 16), ERROR_AGAIN[1]))

    async def _pass(self, app: AppId) -> timedelta | None:
        house = self._context
        house.metrics.reconciles.inc()
        sight = house.cluster.observe(app, house.live())
        if sight is None or not (managed(sight.workload) or _holds(sight)):
            self._drop(app)
            return None
        self._watch_traffic(sight)
        self._forget_answered_knocks(sight)
        listening = await house.endpoints.try_addresses(app, routed_ports(sight))
        seen = await self._with_followed(sight, self._snapshot(sight))
        plan = decide(seen, house.clock())
        was_open = self._is_open(app)
        if seen.workload.replicas and any(isinstance(action, Redirect) for action in plan.actions):
            seen = replace(seen, unreachable=await self._why_unreachable(seen))
            plan = decide(seen, house.clock())
        self._publish(sight, seen, plan)
        self._reporter.report(sight, seen, plan)
        if was_open and any(isinstance(action, ScaleToZero) for action in plan.actions):
            return DOOR_CLOSES  # requests that passed until now may still begin
        await self._act(sight, plan)
        soon = None if listening else LISTEN_AGAIN
        return _sooner(_sooner(plan.requeue_after, soon), self._requeue_for_others(app, seen, plan))

    def _drop(self, app: AppId) -> None:
        self._context.registry.remove(app)
        self._context.scraper.forget(app)
        self._context.endpoints.unwatch(app)
        self._context.app_pods.unwatch(app)
        self._context.controller_pods.forget(app)
        self._failures.pop(app, None)
        self._reporter.forget(app)

    def _is_open(self, app: AppId) -> bool:
        shown = self._context.registry.get(app)
        return shown is not None and shown.plan.open

    def _watch_traffic(self, sight: ObservedApp) -> None:
        """Have traffic and controllers watched for an app that may fall asleep by itself."""
        app = sight.workload.id
        if sight.reading.policy and sight.workload.replicas and not sight.discovery.problems:
            self._context.controller_pods.watch(
                {route.controller for route in sight.discovery.routes}, self._context.tasks
            )
            self._context.scraper.watch(app, frozenset(counted_as(sight).values()), incarnation(sight))
        else:
            self._context.scraper.unwatch(app)

    def _forget_answered_knocks(self, sight: ObservedApp) -> None:
        app = sight.workload.id
        shown = self._context.registry.get(app)
        was = shown.plan.phase if shown else Phase.AWAKE
        until = knocks_answered_until(sight.workload, sight.discovery.routes, was)
        if until:
            self._context.registry.clear_knock(app, until)

    async def _with_followed(self, sight: ObservedApp, seen: Snapshot) -> Snapshot:
        """Controllers are asked only on the way down: a wake must not wait for their answers."""
        fleet, app = self._context.controller_pods, sight.workload.id
        ours = all(route.holder is Holder.WAKER for route in seen.routes)
        if seen.workload.replicas and ours and not seen.problems and sleep_due(seen, self._context.clock()).due:
            return replace(seen, followed_since=await fleet.followed_since(app, seen.routes, counted_as(sight)))
        fleet.forget(app)
        return seen

    def _snapshot(self, sight: ObservedApp) -> Snapshot:
        house, app = self._context, sight.workload.id
        return Snapshot(
            workload=sight.workload,
            policy=sight.reading.policy,
            routes=sight.discovery.routes,
            traffic=traffic_of(sight, house.scraper.traffic(app)) if sight.workload.replicas else Traffic(),
            problems=sight.reading.problems + (self._problems(sight) if sight.reading.policy else ()),
            orphans=sight.discovery.orphans,
            knocked_at=house.registry.knocked_at(app),
            leader=house.leading(),
            passing=house.registry.passing_now(app),
            ready=all_ready(sight, house.endpoints),
            probed_ready=bool(house.app_pods.probed_ready(app)),
            certainty=house.scraper.certainty(app),
            start_failure=start_failure(sight, house.app_pods.starts(app)),
        )

    def _problems(self, sight: ObservedApp) -> tuple[str, ...]:
        return sight.discovery.problems + self._context.cluster.name_conflicts(sight.workload.id.namespace)

    async def _why_unreachable(self, seen: Snapshot) -> str:
        house, namespace = self._context, seen.workload.id.namespace
        if not house.cluster.is_set_up(namespace):
            house.queue.add(NamespaceKey(namespace))
            return "waker's own Service is not in this namespace yet"
        return await house.controller_pods.unreachable(seen.routes)

    def _publish(self, sight: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        house, app = self._context, sight.workload.id
        house.registry.describe(app, page_facts(sight, plan.phase, house.app_pods.starts(app)))
        if house.registry.publish(app, plan, sight.reading.policy, sight.discovery.routes):
            house.queue.add(NamespaceKey(app.namespace))
        turning_back = any(isinstance(action, RequestWake) for action in plan.actions)
        if plan.phase in NEED_ENDPOINTS or turning_back or self._requests_still_arrive(app, seen):
            house.endpoints.watch(app, {route.backend.service for route in sight.discovery.routes}, house.tasks)
        else:
            house.endpoints.unwatch(app)
        if seen.workload.replicas and plan.phase in STARTING and (house.registry.is_watched(app) or seen.probed_ready):
            house.app_pods.watch(sight.workload, house.tasks)
        else:
            house.app_pods.unwatch(app)

    def _requests_still_arrive(self, app: AppId, seen: Snapshot) -> bool:
        """Requests of an awake app still arrive here, or its page is open: its controllers may not follow yet."""
        recent = seen.knocked_at is not None and self._context.clock() - seen.knocked_at < LINGER
        return bool(seen.workload.replicas) and (recent or bool(seen.passing) or self._context.registry.is_watched(app))

    async def _act(self, sight: ObservedApp, plan: Plan) -> None:
        house = self._context
        for action in plan.actions:
            if not self._permitted(action):
                continue
            if house.dry_run:
                log.info("%s: dry run: would %s", sight.workload.id, action)
                continue
            await apply(house.api, action, sight.workload, sight.ingresses, house.clock())

    def _permitted(self, action: Action) -> bool:
        """Only the holder of the Lease puts to sleep; anybody may wake."""
        return not isinstance(action, Redirect | ScaleToZero) or self._context.leading()

    def _requeue_for_others(self, app: AppId, seen: Snapshot, plan: Plan) -> timedelta | None:
        """When to look again for what `decide` does not know of."""
        if plan.phase is Phase.AWAKE and self._context.scraper.traffic(app).unknown:
            return UNKNOWN_AGAIN
        return LINGER if self._requests_still_arrive(app, seen) else None


def _holds(sight: ObservedApp) -> bool:
    return any(route.holder is Holder.WAKER for route in sight.discovery.routes)


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min((each for each in (one, other) if each is not None), default=None)
