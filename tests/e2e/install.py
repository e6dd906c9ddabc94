"""waker in the test cluster, and its command line.

Installed as a user would: `kubectl apply -k k8s/`, as it stands, then the ConfigMap is patched to short times. The
image `waker` is a script that `tests/e2e/run` prepares. Two scenarios kill it or take it away; `ensure` brings it back.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from waker import names

CHECKOUT = Path(__file__).parents[2]
NAMESPACE = "kubesleeper"
DEPLOYMENT = "waker"
QUICK = {"idle-after": "1h", "scrape-interval": "1s", "wake-timeout": "60s", "hold-for": "10s"}


@dataclass(slots=True)
class InstalledWaker:
    """The installed service. Commands are run by the Python of the test run, as a user's laptop would."""

    api: ClusterApi
    settings: Mapping[str, str] = field(default_factory=lambda: QUICK)  # over those of k8s/settings.yaml

    def ensure(self) -> None:
        """Install it if it is not there, with these settings, and wait until it is ready."""
        if self.api.find("Deployment", NAMESPACE, DEPLOYMENT) is None:
            kubectl("apply", "-k", str(CHECKOUT / "k8s"))
        self.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": dict(self.settings)})
        until("waker is ready", self.ready, within=60)

    def uninstall(self) -> None:
        kubectl("delete", "-k", str(CHECKOUT / "k8s"), "--wait=true")

    def ready(self) -> bool:
        """Every pod that is wanted runs, is ready, and no other is left."""
        wanted = self.api.get("Deployment", NAMESPACE, DEPLOYMENT)["spec"]["replicas"]
        pods = self.pods()
        return len(pods) == wanted and all(_is_ready(pod) for pod in pods)

    def pods(self) -> list[Json]:
        found = self.api.get("Deployment", NAMESPACE, DEPLOYMENT)["spec"]["selector"]["matchLabels"]
        return self.api.list("Pod", NAMESPACE, ",".join(f"{key}%3D{value}" for key, value in found.items()))

    def processes(self) -> list[int]:
        """The process ids of its running containers."""
        statuses = [one for pod in self.pods() for one in pod.get("status", {}).get("containerStatuses", [])]
        running = [one["containerID"] for one in statuses if "running" in one.get("state", {})]
        return [int(each.removeprefix("ground://")) for each in running]

    def leader(self) -> str:
        """The name of the pod that holds the Lease, "" if none does."""
        path = f"apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{names.LEASE}"
        return str(self.api.call("GET", path)["spec"].get("holderIdentity") or "")

    def follower(self) -> Json:
        """A pod that does not hold the Lease."""
        leader = self.leader()
        return next(pod for pod in self.pods() if pod["metadata"]["name"] != leader)

    def process(self, *, leads: bool) -> int:
        """The process of the pod that holds the Lease, or of one that does not."""
        leader = until("one holds the Lease", self.leader)
        found = (pod for pod in self.pods() if (pod["metadata"]["name"] == leader) is leads)
        return int(next(found)["status"]["containerStatuses"][0]["containerID"].removeprefix("ground://"))

    def kill(self) -> None:
        """kill -9 of its process, and wait until Kubernetes has started another."""
        (found,) = self.processes()
        os.kill(found, signal.SIGKILL)
        until("waker runs again", lambda: self.processes() not in ([], [found]))

    def renew(self) -> None:
        """Another pod in the place of this one, as when a node is drained."""
        (old,) = self.pods()
        kubectl("delete", "pod", "-n", NAMESPACE, old["metadata"]["name"], "--wait=true")
        until("waker is ready again", self.ready, within=60)

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        """`waker ARGS`, whatever its exit code."""
        program = [sys.executable, "-m", "waker", *args]
        return subprocess.run(program, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)

    def do(self, *args: str) -> str:
        """`waker ARGS`, which must succeed."""
        done = self.command(*args)
        assert done.returncode == 0, f"waker {' '.join(args)} gave {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def status(self, namespace: str, name: str = "") -> list[Json]:
        """`waker status -o json` of a namespace, or of one app in it."""
        found = json.loads(self.do("status", "-n", namespace, "-o", "json"))
        return [one for one in found if name in ("", one["name"])]

    def log(self, lines: int = 80) -> str:
        """The end of the logs of all its pods."""
        logs = []
        for pod in self.pods():
            name = pod["metadata"]["name"]
            done = subprocess.run(
                ["kubectl", "logs", "-n", NAMESPACE, name, f"--tail={lines}"],
                capture_output=True, text=True, timeout=20, check=False,
            )  # fmt: skip
            logs.append(f"--- {name}\n{done.stdout}{done.stderr}")
        return "\n".join(logs)


def _is_ready(pod: Json) -> bool:
    conditions = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
