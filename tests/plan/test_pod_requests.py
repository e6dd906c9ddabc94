"""What the scheduler reserves for a pod, by the API's own rules (kubernetes.io, Resource Management, Sidecar Containers)."""

from typing import Any

import pytest

from waker.plan.pod_requests import NO_REQUESTS, PodRequests, pod_requests, quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", 0.25), ("1", 1), (2, 2), ("1.5", 1.5), (".5", 0.5), ("64Mi", 64 * 2**20), ("1G", 1e9), ("1e3", 1000),
        ("1E", 1e18), ("100n", 1e-7), ("5e-1", 0.5), ("", 0), ("many", 0), ("-1", 0), ("1mi", 0), (None, 0), ("٣", 0),
    ],
)  # fmt: skip
def test_quantities(text: object, value: float) -> None:
    assert quantity(text) == pytest.approx(value)


def container(cpu: str = "", memory: str = "", *, kind: str = "requests", **more: Any) -> dict[str, Any]:
    wanted = {key: text for key, text in (("cpu", cpu), ("memory", memory)) if text}
    return {"name": "any", "resources": {kind: wanted}, **more}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({}, NO_REQUESTS, id="nothing"),
        pytest.param({"containers": [{"name": "any"}]}, NO_REQUESTS, id="no resources"),
        pytest.param({"containers": [container("100m", "1Ki"), container("200m", "2Ki")]}, (0.3, 3072), id="together"),
        pytest.param({"containers": [container("1", kind="limits")]}, (1, 0), id="a limit is a request, too"),
        pytest.param({"containers": [container("100m")], "initContainers": [container("1"), container("500m")]}, (1, 0),
                     id="init containers run one after the other, before"),
        pytest.param({"containers": [container("1")], "initContainers": [container("500m", restartPolicy="Always")]}, (1.5, 0),
                     id="a sidecar runs beside"),
        pytest.param({"containers": [container("100m")],
                      "initContainers": [container("500m", restartPolicy="Always"), container("1")]}, (1.5, 0),
                     id="an init container after a sidecar runs beside it"),
        pytest.param({"containers": [container("1")], "overhead": {"cpu": "250m"}}, (1.25, 0), id="overhead of its runtime"),
        pytest.param({"containers": [container("1", "1Ki")], "resources": {"requests": {"cpu": "3"}}}, (3, 1024),
                     id="of the pod as a whole"),
    ],
)  # fmt: skip
def test_a_pod(spec: dict[str, Any], wanted: tuple[float, float]) -> None:
    assert pod_requests(spec) == pytest.approx(PodRequests(*wanted))


def test_equal_requests_are_one_object() -> None:
    spec = {"containers": [container("100m", "64Mi")]}
    assert pod_requests(spec) is pod_requests(spec)
