"""Reports what changed: a log line and an Event for each transition, a Warning for what its user should know, metrics.

Remembers what it reported last, for that only; nothing is decided by it. Never waits: Events are written in the background.
Of several replicas the holder of the Lease writes the Events of what all of them see; each one those of what it met itself.
"""

import logging
from datetime import datetime, timedelta

from waker import names
from waker.cluster.event_correlation import Severity, Subject
from waker.cluster.resources import WORKLOADS, workload_path
from waker.errors import ClusterError, Conflict, Refused, TooSoon
from waker.names import EventReason
from waker.observe.app import also_answering
from waker.observe.installations import left_to
from waker.observe.observed_app import ObservedApp
from waker.observe.themes import no_theme
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.doors import DoorKey
from waker.plan.model import AppId, Phase, Workload
from waker.plan.policy import unknown_annotations
from waker.plan.snapshot import Snapshot
from waker.reconcile.context import Context
from waker.reconcile.counting import OperationsCounter
from waker.settings.configmap import NO_WAIT_HOST

log = logging.getLogger(__name__)

SECOND_LOOK = timedelta(seconds=3)  # `kubectl apply` of an app creates its objects one after the other
# The slowest controller follows within 5 s or so: a new keeper, or the last wake of the app.
REACHED_WITHIN = timedelta(seconds=10)
CAUSES = {Conflict: "conflict", TooSoon: "too-soon"}
WRITTEN_TOO_OFTEN = "it was written several times within seconds and is not as it was written"
UNKNOWN_FOR = timedelta(seconds=60)  # scrapes that fail for less than that are nobody's business


