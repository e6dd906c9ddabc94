"""The last wakes, stage by stage, as this replica has seen them: for metrics and for people. Nothing is decided by it.

No IO and no clock: `reconcile.report` says what has happened. A wake begins when this replica sets an app's replicas, so of
several replicas one has it. A stage that nobody saw (pods are only watched while somebody waits for them) is part of the
next one, so the stages always add up to the whole wake. Bounded: the last MOST wakes of all apps together.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from waker.plan.model import AppId, Phase
from waker.plan.progress import Step

MOST: Final = 300  # wakes that are remembered


class Milestone(StrEnum):
    """What was reached, in this order. Also labels of a metric: stages are added, never renamed."""

    ASKED = "asked"  # replicas were set
    SCHEDULED = "scheduled"  # a pod has a node
    STARTED = "started"  # its containers run
    READY = "ready"  # a pod takes requests
    ROUTED = "routed"  # the routes lead to the app, and nothing is noted any more


class WakeOutcome(StrEnum):
    """How a wake ended. Also labels of a metric."""

    READY = "ready"
    STUCK = "stuck"
    STOPPED = "stopped"


ORDER: Final = tuple(Milestone)
STEPS: Final = ((Step.STARTED, Milestone.STARTED), (Step.SCHEDULED, Milestone.SCHEDULED))
ENDS: Final = {Phase.STUCK: WakeOutcome.STUCK, Phase.AWAKE: WakeOutcome.READY, Phase.NOT_MANAGED: WakeOutcome.READY}


@dataclass(slots=True)
class Wake:
    """One wake. `took`: how long each stage took, as far as it has come. `outcome`: None while it goes on."""

    app: AppId
    by: str
    began: datetime
    took: dict[Milestone, timedelta] = field(default_factory=dict)
    outcome: WakeOutcome | None = None

    @property
    def lasted(self) -> timedelta:
        """The stages together."""
        return sum(self.took.values(), timedelta())


class Wakes:
    """Those that go on, and the last that have ended."""

    def __init__(self) -> None:
        self._running: dict[AppId, Wake] = {}
        self._ended: deque[Wake] = deque(maxlen=MOST)

    def begin(self, app: AppId, by: str, began: datetime, now: datetime) -> Wake | None:
        """Its replicas were set. None if its wake goes on already."""
        if app in self._running:
            return None
        wake = self._running[app] = Wake(app, by, min(began, now))
        _reach(wake, Milestone.ASKED, now)
        return wake

    def see(self, app: AppId, phase: Phase, step: Step, now: datetime) -> tuple[Wake, Milestone | None] | None:
        """How far an app is. Its wake, and the stage that it has reached now, if that is new; None: it is not waking.

        A wake that has an outcome afterwards is over.
        """
        wake = self._running.get(app)
        if wake is None:
            return None
        stage = _milestone(phase, step)
        reached = stage if stage and ORDER.index(stage) > ORDER.index(next(reversed(wake.took))) else None
        if reached:
            _reach(wake, reached, now)
        wake.outcome = ENDS.get(phase)
        if phase in (Phase.ASLEEP, Phase.FALLING_ASLEEP):
            was_ready = Milestone.READY in wake.took  # a wake that was ready may be seen only when it sleeps again
            wake.outcome = WakeOutcome.READY if was_ready else WakeOutcome.STOPPED
        if wake.outcome:
            del self._running[app]
            self._ended.append(wake)
        return wake, reached

    def forget(self, app: AppId) -> None:
        """The app is gone. What it did stays for a while."""
        self._running.pop(app, None)

    def ended(self) -> list[Wake]:
        """Those that are over, the newest first."""
        return list(reversed(self._ended))

    def last(self) -> Iterator[Wake]:
        """The newest first."""
        yield from reversed(self._running.values())
        yield from reversed(self._ended)


def _milestone(phase: Phase, step: Step) -> Milestone | None:
    if phase in (Phase.AWAKE, Phase.NOT_MANAGED):
        return Milestone.ROUTED
    if phase is Phase.RESTORING_ROUTES or step is Step.READY:
        return Milestone.READY
    return next((stage for least, stage in STEPS if step >= least), None)


def _reach(wake: Wake, stage: Milestone, now: datetime) -> None:
    wake.took[stage] = max(now - wake.began - wake.lasted, timedelta())
