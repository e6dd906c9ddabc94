"""How far a wake has come, and what keeps it: the pods of a waking app -> one Progress.

Pure: Kubernetes JSON and a phase go in. Visitors see the step and the kind of trouble, in plain words; `detail` holds
names and messages and is for those who run the app: Events, status, never the page. The furthest pod counts, as one
ready pod is enough for visitors; a trouble counts if no pod has come further.

How a step is recognised (k8s.io/api/core/v1, and what kubelet writes):

| pod                                                                  | step      |
| -------------------------------------------------------------------- | --------- |
| no node yet                                                          | ASKED     |
| a node                                                               | SCHEDULED |
| each container ran, runs, or failed at something that needs its image | PULLED    |
| each container runs                                                  | STARTED   |
| condition Ready                                                      | READY     |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Final

from waker.plan.model import Phase

Json = Mapping[str, Any]


class Step(IntEnum):
    """What has been reached."""

    KNOCKED = 0  # somebody wants it; not yet written down
    ASKED = 1  # Kubernetes has been asked for pods
    SCHEDULED = 2  # a node has been found
    PULLED = 3  # its images are there
    STARTED = 4  # its containers run
    READY = 5  # a pod can take requests; the way is being opened
    OPENING = 6  # never shown: by then requests are forwarded


class Trouble(StrEnum):
    """What keeps an app from starting."""

    IMAGE = "image"  # an image cannot be pulled
    CRASH = "crash"  # it ends soon after it was started, again and again
    NODE = "node"  # no node has room for it
    CONFIG = "config"  # a container cannot be made as it is written
    REFUSED = "refused"  # the API server does not let pods be made: a quota, an admission rule


# Why a container waits, as far as it means trouble. `ContainerCreating` and `PodInitializing` do not.
WAITING: Final = {
    "ErrImagePull": Trouble.IMAGE,
    "ImagePullBackOff": Trouble.IMAGE,
    "InvalidImageName": Trouble.IMAGE,
    "ErrImageNeverPull": Trouble.IMAGE,
    "ImageInspectError": Trouble.IMAGE,
    "RegistryUnavailable": Trouble.IMAGE,
    "SignatureValidationFailed": Trouble.IMAGE,
    "CrashLoopBackOff": Trouble.CRASH,
    "CreateContainerConfigError": Trouble.CONFIG,
    "CreateContainerError": Trouble.CONFIG,
    "RunContainerError": Trouble.CONFIG,
    "PostStartHookError": Trouble.CONFIG,
}
AGAIN_AND_AGAIN: Final = 2  # restarts; one is common while a neighbour is not there yet
UNPLACED: Final = frozenset({"Unschedulable", "SchedulingGated"})


@dataclass(frozen=True, slots=True)
class Start:
    """How far one pod has come."""

    step: Step
    trouble: Trouble | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an app has come. `detail` is never for visitors."""

    step: Step = Step.KNOCKED
    trouble: Trouble | None = None
    detail: str = ""


def progress_of(phase: Phase, pods: Iterable[Start] = (), refused: str = "") -> Progress:
    """The app's progress. `refused`: why the API server lets no pod be made, see `Workload.refused`."""
    match phase:
        case Phase.ASLEEP | Phase.FALLING_ASLEEP:
            return Progress(Step.KNOCKED)
        case Phase.RESTORING_ROUTES | Phase.AWAKE | Phase.NOT_MANAGED:
            return Progress(Step.READY)
    found = list(pods)
    if not found:
        return Progress(Step.ASKED, Trouble.REFUSED if refused else None, refused)
    furthest = max(each.step for each in found)
    kept = next((each for each in found if each.step is furthest and each.trouble), None)
    return Progress(furthest, kept.trouble, kept.detail) if kept else Progress(furthest)


def start_of(found: Json) -> Start | None:
    """A pod's. None if it is on its way out, or has ended."""
    meta, spec, status = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    if "deletionTimestamp" in meta or status.get("phase") in ("Succeeded", "Failed"):
        return None
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if not spec.get("nodeName"):
        scheduled = conditions.get("PodScheduled", {})
        unplaced = scheduled.get("reason") in UNPLACED
        return Start(Step.ASKED, Trouble.NODE, scheduled.get("message", "")) if unplaced else Start(Step.ASKED)
    if conditions.get("Ready", {}).get("status") == "True":
        return Start(Step.READY)
    containers = status.get("containerStatuses") or []
    step = _step(containers)
    for each in [*(status.get("initContainerStatuses") or []), *containers]:
        trouble, detail = _trouble(each)
        if trouble:
            return Start(step, trouble, f"container {each['name']}: {detail}")
    return Start(step)


def _step(containers: list[Json]) -> Step:
    if not containers or not all(_pulled(each) for each in containers):
        return Step.SCHEDULED
    return Step.STARTED if all("running" in (each.get("state") or {}) for each in containers) else Step.PULLED


def _pulled(container: Json) -> bool:
    """Whether its image is there. `imageID` would say it too, but only some runtimes leave it empty before."""
    state, last = container.get("state") or {}, container.get("lastState") or {}
    reason = (state.get("waiting") or {}).get("reason", "")
    return bool(last) or "waiting" not in state or WAITING.get(reason) in (Trouble.CRASH, Trouble.CONFIG)


def _trouble(container: Json) -> tuple[Trouble | None, str]:
    """Of one container, with what its runtime says. A container in a crash loop is in trouble while it runs, too."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = (container.get("lastState") or {}).get("terminated") or {}
    trouble = WAITING.get(waiting.get("reason", ""))
    failing = ended.get("exitCode") and container.get("restartCount", 0) >= AGAIN_AND_AGAIN
    if ended and (trouble is Trouble.CRASH or (trouble is None and failing and not container.get("ready"))):
        why = ended.get("reason", "")
        return Trouble.CRASH, f"it ends with exit code {ended.get('exitCode')}" + (f" ({why})" if why else "")
    if trouble is None:
        return None, ""
    said = "" if trouble is Trouble.CRASH else waiting.get("message", "")  # a back-off's message counts seconds
    return trouble, waiting["reason"] + (f": {said}" if said else "")
