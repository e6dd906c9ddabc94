"""Counts what an operator wants to see over months: sleeps, wakes and their stages, drift, savings, unknown apps.

`report` calls it for each pass, `app` after each write that was accepted: with several replicas, whoever wrote it counts it,
so the sum over replicas is right. What time alone changes is settled before each exposition. The subtle thing: savings are
settled before an app's state changes, never after.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from waker import names
from waker.observe.observed_app import ObservedApp
from waker.plan.actions import Action, Plan, RequestWake, ScaleToZero, ScaleUp
from waker.plan.codes import Code
from waker.plan.model import AppId, Kind, Phase, Pin, Workload
from waker.plan.notes import readable
from waker.plan.progress import progress_of
from waker.plan.savings import NOTHING, Reserved, reserved
from waker.reconcile.context import Context
from waker.traffic.unknown_causes import UnknownCause
from waker.web.registered_app import FirstKnock

DRIFT: Final = frozenset(
    {Code.ROUTE_POINTED_BACK, Code.ROUTE_CHANGED, Code.ROUTE_ASTRAY, Code.SCALED_UP, Code.WAKE_STOPPED, Code.REPLICAS_GUESSED}
)  # fmt: skip


class OperationsCounter:
    """Counts for all apps."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runtime, self._metrics = context.runtime, context.metrics
        context.metrics.before_exposition.append(self.settle)

    # --- what has happened ---

    def see(self, workload: Workload, phase: Phase) -> None:
        """How an app stands, at each pass."""
        app, context = workload.id, self._context
        step = progress_of(phase, context.app_pods.starts(app)).step
        seen = self._runtime.wakes.see(app, phase, step, context.clock())
        if seen:
            wake, reached = seen
            if reached:
                self._metrics.wake_stages.labels(reached).observe(wake.took[reached].total_seconds())
            if wake.outcome:
                self._metrics.wakes_ended.labels(wake.outcome, wake.by).inc()
        self._sleeps(app, _saved_by(workload) if phase is Phase.ASLEEP else None)

    def wrote(self, observed: ObservedApp, plan: Plan, action: Action, knock: FirstKnock | None) -> None:
        """The API server has accepted this write of a plan. `knock`: the first since the app was asleep."""
        app, now = observed.workload.id, self._context.clock()
        if plan.code in DRIFT:
            self._metrics.drift.labels(plan.code).inc()
        if isinstance(action, ScaleUp) or plan.code is Code.SCALED_UP:
            by = _woken_by(observed, plan, knock)
            wake = self._runtime.wakes.begin(app, by, knock.at if knock else now, now)
            for stage, took in wake.took.items() if wake else ():
                self._metrics.wake_stages.labels(stage).observe(took.total_seconds())
        elif isinstance(action, ScaleToZero):
            self._metrics.sleeps.labels("asleep", _asked_to_sleep_by(observed)).inc()
        elif isinstance(action, RequestWake):
            outcome = "in_vain" if action.in_vain else "turned_back"
            self._metrics.sleeps.labels(outcome, _asked_to_sleep_by(observed)).inc()

    def refused(self, app: AppId, plan: Plan) -> None:
        """The API server has refused a write of a plan."""
        observed = self._context.cluster.observe(app, self._context.live())
        if observed and plan.phase is Phase.FALLING_ASLEEP:
            self._metrics.sleeps.labels("refused", _asked_to_sleep_by(observed)).inc()

    def forget(self, app: AppId) -> None:
        """The app is not waker's business any more."""
        self._runtime.wakes.forget(app)
        self._sleeps(app, None)
        if app.namespace in self._runtime.savings.saved() and not self._context.registry.in_namespace(app.namespace):
            self._forget_namespace(app.namespace)

    # --- what time changes ---

    def settle(self) -> None:
        """Bring everything up to now."""
        context, metrics = self._context, self._metrics
        self._runtime.savings.settle(context.clock(), self._own(), leading=context.leading())
        saved, own = self._runtime.savings.take_counted()
        for namespace, amount in saved.items():
            metrics.saved_replicas.labels(namespace).inc(amount.replicas)
            metrics.saved_cpu.labels(namespace).inc(amount.cpu)
            metrics.saved_memory.labels(namespace).inc(amount.memory)
        metrics.own_cpu.inc(own.cpu)
        metrics.own_memory.inc(own.memory)
        unknown = self.unknown()
        for cause in UnknownCause:
            metrics.unknown.labels(cause).set(unknown[cause])

    def unknown(self) -> Mapping[UnknownCause, int]:
        """How many awake apps cannot be known, by cause."""
        blind = (Code.TRAFFIC_UNKNOWN, Code.NOT_OBSERVED)
        entries = (each for each in self._context.registry.entries() if each.plan.code in blind)
        return Counter(self._context.visits.unknown_cause(each.app) or UnknownCause.NOT_LISTED for each in entries)

    def _sleeps(self, app: AppId, would_reserve: Reserved | None) -> None:
        savings, leading = self._runtime.savings, self._context.leading()
        if savings.leading != leading:
            savings.settle(self._context.clock(), self._own(), leading=leading)
        if savings.of(app) != would_reserve:
            savings.set_asleep(app, would_reserve, self._context.clock())

    def _own(self) -> Reserved:
        """What waker's own pods reserve; nothing where its Deployment is not in the cluster, or has another name."""
        own = self._context.cluster.workload(AppId(Kind.DEPLOYMENT, self._context.namespace, names.OWN_DEPLOYMENT))
        return reserved(own.replicas, own.requests) if own else NOTHING

    def _forget_namespace(self, namespace: str) -> None:
        self.settle()
        self._runtime.savings.forget_namespace(namespace)
        for each in (self._metrics.saved_replicas, self._metrics.saved_cpu, self._metrics.saved_memory):
            with suppress(KeyError):  # nothing was counted
                each.remove(namespace)


def _saved_by(workload: Workload) -> Reserved:
    return reserved(readable(workload.notes.saved_replicas) or 0, workload.requests)


def _asked_to_sleep_by(observed: ObservedApp) -> str:
    if observed.policy and observed.policy.pin is Pin.ASLEEP:
        return "pin"
    return "command" if observed.workload.notes.sleep_requested_at is not None else "idle"


def _woken_by(observed: ObservedApp, plan: Plan, knock: FirstKnock | None) -> str:
    if plan.code is Code.SCALED_UP:
        return "hand"
    if observed.policy is None:
        return "released"
    if observed.policy.pin is Pin.AWAKE:
        return "pin"
    if knock:
        return knock.by or "other"
    return "command" if observed.workload.notes.wake_requested_at is not None else "other"
