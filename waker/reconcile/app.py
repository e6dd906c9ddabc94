"""One app at a time: observe it, decide, act, report, and say when to reconcile it again.

    key --> observed app --> snapshot (plus traffic, requests, probes) --> decide --> registry --> apply --> requeue

A pass waits for answers of the network and for nothing else. At most one worker is at a key. Whatever goes wrong is logged
and tried again later; what was done stays true, for every step can be the last one.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from waker.errors import ClusterError, Conflict, Refused, TooSoon
from waker.observe.app import counted_as, incarnation, page_facts, routed_ports, snapshot
from waker.observe.door_listing import why_unlisted
from waker.observe.following import Way
from waker.observe.keys import NamespaceKey
from waker.observe.observed_app import ObservedApp
from waker.plan.actions import Action, Plan, Redirect, RequestWake, ScaleToZero
from waker.plan.decide import decide
from waker.plan.doors import DoorKey
from waker.plan.model import AppId, Phase, Workload
from waker.plan.policy import is_managed
from waker.plan.routes.keeper import newer_target, way_target
from waker.plan.routes.route import HttpTarget, RouteId, is_held
from waker.plan.sleep_due import arrivals_answered_until, sleep_due
from waker.plan.snapshot import Snapshot
from waker.reconcile.attempts import Attempts
from waker.reconcile.context import Context
from waker.reconcile.report import Reporter
from waker.web.open_doors import OPEN_AFTER

log = logging.getLogger(__name__)

FORWARDING_ENDS = timedelta(milliseconds=100)
TRY_ADDRESSES_AGAIN = timedelta(milliseconds=100)
WAY_BACK_AGAIN = (timedelta(milliseconds=500), timedelta(seconds=5))  # a tenth of the wait so far, within these
CLOSED_AGAIN = OPEN_AFTER + timedelta(seconds=1)  # its doors are closed by then
LINGER = timedelta(seconds=60)  # endpoints of an awake app stay known this long after a late request
STARTING = frozenset({Phase.WAKING, Phase.STUCK})
NEED_ENDPOINTS = frozenset({Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK})


class AppReconciler:
    """Reconciles apps. One for all of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reporter = Reporter(context)
        self._attempts = Attempts()

    async def reconcile(self, app: AppId) -> float | None:
        """One pass; seconds until the next, None to wait for changes."""
        try:
            with self._context.metrics.reconcile_seconds.time():
                again = await self._pass(app)
        except ClusterError as error:
            passes = isinstance(error, Conflict | TooSoon)
            log.log(logging.DEBUG if passes else logging.WARNING, "%s: %s", app, error)
            if not passes:
                self._context.metrics.reconcile_errors.inc()
            self._reporter.report_failed_write(app, error)
            return self._attempts.failed(app, error, wanted=self._context.registry.is_wanted(app))
        self._attempts.succeeded(app)
        return again.total_seconds() if again is not None else None

    def api_answers_again(self) -> None:
        """What has failed because the API server did not answer is worth a try now."""
        for app in self._attempts.unavailable():
            self._context.queue.add(app)

    async def _pass(self, app: AppId) -> timedelta | None:
        context = self._context
        context.metrics.reconciles.inc()
        observed = context.cluster.observe(app, context.live())
        if observed is None:
            self._drop(app)
            return None
        other = context.cluster.other_installation(app.namespace)
        if other:
            self._reporter.report_other_installation(observed.workload, other)
            self._drop(app)
            return None
        if not (is_managed(observed.workload) or observed.is_held):
            return await self._leave(observed)
        self._watch_traffic(observed)
        self._forget_answered_knocks(observed)
        listening = await context.endpoints.try_addresses(app, routed_ports(observed))
        seen = await self._with_followed(observed, snapshot(observed, context.runtime.facts(observed)))
        plan = decide(seen, context.clock())
        was_open = self._is_open(app)
        if seen.workload.replicas and any(isinstance(action, Redirect) for action in plan.actions):
            seen = replace(seen, unreachable=await self._why_unreachable(observed))
            plan = decide(seen, context.clock())
        if any(isinstance(action, ScaleToZero) for action in plan.actions) and context.leading():
            elsewhere = await context.replicas.forwarding(
                next(route.door for route in observed.routes if is_held(route))
            )
            seen = replace(seen, forwarding=max(seen.forwarding, elsewhere))
            plan = decide(seen, context.clock())
        self._publish(observed, seen, plan)
        self._reporter.report(observed, seen, plan)
        if was_open and any(isinstance(action, ScaleToZero) for action in plan.actions):
            return FORWARDING_ENDS  # requests that may be forwarded until now may still begin
        await self._act(observed, plan)
        soon = None if listening else TRY_ADDRESSES_AGAIN
        again = _sooner(self._requeue_for_others(app, seen, plan), await self._prove_way_back(observed))
        return _sooner(_sooner(plan.requeue_after, soon), again)

    async def _leave(self, observed: ObservedApp) -> timedelta | None:
        """Not waker's business any more, but controllers may still send its visitors here."""
        app = observed.workload.id
        registered = self._context.registry.get(app)
        if registered is None or not self._context.registry.doors.closing(app):
            self._drop(app)
            return None
        self._context.scraper.unwatch(app)
        await self._context.endpoints.try_addresses(app, routed_ports(observed))
        return _sooner(CLOSED_AGAIN, await self._prove_way_back(observed))

    async def _prove_way_back(self, observed: ObservedApp) -> timedelta | None:
        """Ask the controllers whether they send the routes that were given back to the app. When to ask again."""
        context, app = self._context, observed.workload.id
        since = context.registry.doors.unproved_since(app)
        if since is None or observed.is_held:
            return None
        routes = {route.id.object: route for route in observed.routes}  # all of an object were given back in one patch
        if await context.following.way_back_proved(list(routes.values()), counted_as(observed), since):
            context.registry.doors.way_back_proved(app)
            context.queue.add(NamespaceKey(app.namespace))
            context.queue.add(NamespaceKey(app.namespace), CLOSED_AGAIN.total_seconds())
            return CLOSED_AGAIN
        soonest, latest = WAY_BACK_AGAIN
        return min(max(soonest, (context.clock() - since) / 10), latest)

    def _drop(self, app: AppId) -> None:
        if self._context.registry.get(app):
            self._context.queue.add(NamespaceKey(app.namespace))
        self._context.registry.remove(app)
        self._context.scraper.forget(app)
        self._context.endpoints.unwatch(app)
        self._context.app_pods.unwatch(app)
        self._context.following.forget(app)
        self._attempts.succeeded(app)
        self._context.runtime.refusals.forget(app)
        self._reporter.forget(app)

    def _is_open(self, app: AppId) -> bool:
        registered = self._context.registry.get(app)
        return registered is not None and registered.plan.open

    def _watch_traffic(self, observed: ObservedApp) -> None:
        """Have traffic and controllers watched for an app that may fall asleep by itself."""
        app = observed.workload.id
        may_sleep = observed.policy and not (observed.refusals or observed.discovery.problems)
        if may_sleep and observed.workload.replicas:
            self._context.controller_pods.watch({route.controller for route in observed.routes}, self._context.tasks)
            self._context.scraper.watch(app, frozenset(counted_as(observed).values()), incarnation(observed))
        else:
            self._context.scraper.unwatch(app)

    def _forget_answered_knocks(self, observed: ObservedApp) -> None:
        app = observed.workload.id
        registered = self._context.registry.get(app)
        was = registered.plan.phase if registered else Phase.AWAKE
        until = arrivals_answered_until(observed.workload, observed.routes, was)
        if until:
            self._context.registry.clear_knock(app, until)

    async def _with_followed(self, observed: ObservedApp, seen: Snapshot) -> Snapshot:
        """Controllers are asked only on the way down: a wake must not wait for their answers."""
        context, following, app = self._context, self._context.following, observed.workload.id
        held = all(map(is_held, seen.routes))
        if not (seen.workload.replicas and held and not seen.problems and sleep_due(seen, context.clock()).due):
            following.settle(app)
            return seen
        newer = None if context.runtime.refusals.in_namespace(app.namespace) else self._newer_paths(observed)
        needed = following.needs_newer_path(app)
        since = await following.followed_since(app, seen.routes, counted_as(observed), newer)
        if following.needs_newer_path(app) and not needed:
            context.queue.add(NamespaceKey(app.namespace))
        return replace(seen, followed_since=since)

    def _newer_paths(self, observed: ObservedApp) -> dict[RouteId, Way]:
        """By route, the request that shows whether a controller has a newer configuration than its last move."""
        context, app = self._context, observed.workload.id
        moved_at = [route.swapped_at for route in observed.routes]
        ways: dict[HttpTarget, Way] = {}  # one for all routes of a class
        found = {}
        for route in observed.routes:
            ingress_class = context.cluster.class_name(observed.objects[route.id.object])
            target = newer_target(context.doors.book, app.namespace, ingress_class, app, moved_at)
            found[route.id] = ways.setdefault(target, Way(route, target))
        return found

    async def _why_unreachable(self, observed: ObservedApp) -> str:
        """Why its routes may not move to waker's doors yet, or a controller could not reach waker there; "" if all can.

        A controller that has not followed the way back yet would seem to follow this move, and then take both: first the way
        to an app that is down by then.
        """
        context, namespace = self._context, observed.workload.id.namespace
        await self._prove_way_back(observed)
        if context.registry.doors.unproved_since(observed.workload.id):
            return "its ingress controllers have not followed its last wake yet"
        why = why_unlisted(context.cluster, observed, context.replicas.hosts(), context.doors.book)
        if why:
            context.queue.add(NamespaceKey(namespace))
            refusal = context.runtime.refusals.in_namespace(namespace)
            return f"{why}: {refusal}" if refusal else why
        ways = {}
        for route in observed.routes:
            ingress_class = context.cluster.class_name(observed.objects[route.id.object])
            key = DoorKey(observed.workload.id, route.backend)
            target = way_target(context.doors.book, namespace, ingress_class, key)
            ways[target] = Way(route, target)
        return await context.following.unreachable(observed.workload.id, ways.values())

    def _publish(self, observed: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        context, app = self._context, observed.workload.id
        context.registry.describe(app, page_facts(observed, plan.phase, context.app_pods.starts(app)))
        if context.registry.publish(app, plan, observed.policy, observed.routes):
            context.queue.add(NamespaceKey(app.namespace))
        turning_back = any(isinstance(action, RequestWake) for action in plan.actions)
        if plan.phase in NEED_ENDPOINTS or turning_back or self._requests_still_arrive(app, seen):
            context.endpoints.watch(observed.workload, observed.discovery.services, context.tasks)
        else:
            context.endpoints.unwatch(app)
        if (
            seen.workload.replicas
            and plan.phase in STARTING
            and (context.registry.is_watched(app) or seen.probed_ready)
        ):
            context.app_pods.watch(observed.workload, context.tasks)
        else:
            context.app_pods.unwatch(app)

    def _requests_still_arrive(self, app: AppId, seen: Snapshot) -> bool:
        """Requests of an awake app still arrive here, or its page is open: its controllers may not follow yet."""
        recent = seen.arrived_at is not None and self._context.clock() - seen.arrived_at < LINGER
        return bool(seen.workload.replicas) and (
            recent or bool(seen.forwarding) or self._context.registry.is_watched(app)
        )

    async def _act(self, observed: ObservedApp, plan: Plan) -> None:
        context = self._context
        for action in plan.actions:
            if not self._permitted(action):
                continue
            if context.dry_run:
                log.info("%s: dry run: would %s", observed.workload.id, action)
                continue
            if isinstance(action, Redirect):
                for route in action.routes:  # some controllers follow sooner than our own informer
                    context.registry.doors.reopen(observed.workload.id, route.backend)
            await self._write(action, observed.workload)

    async def _write(self, action: Action, workload: Workload) -> None:
        refusals = self._context.runtime.refusals
        try:
            await self._context.writes.act(action, workload)
        except Refused as error:
            refusals.refused(workload.id, action, str(error), self._context.clock())
            raise
        refusals.accepted(workload.id, action)

    def _permitted(self, action: Action) -> bool:
        """Only the holder of the Lease puts to sleep; anybody may wake."""
        return not isinstance(action, Redirect | ScaleToZero) or self._context.leading()

    def _requeue_for_others(self, app: AppId, seen: Snapshot, plan: Plan) -> timedelta | None:
        """When to reconcile again for what `decide` does not know of."""
        if plan.phase is Phase.AWAKE and self._context.scraper.traffic(app).unknown:
            self._context.scraper.await_known(app)
        return LINGER if self._requests_still_arrive(app, seen) else None


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min((each for each in (one, other) if each is not None), default=None)
