"""Actions on a workload -> merge patches. Pure.

Each carries the resource version that was looked at, so that the API server refuses it (409) if anybody else was faster.
An annotation that is set to None is removed.
"""

from datetime import datetime
from typing import Any

from waker import names
from waker.plan.model import Forget, RecordWish, ScaleToZero, ScaleUp, Workload
from waker.plan.originals import format_time

WorkloadAction = ScaleToZero | ScaleUp | RecordWish | Forget
OURS = (names.SAVED_REPLICAS, names.WISHED_AT, names.AWAKE_SINCE, names.SLEEP_ASKED_AT)


def patch(workload: Workload, action: WorkloadAction, now: datetime) -> dict[str, Any]:
    """The merge patch that carries out one action."""
    annotations: dict[str, str | None] = {}
    replicas: int | None = None
    match action:
        case ScaleToZero(saved):
            replicas = 0
            annotations = {key: None for key in OURS if key in workload.annotations}
            annotations[names.SAVED_REPLICAS] = str(saved)
        case ScaleUp(replicas):
            annotations[names.WISHED_AT] = format_time(now)
        case RecordWish():
            annotations[names.WISHED_AT] = format_time(now)
        case Forget(clean):
            annotations = {key: None for key in OURS if key in workload.annotations}
            if not clean:
                annotations[names.AWAKE_SINCE] = format_time(now)
    body: dict[str, Any] = {"metadata": {"resourceVersion": workload.version, "annotations": annotations}}
    if replicas is not None:
        body["spec"] = {"replicas": replicas}
    return body
