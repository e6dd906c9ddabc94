"""One more pod of Traefik beside that of its Deployment: crash-looping, with a sidecar, or in its node's network.

It has the labels of the others, so waker and Kubernetes take it for one of them.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.e2e import entry_points
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.entry_points import EntryPoint
from tests.e2e.scene import Scene

NAME: Final = "beside"
DEAF: Final = {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1}  # a probe that never succeeds


def crashing(spec: Json) -> None:
    """The real program, which never gets ready, and which Kubernetes ends and starts again for ever."""
    spec["containers"][0] |= {"readinessProbe": DEAF, "livenessProbe": DEAF}


def with_sidecar(spec: Json) -> None:
    """A second container ends every second, and takes the pod's readiness along; Traefik itself goes on."""
    spec["containers"].append({"name": "side", "image": "side", "command": ["sh", "-c", "sleep 1; exit 1"]})


def in_nodes_network(spec: Json) -> None:
    """At its node's own address, as on bare metal: whatever Kubernetes thinks of it, visitors reach it."""
    spec["hostNetwork"] = True


@contextmanager
def beside(scene: Scene, change: Callable[[Json], None]) -> Iterator[None]:
    """One pod more, of a Deployment of its own."""
    made = _deployment(scene, change)
    scene.api.create(made)
    try:
        until("there is a pod", lambda: _pods(scene))
        yield
    finally:
        kubectl("delete", "deployment", "-n", scene.controller.namespace, NAME, "--wait=true")
        until("it is gone", lambda: not _pods(scene), 60)


def entry(scene: Scene) -> EntryPoint:
    """Its pod, once it runs and is ready."""

    def found() -> EntryPoint | None:
        names = [each["metadata"]["name"] for each in _pods(scene)]
        some = entry_points.entry_points(scene.api, scene.controller)
        return next((each for each in some if each.name in names and each.process and each.ready), None)

    return until("its pod is ready", found, 60)


def restarts(scene: Scene) -> int:
    """How often containers of the pod have been started again."""
    return sum(one["restartCount"] for pod in _pods(scene) for one in pod["status"].get("containerStatuses", []))


def _pods(scene: Scene) -> list[Json]:
    return scene.api.list("Pod", scene.controller.namespace, f"made={NAME}")


def _deployment(scene: Scene, change: Callable[[Json], None]) -> Json:
    found = scene.api.get("Deployment", scene.controller.namespace, scene.controller.deployment)
    spec: dict[str, Any] = copy.deepcopy(found["spec"])
    spec["selector"]["matchLabels"]["made"] = spec["template"]["metadata"]["labels"]["made"] = NAME
    spec["replicas"] = 1
    change(spec["template"]["spec"])
    where = {"namespace": scene.controller.namespace, "name": NAME}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": where, "spec": spec}
