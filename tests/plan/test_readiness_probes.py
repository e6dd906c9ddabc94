"""What a starting pod may be asked by others than Kubernetes. Fields as in k8s.io/api/core/v1."""

from datetime import UTC, datetime
from typing import Any

import pytest

from waker.plan.model import Address
from waker.plan.readiness_probes import ReadinessProbe, pending_probes

Json = dict[str, Any]
HTTP: Json = {"httpGet": {"path": "/healthz", "port": "http"}}
ASKED = ReadinessProbe("run-1", Address("10.0.0.7", 8080), "/healthz")


def container(name: str = "web", **probe: Any) -> Json:
    found: Json = {"name": name, "ports": [{"containerPort": 9000}, {"name": "http", "containerPort": 8080}]}
    return found | ({"readinessProbe": probe} if probe else {})


def running(name: str = "web", *, run: str = "run-1", **facts: Any) -> Json:
    state = {"running": {"startedAt": "2026-11-24T15:17:47Z"}}
    return {"name": name, "state": state, "containerID": run, "started": True, "ready": False} | facts


def pod(
    *containers: Json,
    states: tuple[Json, ...] = (running(),),
    ready: bool = False,
    spec: Json | None = None,
    **more: Any,
) -> Json:
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": str(ready)}]
    status = {"podIP": "10.0.0.7", "conditions": conditions, "containerStatuses": list(states)}
    found = {"containers": list(containers) or [container(**HTTP)], **(spec or {})}
    return {"metadata": {"name": "shop-1"}, "spec": found, "status": status | more}


HELPER: Json = {"name": "mesh", "restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("found", "checks"),
    [
        pytest.param(pod(), [ASKED], id="HTTP"),
        pytest.param(
            pod(container(tcpSocket={"port": 9000})),
            [ReadinessProbe("run-1", Address("10.0.0.7", 9000))],
            id="it listens",
        ),
        pytest.param(
            pod(container(tcpSocket={"port": "9000"})),
            [ReadinessProbe("run-1", Address("10.0.0.7", 9000))],
            id="number as text",
        ),
        pytest.param(
            pod(container(httpGet={"port": 8080})),
            [ReadinessProbe("run-1", Address("10.0.0.7", 8080), "/")],
            id="no path",
        ),
        pytest.param(
            pod(
                container(
                    httpGet={
                        "path": "up?deep=1",
                        "port": 8080,
                        "scheme": "HTTPS",
                        "httpHeaders": [{"name": "Host", "value": "shop"}],
                    },
                    initialDelaySeconds=13,
                    timeoutSeconds=4,
                    successThreshold=3,
                )
            ),
            [
                ReadinessProbe(
                    "run-1",
                    Address("10.0.0.7", 8080),
                    "/up?deep=1",
                    https=True,
                    headers=(("Host", "shop"),),
                    after=datetime(2026, 11, 24, 15, 18, tzinfo=UTC),
                    timeout=4,
                    successes=3,
                )
            ],
            id="all that can be said",
        ),
        pytest.param(
            pod(
                container("web", **HTTP),
                container("log"),
                states=(running("web"), running("log", run="run-2", ready=True)),
            ),
            [ASKED],
            id="the other container is ready",
        ),
        pytest.param(
            pod(
                container("web", **HTTP), container("api", **HTTP), states=(running("web"), running("api", run="run-2"))
            ),
            [ASKED, ReadinessProbe("run-2", Address("10.0.0.7", 8080), "/healthz")],
            id="two to ask",
        ),
        pytest.param(
            pod(spec={"initContainers": [HELPER]}, initContainerStatuses=[running("mesh", ready=True)]),
            [ASKED],
            id="its helper is ready",
        ),
    ],
)
def test_what_there_is_to_ask(found: Json, checks: list[ReadinessProbe]) -> None:
    assert list(pending_probes(found)) == checks


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(pod(ready=True), id="ready by now"),
        pytest.param(pod(podIP=""), id="no address yet"),
        pytest.param(pod(conditions=[]), id="not initialized"),
        pytest.param(pod() | {"metadata": {"deletionTimestamp": "2026-11-24T15:17:47Z"}}, id="on its way out"),
        pytest.param(pod(states=()), id="no container yet"),
        pytest.param(pod(states=(running(state={"waiting": {}}),)), id="not running"),
        pytest.param(pod(states=(running(started=False),)), id="its startup probe has not passed"),
        pytest.param(pod(container()), id="no probe: Kubernetes says ready at once"),
        pytest.param(pod(container(exec={"command": ["true"]})), id="a command"),
        pytest.param(pod(container(grpc={"port": 9000})), id="gRPC"),
        pytest.param(pod(container(httpGet={"port": 8080, "host": "elsewhere"})), id="asked elsewhere"),
        pytest.param(pod(container(httpGet={"port": "https"})), id="a port that it does not declare"),
        pytest.param(
            pod(container(initialDelaySeconds=3, **HTTP), states=(running(state={"running": {}}),)),
            id="a delay since nobody knows when",
        ),
        pytest.param(pod(spec={"readinessGates": [{"conditionType": "example.org/lb"}]}), id="a readiness gate"),
        pytest.param(
            pod(spec={"initContainers": [HELPER]}, initContainerStatuses=[running("mesh")]),
            id="its helper is not ready",
        ),
        pytest.param(
            pod(container("web", **HTTP), container("log"), states=(running("web"), running("log", run="run-2"))),
            id="one can be asked, the other not",
        ),
    ],
)
def test_what_only_kubernetes_can_tell(found: Json) -> None:
    assert pending_probes(found) == ()
