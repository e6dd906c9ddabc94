"""Visits read from a real Prometheus: idle apps sleep, visited ones do not, and without Prometheus nobody sleeps."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import load
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

IDLE = 5.0  # seconds
QUICK = {names.IDLE_AFTER: f"{IDLE:g}s"}
NAMESPACE = "monitoring"


@pytest.fixture
def prometheus(api: ClusterApi, scene: Scene, tmp_path: Path) -> Iterator[None]:
    """Installed, asked by waker in place of Traefik's pods, and removed."""
    if not any((Path(each) / "prometheus").exists() for each in os.environ.get("GROUND_IMAGES", "").split(":")):
        pytest.skip("needs Prometheus: install Debian's package prometheus")
    (pod,) = until("one pod of its controller is left", lambda: one_pod(scene))
    text = Path(__file__).with_name("prometheus.yaml").read_text()
    text = text.replace("ADDRESS", pod["status"]["podIP"]).replace("NAME", pod["metadata"]["name"])
    manifests = tmp_path / "prometheus.yaml"
    manifests.write_text(text)
    kubectl("apply", "-f", str(manifests))
    kubectl("rollout", "status", "-n", NAMESPACE, "deployment/prometheus", "--timeout=60s")
    address = api.get("Service", NAMESPACE, "prometheus")["spec"]["clusterIP"]
    read_from(scene, f"http://{address}:9090")
    yield
    read_from(scene, "")
    kubectl("delete", "-f", str(manifests), "--wait=false")


def one_pod(scene: Scene) -> list[Json]:
    """All pods of the controller, if they are one."""
    found = list(scene.api.list("Pod", scene.controller.namespace, scene.controller.pods))
    return found if len(found) == 1 else []


def read_from(scene: Scene, url: str) -> None:
    scene.api.patch("ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": {"prometheus-url": url}})


@needs_bed("runs Debian's Prometheus as the image")
@pytest.mark.usefixtures("prometheus")
def test_visits_are_read_from_prometheus(scene: Scene) -> None:
    idle, busy = scene.app("idle", annotations=QUICK), scene.app("busy", annotations=QUICK)

    with Stream(scene.address, [load.curl(busy.host, busy.name)], every=1.0) as trickle:
        scene.asleep(idle)
        since = time.monotonic()
        scene.visit(idle)
        scene.awake(idle)
        scene.asleep(idle)
        time.sleep(max(0.0, since + 4 * IDLE - time.monotonic()))  # the claim is about time that passes
        assert scene.history.replicas(busy.kind, busy.name) == [1]

        kubectl("scale", "-n", NAMESPACE, "deployment/prometheus", "--replicas=0")
        why = until("nobody knows", lambda: reason(scene, busy.name, "Prometheus"))
        assert "cannot tell whether it is visited" in why
    time.sleep(3 * IDLE)
    assert scene.history.replicas(busy.kind, busy.name) == [1], "unknown is not idle"
    assert not [answer for answer in trickle.answers if answer.who is not Who.APP], trickle.timeline()

    kubectl("scale", "-n", NAMESPACE, "deployment/prometheus", "--replicas=1")
    scene.asleep(busy)


def reason(scene: Scene, name: str, word: str) -> str:
    """Why an app is as it is, if the word is in it."""
    (app,) = scene.waker.status(scene.namespace, name)
    return str(app["reason"]) if word in app["reason"] else ""
