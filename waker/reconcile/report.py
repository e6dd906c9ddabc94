"""Says what changed: a log line and an Event for each change of phase, a Warning for what its user should know, metrics.

Remembers what it said last, for that only; nothing is decided by it. Never waits: Events are written in the background.
"""

import logging
from datetime import datetime, timedelta

from waker import names
from waker.cluster.events import Severity, Subject
from waker.cluster.resources import WORKLOADS
from waker.names import EventReason
from waker.observe.app import why_uncounted
from waker.observe.cluster import ObservedApp
from waker.plan.actions import Plan
from waker.plan.model import AppId, Phase, Snapshot, Workload
from waker.reconcile.context import Context
from waker.settings.live import NO_WAIT_HOST

log = logging.getLogger(__name__)

SECOND_LOOK = timedelta(seconds=3)  # `kubectl apply` of an app creates its objects one after the other
BLIND_FOR = timedelta(seconds=60)  # scrapes that fail for less than that are nobody's business


class Reporter:
    """See above. One for all apps."""

    def __init__(self, house: Context) -> None:
        self._context = house
        self._reported: dict[AppId, Plan] = {}
        self._unknown_since: dict[AppId, datetime] = {}
        self._warned_at: dict[AppId, datetime] = {}

    def report(self, sight: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        """What was decided for an app."""
        app = sight.workload.id
        old = self._reported.get(app)
        self._reported[app] = plan
        if old is None:
            self._context.metrics.apps.labels(plan.phase).inc()
        elif old.phase is not plan.phase:
            self._report_transition(sight.workload, old, plan)
        if plan.warning:
            self._report_warning(sight.workload, old, plan)
        if seen.start_failure and plan.phase is Phase.WAKING:
            self._event(sight.workload, Severity.WARNING, EventReason.CANNOT_START, seen.start_failure)
        self._report_unknown_traffic(sight, seen, plan)
        self._report_no_wait_host(sight)
        self._report_theme(sight.workload)

    def forget(self, app: AppId) -> None:
        """The app is no business of ours any more."""
        self._unknown_since.pop(app, None)
        self._warned_at.pop(app, None)
        said = self._reported.pop(app, None)
        if said:
            self._context.metrics.apps.labels(said.phase).dec()

    def _report_transition(self, workload: Workload, old: Plan, plan: Plan) -> None:
        metrics = self._context.metrics
        metrics.apps.labels(old.phase).dec()
        metrics.apps.labels(plan.phase).inc()
        metrics.transitions.labels(old.phase, plan.phase).inc()
        log.info("%s: %s -> %s: %s", workload.id, old.phase, plan.phase, plan.reason)
        shown = self._context.registry.get(workload.id)
        if plan.phase is Phase.RESTORING_ROUTES and shown and shown.since:
            metrics.wakes.observe((self._context.clock() - shown.since).total_seconds())
        if not plan.warning:
            self._event(workload, Severity.NORMAL, EventReason(plan.phase), plan.reason)

    def _report_warning(self, workload: Workload, old: Plan | None, plan: Plan) -> None:
        """A problem that only says "the other objects are not there yet" is worth a second look, not an Event."""
        now = self._context.clock()
        if old is None or old.reason != plan.reason:
            self._warned_at[workload.id] = now
        if plan.phase is Phase.NOT_MANAGED and now - self._warned_at[workload.id] < SECOND_LOOK:
            self._context.queue.add(workload.id, SECOND_LOOK.total_seconds())
            return
        reason = EventReason.STUCK if plan.phase is Phase.STUCK else EventReason.CANNOT_SLEEP
        self._event(workload, Severity.WARNING, reason, plan.reason)

    def _report_unknown_traffic(self, sight: ObservedApp, seen: Snapshot, plan: Plan) -> None:
        """An app whose visits cannot be seen stays awake; its user hears of it, of what may pass only after a while."""
        app, now = sight.workload.id, self._context.clock()
        if plan.phase is not Phase.AWAKE or not seen.traffic.unknown:
            self._unknown_since.pop(app, None)
            return
        since = self._unknown_since.setdefault(app, now)
        if now - since > BLIND_FOR or why_uncounted(sight):
            self._event(sight.workload, Severity.WARNING, EventReason.TRAFFIC_UNKNOWN, seen.traffic.unknown)

    def _report_no_wait_host(self, sight: ObservedApp) -> None:
        """What the annotation asks for cannot be had. It may still sleep: its visitors get the page. For all: `Config`."""
        policy, asked = sight.reading.policy, names.WHILE_ASLEEP in sight.workload.annotations
        if policy and asked and policy.visitors.while_asleep == "redirect" and not self._context.live().wait_host:
            message = f"{names.WHILE_ASLEEP}: redirect: {NO_WAIT_HOST}"
            self._event(sight.workload, Severity.WARNING, EventReason.NO_WAIT_HOST, message)

    def _report_theme(self, workload: Workload) -> None:
        theme = workload.annotations.get(names.THEME, "").strip()
        if not self._context.theme_exists(theme):
            problem = f"{names.THEME}: there is no theme {theme[:60]!r}; the page looks as it comes"
            self._event(workload, Severity.WARNING, EventReason.UNKNOWN_THEME, problem)

    def _event(self, workload: Workload, severity: Severity, reason: EventReason, message: str) -> None:
        self._context.recorder.record(subject_of(workload), severity, reason, message)


def subject_of(workload: Workload) -> Subject:
    """The workload as the subject of an Event."""
    id = workload.id
    return Subject(WORKLOADS[id.kind].api_version, id.kind, id.namespace, id.name, workload.uid)
