"""Actions on a workload -> merge patches. Pure.

Each carries the resource version that the plan was made for: the API server refuses it (409) if anybody else was faster.
An annotation that is set to None is removed.
"""

from datetime import datetime
from typing import Any

from waker import names
from waker.plan import typical_wake
from waker.plan.actions import Forget, RequestWake, ScaleToZero, ScaleUp, StopWake
from waker.plan.model import Workload
from waker.plan.notes import readable, written
from waker.plan.times import format_time
from waker.plan.turned_back import format_turned_back

WorkloadAction = ScaleToZero | ScaleUp | RequestWake | StopWake | Forget


def patch(workload: Workload, action: WorkloadAction, now: datetime) -> dict[str, Any]:
    """The merge patch that carries out one action."""
    annotations: dict[str, str | None] = {}
    replicas: int | None = None
    match action:
        case ScaleToZero(saved):
            replicas = 0
            gone = [*written(workload.notes, transient=True), *_noted_tries(workload)]
            annotations = dict.fromkeys(gone) | {names.SAVED_REPLICAS: str(saved), names.ASLEEP_SINCE: format_time(now)}
        case ScaleUp(replicas):
            annotations = _asked_for_wake(workload, now) | {names.SCALED_UP_AT: format_time(now)}
            if workload.notes.saved_replicas != replicas:
                annotations[names.SAVED_REPLICAS] = str(replicas)
            if workload.notes.stopped_at is not None:
                annotations[names.STOPPED_AT] = None
        case RequestWake(in_vain):
            annotations = _asked_for_wake(workload, now) | _tried_in_vain(workload, in_vain, now)
        case StopWake():
            annotations = dict.fromkeys((names.WAKE_REQUESTED_AT, names.SCALED_UP_AT))
            annotations |= dict.fromkeys((names.STOPPED_AT, names.ASLEEP_SINCE), format_time(now))
        case Forget(clean):
            annotations = dict.fromkeys(written(workload.notes, transient=not clean))
            if not clean:
                annotations[names.AWAKE_SINCE] = format_time(now)
                annotations |= _learned(workload, now)
    body: dict[str, Any] = {"metadata": {"resourceVersion": workload.version, "annotations": annotations}}
    if replicas is not None:
        body["spec"] = {"replicas": replicas}
    return body


def _asked_for_wake(workload: Workload, now: datetime) -> dict[str, str | None]:
    """It takes the place of a request for sleep, so that no clock decides which of the two is newer."""
    withdrawn = {names.SLEEP_REQUESTED_AT: None} if workload.notes.sleep_requested_at is not None else {}
    return {names.WAKE_REQUESTED_AT: format_time(now), **withdrawn}


def _tried_in_vain(workload: Workload, why: str, now: datetime) -> dict[str, str | None]:
    if not why:
        return {}
    return {names.TURNED_BACK: format_turned_back(readable(workload.notes.turned_back), why, now)}


def _noted_tries(workload: Workload) -> tuple[str, ...]:
    """They are over with a sleep that succeeds."""
    return (names.TURNED_BACK,) if workload.notes.turned_back is not None else ()


def _learned(workload: Workload, now: datetime) -> dict[str, str]:
    text = typical_wake.updated(workload.notes, now)
    return {names.TYPICAL_WAKE: text} if text else {}
