"""The pods of an ingress controller, one by one, and what can happen to them: more, fewer, killed, cut off.

Visitors may come in through a chosen pod, which no load balancer would let them, so that a scenario can say which pod
knows of a visit.
"""

import os
import signal
import subprocess
from typing import NamedTuple

from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.controllers import IngressController
from tests.e2e.load import VisitorAddress


class EntryPoint(NamedTuple):
    """One pod of a controller. `process` is 0 while its container does not run."""

    controller: IngressController
    name: str
    address: VisitorAddress
    process: int
    ready: bool

    def cut(self) -> None:
        """Nothing reaches it or leaves it any more, though it runs."""
        link(self.address.host, "down")

    def join(self) -> None:
        """The end of `cut`."""
        link(self.address.host, "up")

    def kill(self) -> None:
        """kill -9 of what runs in it; Kubernetes starts it again in the same pod."""
        os.kill(self.process, signal.SIGKILL)

    def delete(self) -> None:
        """Another pod takes its place."""
        kubectl("delete", "pod", "-n", self.controller.namespace, self.name, "--wait=false")


def link(host: str, state: str) -> None:
    """Cut a pod's wire, or join it: `down` or `up`. See ground's README."""
    wire = "v" + "-".join(host.split(".")[2:])
    subprocess.run(["ip", "link", "set", wire, state], check=True)


def entry_points(api: ClusterApi, controller: IngressController) -> list[EntryPoint]:
    """All its pods that have an address and are not about to end."""
    found = (each for each in api.list("Pod", controller.namespace, controller.pods) if _stays(each))
    return [_entry_point(controller, each) for each in found]


def scale(api: ClusterApi, controller: IngressController, replicas: int) -> list[EntryPoint]:
    """So many pods, all of them ready."""
    begin_scale(controller, replicas)
    return until(f"{replicas} pods of {controller.ingress_class}", lambda: _whole(api, controller, replicas), 60)


def begin_scale(controller: IngressController, replicas: int) -> None:
    """So many pods, some time later."""
    kubectl("scale", "deployment", "-n", controller.namespace, controller.deployment, f"--replicas={replicas}")


def _whole(api: ClusterApi, controller: IngressController, replicas: int) -> list[EntryPoint]:
    found = entry_points(api, controller)
    return found if len(found) == replicas and all(each.ready for each in found) else []


def _stays(pod: Json) -> bool:
    return bool(pod.get("status", {}).get("podIP")) and "deletionTimestamp" not in pod["metadata"]


def _entry_point(controller: IngressController, pod: Json) -> EntryPoint:
    status = pod["status"]
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    running = [one["containerID"] for one in status.get("containerStatuses", []) if "running" in one.get("state", {})]
    process = int(running[0].removeprefix("ground://")) if running else 0
    address = VisitorAddress(status["podIP"], controller.port)
    return EntryPoint(controller, pod["metadata"]["name"], address, process, conditions.get("Ready") == "True")
