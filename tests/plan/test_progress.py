"""What pods tell of a wake. The statuses are those that Kubernetes writes, cut to what is read."""

from typing import Any

import pytest

from waker.plan.model import Phase
from waker.plan.progress import WAITING, Progress, Start, Step, Trouble, progress_of, start_of

Json = dict[str, Any]
MESSAGE = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
EXITED = {"terminated": {"exitCode": 3, "reason": "Error"}}


def pod(*containers: Json, node: str = "node-1", ready: bool = False, init: tuple[Json, ...] = (), **more: Any) -> Json:
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": str(ready)}]
    status = {"phase": "Pending", "conditions": conditions, "containerStatuses": list(containers)}
    if init:
        status["initContainerStatuses"] = list(init)
    return {"metadata": {"name": "shop-1"}, "spec": {"nodeName": node}, "status": status | more}


def unplaced(**condition: str) -> Json:
    conditions = [{"type": "PodScheduled", "status": "False", **condition}] if condition else []
    return {"metadata": {"name": "shop-1"}, "spec": {}, "status": {"phase": "Pending", "conditions": conditions}}


def waiting(reason: str, message: str = "", *, name: str = "web", restarts: int = 0, last: Json | None = None) -> Json:
    state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
    return {
        "name": name,
        "state": state,
        "lastState": last or {},
        "restartCount": restarts,
        "ready": False,
        "imageID": "",
    }


def running(name: str = "web", *, ready: bool = False, restarts: int = 0, last: Json | None = None) -> Json:
    state = {"running": {"startedAt": "2026-11-24T15:17:47Z"}}
    return {
        "name": name,
        "state": state,
        "lastState": last or {},
        "restartCount": restarts,
        "ready": ready,
        "imageID": "x",
    }


CRASHED = Start(Step.PULLED, Trouble.CRASH, "container web: it ends with exit code 3 (Error)")
BAD_IMAGE = 'Back-off pulling image "registry.example.org/shop:9"'
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}


@pytest.mark.parametrize(
    ("found", "start"),
    [
        pytest.param(unplaced(), Start(Step.ASKED), id="just made"),
        pytest.param(
            unplaced(reason="Unschedulable", message=MESSAGE), Start(Step.ASKED, Trouble.NODE, MESSAGE), id="no node"
        ),
        pytest.param(unplaced(reason="SchedulingGated"), Start(Step.ASKED, Trouble.NODE), id="gated"),
        pytest.param(pod(), Start(Step.SCHEDULED), id="a node, nothing yet"),
        pytest.param(pod(waiting("ContainerCreating")), Start(Step.SCHEDULED), id="pulling or mounting"),
        pytest.param(
            pod(waiting("PodInitializing"), init=(running("migrate"),)), Start(Step.SCHEDULED), id="an init container runs"
        ),
        pytest.param(
            pod(running(), waiting("ContainerCreating", name="side")), Start(Step.SCHEDULED), id="one image of two"
        ),
        pytest.param(pod(running()), Start(Step.STARTED), id="runs"),
        pytest.param(pod(running(ready=True), ready=True), Start(Step.READY), id="ready"),
        pytest.param(
            pod(waiting("ErrImagePull", "not found")),
            Start(Step.SCHEDULED, Trouble.IMAGE, "container web: ErrImagePull: not found"),
            id="no image",
        ),
        pytest.param(
            pod(waiting("ImagePullBackOff", BAD_IMAGE)),
            Start(Step.SCHEDULED, Trouble.IMAGE, f"container web: ImagePullBackOff: {BAD_IMAGE}"),
            id="no image, again",
        ),
        pytest.param(
            pod(waiting("PodInitializing"), init=(waiting("InvalidImageName", name="migrate"),)),
            Start(Step.SCHEDULED, Trouble.IMAGE, "container migrate: InvalidImageName"),
            id="no image of an init container",
        ),
        pytest.param(
            pod(waiting("CrashLoopBackOff", "back-off 10s restarting", restarts=4, last=EXITED)), CRASHED, id="crash loop"
        ),
        pytest.param(pod(running(restarts=2, last=EXITED)), Start(Step.STARTED, CRASHED.trouble, CRASHED.detail),
                     id="crash loop, running just now"),
        pytest.param(pod(running(restarts=1, last=EXITED)), Start(Step.STARTED), id="one restart is common"),
        pytest.param(
            pod(running(restarts=9, last=EXITED, ready=True), waiting("ContainerCreating", name="side")),
            Start(Step.SCHEDULED),
            id="restarted long ago, fine now",
        ),
        pytest.param(
            pod(waiting("CrashLoopBackOff", restarts=2, last=KILLED)),
            Start(Step.PULLED, Trouble.CRASH, "container web: it ends with exit code 137 (OOMKilled)"),
            id="out of memory",
        ),
        pytest.param(
            pod(waiting("CrashLoopBackOff", "back-off 5m0s restarting", restarts=7)),
            Start(Step.PULLED, Trouble.CRASH, "container web: CrashLoopBackOff"),
            id="it could never be started",
        ),
        pytest.param(
            pod(waiting("CreateContainerConfigError", 'configmap "missing" not found')),
            Start(Step.PULLED, Trouble.CONFIG, 'container web: CreateContainerConfigError: configmap "missing" not found'),
            id="written wrongly",
        ),
        pytest.param(pod(running(), phase="Failed"), None, id="evicted"),
        pytest.param(pod() | {"metadata": {"name": "shop-1", "deletionTimestamp": "now"}}, None, id="on its way out"),
    ],
)  # fmt: skip
def test_one_pod(found: Json, start: Start | None) -> None:
    assert start_of(found) == start


@pytest.mark.parametrize("reason", WAITING)
def test_every_reason_to_wait_is_told_by_name(reason: str) -> None:
    start = start_of(pod(waiting(reason)))
    assert start
    assert start.trouble is WAITING[reason]
    assert reason in start.detail


GOOD, SLOW, BAD = Start(Step.STARTED), Start(Step.SCHEDULED), Start(Step.SCHEDULED, Trouble.IMAGE, "why")


@pytest.mark.parametrize(
    ("pods", "refused", "progress"),
    [
        pytest.param([], "", Progress(Step.ASKED), id="no pod yet"),
        pytest.param(
            [], "exceeded quota", Progress(Step.ASKED, Trouble.REFUSED, "exceeded quota"), id="no pod may be made"
        ),
        pytest.param([SLOW], "exceeded quota", Progress(Step.SCHEDULED), id="one could be made: it is enough"),
        pytest.param([SLOW, GOOD], "", Progress(Step.STARTED), id="the furthest counts"),
        pytest.param([BAD, GOOD], "", Progress(Step.STARTED), id="and another's trouble does not"),
        pytest.param([SLOW, BAD], "", Progress(Step.SCHEDULED, Trouble.IMAGE, "why"), id="as far, and in trouble"),
    ],
)
def test_many_pods(pods: list[Start], refused: str, progress: Progress) -> None:
    for phase in (Phase.WAKING, Phase.STUCK):
        assert progress_of(phase, pods, refused) == progress


@pytest.mark.parametrize("phase", [each for each in Phase if each not in (Phase.WAKING, Phase.STUCK)])
def test_pods_count_only_while_it_wakes(phase: Phase) -> None:
    up = phase in (Phase.RESTORING_ROUTES, Phase.AWAKE, Phase.NOT_MANAGED)
    assert progress_of(phase, [BAD], "exceeded quota") == Progress(Step.READY if up else Step.KNOCKED)
