"""One app at a time: one pass reads from top to bottom.

    observe    what the cluster shows of it, and what this process knows
    decide     what should be done; if the plan needs a fact that costs questions, gather it and decide again
    publish    to the public port: how the app stands, whether requests may be passed on
    report     to its users: logs, Events, metrics
    write      to the API server

A pass waits for answers of the network and for nothing else. At most one worker is at a key. Whatever goes wrong is logged
and tried again later; what was done stays true, for every step can be the last one.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from waker.errors import ClusterError, Conflict, Refused, TooSoon
from waker.observe.app import adapters_of, background, incarnation, interests, page_facts, queries, snapshot
from waker.observe.keys import NamespaceKey
from waker.observe.observed_app import ObservedApp
from waker.plan.actions import Action, Plan, Redirect, RequestWake, Restore, ScaleToZero
from waker.plan.decide import decide
from waker.plan.model import AppId, Phase, Workload
from waker.plan.notes import Unreadable
from waker.plan.policy import is_managed
from waker.plan.sleep_due import arrivals_answered_until
from waker.plan.snapshot import Snapshot
from waker.reconcile.attempts import Attempts
from waker.reconcile.context import Context
from waker.reconcile.gather import CLOSED_AGAIN, Gatherer
from waker.reconcile.report import Reporter

log = logging.getLogger(__name__)

TRY_ADDRESSES_AGAIN = timedelta(milliseconds=100)
LINGER = timedelta(seconds=60)  # endpoints of an awake app stay known this long after a late request
STARTING = frozenset({Phase.WAKING, Phase.STUCK})
NEED_ENDPOINTS = frozenset({Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK})


class AppReconciler:
    """Reconciles apps. One for all of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gatherer = Gatherer(context)
        self._reporter = Reporter(context)
        self._attempts = Attempts()
        self._asked_to_sleep: dict[AppId, datetime | Unreadable] = {}  # the requests that have been seen

    async def reconcile(self, app: AppId) -> float | None:
        """One pass; seconds until the next, None to wait for changes."""
        self._context.metrics.reconciles.inc()
        try:
            with self._context.metrics.reconcile_seconds.time():
                again = await self._pass(app)
        except ClusterError as error:
            return self._failed(app, error)
        self._attempts.succeeded(app)
        return again.total_seconds() if again is not None else None

    def api_answers_again(self) -> None:
        """What has failed because the API server did not answer is worth a try now."""
        for app in self._attempts.unavailable():
            self._context.queue.add(app)

    async def _pass(self, app: AppId) -> timedelta | None:
        observed = self._observe(app)
        if observed is None:
            self._drop(app)
            return None
        if not (is_managed(observed.workload) or observed.is_held):
            return await self._leave(observed)
        self._watch_traffic(observed)
        self._forget_answered_knocks(observed)
        listening = await self._try_addresses(observed)
        seen, plan, unanswered = await self._decide(observed)
        self._publish(observed, seen, plan)
        self._reporter.report(observed, seen, plan)
        if unanswered:
            raise unanswered
        await self._write(observed, plan)
        return _soonest(
            plan.requeue_after,
            None if listening or plan.phase is Phase.STUCK else TRY_ADDRESSES_AGAIN,
            LINGER if self._requests_still_arrive(app, seen) else None,
            await self._gatherer.way_back(observed),
        )

    def _failed(self, app: AppId, error: ClusterError) -> float:
        passes = isinstance(error, Conflict | TooSoon)
        log.log(logging.DEBUG if passes else logging.WARNING, "%s: %s", app, error)
        if not passes:
            self._context.metrics.reconcile_errors.inc()
        self._reporter.report_failed_write(app, error)
        return self._attempts.failed(app, error, wanted=self._context.registry.is_wanted(app))

    # --- observe, decide ---

    def _observe(self, app: AppId) -> ObservedApp | None:
        """None: there is nothing to do about it, because it is gone, or another installation's business."""
        observed = self._context.cluster.observe(app, self._context.live())
        other = self._context.cluster.other_installation(app.namespace) if observed else ""
        if observed and other:
            self._reporter.report_other_installation(observed.workload, other)
            return None
        return observed

    async def _decide(self, observed: ObservedApp) -> tuple[Snapshot, Plan, ClusterError | None]:
        """The plan; and why the fact that it needs could not be had: until then it holds without it."""
        context, app = self._context, observed.workload.id
        seen = snapshot(observed, context.runtime.facts(observed))
        plan = decide(seen, context.clock())
        while plan.needs:
            try:
                seen = await self._gatherer.gather(observed, seen, plan.needs)
            except ClusterError as error:
                return seen, plan, error
            # Questions take time: who has come meanwhile, and who leads now, counts.
            seen = replace(seen, arrived_at=context.registry.knocked_at(app), leader=context.leading())
            plan = decide(seen, context.clock())
        self._gatherer.settle(observed, seen)
        return seen, plan, None

    async def _try_addresses(self, observed: ObservedApp) -> bool:
        """Whether all that Kubernetes calls ready listens, as far as a wake waits for it."""
        ports = set(observed.routed_ports.values())
        deaf = await self._context.endpoints.try_addresses(observed.workload.id, ports)
        return deaf.isdisjoint(observed.awaited_ports)

    def _watch_traffic(self, observed: ObservedApp) -> None:
        """Have traffic and controllers watched for an app that may fall asleep by itself."""
        app = observed.workload.id
        may_sleep = observed.policy and not (observed.refusals or observed.discovery.problems)
        if may_sleep and observed.workload.replicas:
            self._context.controller_pods.watch({route.controller for route in observed.routes}, self._context.tasks)
            self._context.visits.watch(
                app, interests(observed), queries(observed), incarnation(observed), background(observed)
            )
        else:
            self._context.visits.unwatch(app)

    def _forget_answered_knocks(self, observed: ObservedApp) -> None:
        app = observed.workload.id
        registered = self._context.registry.get(app)
        was = registered.plan.phase if registered else Phase.AWAKE
        until = arrivals_answered_until(observed.workload, observed.routes, was)
        if until:
            self._context.registry.clear_knock(app, until)
        self._let_sleep_requests_answer(observed.workload)

    def _let_sleep_requests_answer(self, workload: Workload) -> None:
        """Who has come before somebody asked for its sleep is no reason to turn back, unless they still wait.

        Requests from before are those before it is seen here: the clock that it was written by may be another.
        """
        app, asked = workload.id, workload.notes.sleep_requested_at
        if asked is not None and asked != self._asked_to_sleep.get(app) and not self._context.registry.waiting(app):
            self._context.registry.clear_knock(app, self._context.clock())
        if asked is None:
            self._asked_to_sleep.pop(app, None)
        else:
            self._asked_to_sleep[app] = asked

    # --- publish ---

    def _publish(self, observed: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        context, app = self._context, observed.workload.id
        context.registry.describe(app, page_facts(observed, plan.phase, context.app_pods.starts(app)))
        if context.registry.publish(app, plan, observed.policy, observed.routes):
            context.queue.add(NamespaceKey(app.namespace))
        if plan.phase is Phase.AWAKE and context.visits.traffic(app).unknown:
            context.visits.await_known(app)
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

    # --- write ---

    async def _write(self, observed: ObservedApp, plan: Plan) -> None:
        context = self._context
        for action in plan.actions:
            if isinstance(action, Redirect | ScaleToZero) and not context.leading():
                return  # the Lease was lost since that was decided
            if context.dry_run:
                log.info("%s: dry run: would %s", observed.workload.id, action)
                continue
            if isinstance(action, Redirect):
                for route in action.routes:  # some controllers follow sooner than our own informer
                    context.registry.doors.reopen(observed.workload.id, route.backend)
            await self._write_one(action, observed.workload)
            self._reporter.counter.wrote(observed, plan, action, context.registry.first_knock(observed.workload.id))
            if isinstance(action, Redirect | Restore):
                adapters = [each for route in action.routes for each in adapters_of(route, observed)]
                context.visits.scraper.moved({each.controller for each in adapters})

    async def _write_one(self, action: Action, workload: Workload) -> None:
        refusals = self._context.runtime.refusals
        try:
            await self._context.writes.act(action, workload)
        except Refused as error:
            refusals.refused(workload.id, action, str(error), self._context.clock())
            raise
        refusals.accepted(workload.id, action)

    # --- leave ---

    async def _leave(self, observed: ObservedApp) -> timedelta | None:
        """Not waker's business any more, but controllers may still send its visitors here."""
        app = observed.workload.id
        registered = self._context.registry.get(app)
        if registered is None or not self._context.registry.doors.closing(app):
            self._drop(app)
            return None
        self._context.visits.unwatch(app)
        await self._try_addresses(observed)
        return _soonest(CLOSED_AGAIN, await self._gatherer.way_back(observed))

    def _drop(self, app: AppId) -> None:
        if self._context.registry.get(app):
            self._context.queue.add(NamespaceKey(app.namespace))
        self._context.registry.remove(app)
        self._context.visits.forget(app)
        self._context.endpoints.unwatch(app)
        self._context.app_pods.unwatch(app)
        self._context.following.forget(app)
        self._attempts.succeeded(app)
        self._context.runtime.refusals.forget(app)
        self._reporter.forget(app)
        self._asked_to_sleep.pop(app, None)


def _soonest(*times: timedelta | None) -> timedelta | None:
    return min((each for each in times if each is not None), default=None)
