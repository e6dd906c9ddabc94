"""Says what changed: a log line and an Event for each change of phase, a Warning for what its user should know, metrics.

Remembers what it said last, for that only; nothing is decided by it. Never waits: Events are written in the background.
"""

import logging
from datetime import datetime, timedelta

from waker import names
from waker.cluster.events import Severity, Subject
from waker.cluster.resources import WORKLOADS
from waker.observe.app import unseeable
from waker.observe.cluster import Sight
from waker.plan.actions import Plan
from waker.plan.model import AppId, Phase, Snapshot, Workload
from waker.reconcile.context import House
from waker.settings.live import NO_WAIT_HOST

log = logging.getLogger(__name__)

SECOND_LOOK = timedelta(seconds=3)  # `kubectl apply` of an app creates its objects one after the other
BLIND_FOR = timedelta(seconds=60)  # scrapes that fail for less than that are nobody's business
EVENT_REASONS = {
    Phase.AWAKE: "Awake",
    Phase.FALLING: "FallingAsleep",
    Phase.ASLEEP: "Asleep",
    Phase.WAKING: "Waking",
    Phase.RISING: "OpeningRoutes",
    Phase.STUCK: "Stuck",
    Phase.UNMANAGED: "NotManaged",
}


class Teller:
    """See above. One for all apps."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._said: dict[AppId, Plan] = {}
        self._blind: dict[AppId, datetime] = {}
        self._warned_at: dict[AppId, datetime] = {}

    def tell(self, sight: Sight, seen: Snapshot, plan: Plan) -> None:
        """What was decided for an app."""
        app = sight.workload.id
        old = self._said.get(app)
        self._said[app] = plan
        if old is None:
            self._house.metrics.apps.labels(plan.phase).inc()
        elif old.phase is not plan.phase:
            self._moved(sight.workload, old, plan)
        if plan.warning:
            self._warn(sight.workload, old, plan)
        if seen.hindrance and plan.phase is Phase.WAKING:
            self._event(sight.workload, Severity.WARNING, "CannotStart", seen.hindrance)
        self._tell_blindness(sight, seen, plan)
        self._tell_no_wait_host(sight)
        self._tell_theme(sight.workload)

    def forget(self, app: AppId) -> None:
        """The app is no business of ours any more."""
        self._blind.pop(app, None)
        self._warned_at.pop(app, None)
        said = self._said.pop(app, None)
        if said:
            self._house.metrics.apps.labels(said.phase).dec()

    def _moved(self, workload: Workload, old: Plan, plan: Plan) -> None:
        metrics = self._house.metrics
        metrics.apps.labels(old.phase).dec()
        metrics.apps.labels(plan.phase).inc()
        metrics.transitions.labels(old.phase, plan.phase).inc()
        log.info("%s: %s -> %s: %s", workload.id, old.phase, plan.phase, plan.reason)
        shown = self._house.doors.shown(workload.id)
        if plan.phase is Phase.RISING and shown and shown.since:
            metrics.wakes.observe((self._house.clock() - shown.since).total_seconds())
        if not plan.warning:
            self._event(workload, Severity.NORMAL, EVENT_REASONS[plan.phase], plan.reason)

    def _warn(self, workload: Workload, old: Plan | None, plan: Plan) -> None:
        """A problem that only says "the other objects are not there yet" is worth a second look, not an Event."""
        now = self._house.clock()
        if old is None or old.reason != plan.reason:
            self._warned_at[workload.id] = now
        if plan.phase is Phase.UNMANAGED and now - self._warned_at[workload.id] < SECOND_LOOK:
            self._house.queue.add(workload.id, SECOND_LOOK.total_seconds())
            return
        reason = EVENT_REASONS[plan.phase] if plan.phase is Phase.STUCK else "CannotSleep"
        self._event(workload, Severity.WARNING, reason, plan.reason)

    def _tell_blindness(self, sight: Sight, seen: Snapshot, plan: Plan) -> None:
        """An app whose visits cannot be seen stays awake; its user hears of it, of what may pass only after a while."""
        app, now = sight.workload.id, self._house.clock()
        if plan.phase is not Phase.AWAKE or not seen.traffic.unknown:
            self._blind.pop(app, None)
            return
        since = self._blind.setdefault(app, now)
        if now - since > BLIND_FOR or unseeable(sight):
            self._event(sight.workload, Severity.WARNING, "TrafficUnknown", seen.traffic.unknown)

    def _tell_no_wait_host(self, sight: Sight) -> None:
        """What the annotation asks for cannot be had. It may still sleep: its visitors get the page. For all: `Config`."""
        policy, asked = sight.reading.policy, names.AUDIENCE in sight.workload.annotations
        if policy and asked and policy.reception.audience == "redirect" and not self._house.live().wait_host:
            message = f"{names.AUDIENCE}: redirect: {NO_WAIT_HOST}"
            self._event(sight.workload, Severity.WARNING, "NoWaitHost", message)

    def _tell_theme(self, workload: Workload) -> None:
        theme = workload.annotations.get(names.THEME, "").strip()
        if not self._house.themed(theme):
            problem = f"{names.THEME}: there is no theme {theme[:60]!r}; the page looks as it comes"
            self._event(workload, Severity.WARNING, "UnknownTheme", problem)

    def _event(self, workload: Workload, severity: Severity, reason: str, message: str) -> None:
        self._house.recorder.tell(subject_of(workload), severity, reason, message)


def subject_of(workload: Workload) -> Subject:
    """The workload as the subject of an Event."""
    id = workload.id
    return Subject(WORKLOADS[id.kind].api_version, id.kind, id.namespace, id.name, workload.uid)