class Reporter:
    """Reports for all apps."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.counter = OperationsCounter(context)
        self._reported: dict[AppId, Plan] = {}
        self._phase_since: dict[AppId, datetime] = {}
        self._unknown_since: dict[AppId, datetime] = {}
        self._warned_at: dict[AppId, datetime] = {}

    def report(self, observed: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        """What was decided for an app."""
        app = observed.workload.id
        old = self._reported.get(app)
        self._reported[app] = plan
        self._count(old, plan)
        self.counter.see(observed.workload, plan.phase)
        if old is not None and old.phase is not plan.phase:
            self._report_transition(observed.workload, old, plan)
        if plan.warning:
            self._report_warning(observed.workload, old, plan)
        if seen.start_failure and plan.phase is Phase.WAKING:
            self._event(observed.workload, Severity.WARNING, EventReason.CANNOT_START, seen.start_failure, plan.code)
        if seen.strangers:
            self._tell(observed.workload, Severity.WARNING, EventReason.OTHERS_ANSWER, also_answering(seen))
        self._report_unknown_traffic(observed, seen, plan)
        self._report_refusal(observed)
        self._report_no_wait_host(observed)
        self._report_theme(observed)
        self._report_unknown_annotations(observed)

    def report_failed_write(self, app: AppId, error: ClusterError) -> None:
        """Counted; and told to the app's user if it will not pass by itself."""
        cause = error.cause if isinstance(error, Refused) else CAUSES.get(type(error), "error")
        self._context.metrics.failed_writes.labels(cause).inc()
        workload, plan = self._context.cluster.workload(app), self._reported.get(app)
        if plan and isinstance(error, Refused):
            self.counter.refused(app, plan)
        if workload and isinstance(error, Refused):
            self._event(workload, Severity.WARNING, EventReason.WRITE_FAILED, f"the API server refuses it: {error}")
        if workload and isinstance(error, TooSoon) and error.path == workload_path(app):
            message = f"{WRITTEN_TOO_OFTEN}: somebody sets back what waker writes"
            self._event(workload, Severity.WARNING, EventReason.WRITE_FAILED, message)

    def report_other_installation(self, workload: Workload, other: str) -> None:
        """Two of them would undo each other's work, so this one does nothing here."""
        self._event(workload, Severity.WARNING, EventReason.CANNOT_SLEEP, left_to(other))

    def forget(self, app: AppId) -> None:
        """The app is not waker's business any more."""
        self._unknown_since.pop(app, None)
        self._warned_at.pop(app, None)
        self._phase_since.pop(app, None)
        self._count(self._reported.pop(app, None), None)
        self.counter.forget(app)

    def _count(self, old: Plan | None, plan: Plan | None) -> None:
        metrics = self._context.metrics
        if old:
            metrics.apps.labels(old.phase, old.code).dec()
        if plan:
            metrics.apps.labels(plan.phase, plan.code).inc()

    def _report_transition(self, workload: Workload, old: Plan, plan: Plan) -> None:
        metrics = self._context.metrics
        metrics.transitions.labels(old.phase, plan.phase).inc()
        self._log_transition(workload.id, old, plan)
        registered = self._context.registry.get(workload.id)
        if plan.phase is Phase.RESTORING_ROUTES and registered and registered.since:
            metrics.wakes.observe((self._context.clock() - registered.since).total_seconds())
        if not plan.warning:
            self._tell(workload, Severity.NORMAL, EventReason(plan.phase), plan.reason, plan.code)

    def _log_transition(self, app: AppId, old: Plan, plan: Plan) -> None:
        """One line with stable fields, see "Logs" in docs/operations.md. `took`: seconds in the phase before, if known."""
        now, since = self._context.clock(), self._phase_since.get(app)
        self._phase_since[app] = now
        fields = {"app": app, "kind": app.kind, "was": old.phase, "phase": plan.phase, "code": plan.code}
        took = {"took": round((now - since).total_seconds(), 3)} if since else {}
        log.info("phase changed", extra=fields | took | {"reason": plan.reason})

    def _report_warning(self, workload: Workload, old: Plan | None, plan: Plan) -> None:
        """A problem that may only mean "its other objects are not there yet" gets a second look before an Event."""
        now = self._context.clock()
        if old is None or old.code is not plan.code:
            self._warned_at[workload.id] = now
        # The same words may have been no problem before: that of an app which is woken because it is not managed any more.
        left = self._warned_at.setdefault(workload.id, now) + _passes_within(plan) - now
        if left > timedelta():
            self._context.queue.add(workload.id, left.total_seconds())
            return
        self._tell(workload, Severity.WARNING, _warning_reason(plan), plan.reason, plan.code)

    def _report_unknown_traffic(self, observed: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        """An app whose visits cannot be seen stays awake; its user hears of it, but of what may pass only after a while."""
        app, now = observed.workload.id, self._context.clock()
        if plan.phase is not Phase.AWAKE or not seen.traffic.unknown:
            self._unknown_since.pop(app, None)
            return
        left = self._unknown_since.setdefault(app, now) + UNKNOWN_FOR - now
        if left > timedelta() and not seen.traffic.uncounted:
            self._context.queue.add(app, left.total_seconds())
        else:
            self._tell(observed.workload, Severity.WARNING, EventReason.TRAFFIC_UNKNOWN, seen.traffic.unknown)

    def _report_refusal(self, observed: ObservedApp) -> None:
        """What waker needs in its namespace cannot be made: a quota, an admission policy, a missing right."""
        refusal = self._context.runtime.refusals.in_namespace(observed.workload.id.namespace)
        if refusal:
            message = f"waker cannot make what it needs in this namespace: {refusal}"
            self._tell(observed.workload, Severity.WARNING, EventReason.CANNOT_SLEEP, message)

    def _report_no_wait_host(self, observed: ObservedApp) -> None:
        """Its annotation asks for what cannot be done. It may still sleep: its visitors get the page."""
        if observed.reading.own_while_asleep == "redirect" and not self._context.live().wait_host:
            message = f"{names.WHILE_ASLEEP}: redirect: {NO_WAIT_HOST}"
            self._tell(observed.workload, Severity.WARNING, EventReason.NO_WAIT_HOST, message)

    def _report_theme(self, observed: ObservedApp) -> None:
        theme = observed.reading.own_theme
        if not self._context.theme_exists(theme):
            problem = f"{names.THEME}: {no_theme(theme)}"
            self._tell(observed.workload, Severity.WARNING, EventReason.UNKNOWN_THEME, problem)
        for problem in observed.page_problems:
            without = f"{problem}; its waiting page goes without"
            self._tell(observed.workload, Severity.WARNING, EventReason.BAD_SETTING, without)

    def _report_unknown_annotations(self, observed: ObservedApp) -> None:
        """Of an app that is enabled: who misspells that hears of it by `waker check` only."""
        for each in unknown_annotations(observed.workload) if observed.policy else ():
            self._tell(observed.workload, Severity.WARNING, EventReason.UNKNOWN_ANNOTATION, str(each))

    def _tell(
        self, workload: Workload, severity: Severity, reason: EventReason, message: str, code: Code | None = None
    ) -> None:
        """An Event of what every replica sees: the holder of the Lease writes it."""
        if self._context.leading():
            self._event(workload, severity, reason, message, code)

    def _event(
        self, workload: Workload, severity: Severity, reason: EventReason, message: str, code: Code | None = None
    ) -> None:
        self._context.recorder.record(subject_of(workload), severity, reason, message, code or "")


def _passes_within(plan: Plan) -> timedelta:
    """For how long what a plan warns of may pass by itself."""
    if plan.code is Code.WAKER_UNREACHABLE:
        return REACHED_WITHIN
    return SECOND_LOOK if plan.phase is Phase.NOT_MANAGED else timedelta()


def _warning_reason(plan: Plan) -> EventReason:
    if plan.code is Code.REPLICAS_GUESSED:
        return EventReason.GUESSED_REPLICAS
    stuck = plan.phase is Phase.STUCK or plan.code is Code.REPLICAS_LOST
    return EventReason.STUCK if stuck else EventReason.CANNOT_SLEEP


def report_defect(context: Context, app: AppId, error: Exception) -> None:
    """An app at which waker itself fails. May be called again and again."""
    workload = context.cluster.workload(app)
    if workload:
        message = (
            f"waker fails at this app and tries again later; its log has the details: {type(error).__name__}: {error}"
        )
        context.recorder.record(subject_of(workload), Severity.WARNING, EventReason.INTERNAL_ERROR, message)


def report_no_door(context: Context, key: DoorKey, why: str) -> None:
    """An app that cannot sleep for want of a door. May be called again and again."""
    workload = context.cluster.workload(key.app)
    if workload:
        message = f"it cannot sleep: waker has no door for {key.backend.service}:{key.backend.port}: {why}"
        context.recorder.record(subject_of(workload), Severity.WARNING, EventReason.NO_DOOR, message)


def subject_of(workload: Workload) -> Subject:
    """The workload as the subject of an Event."""
    id = workload.id
    return Subject(WORKLOADS[id.kind].api_version, id.kind, id.namespace, id.name, workload.uid)
