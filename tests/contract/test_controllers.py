"""What the controllers create: pods, their readiness, EndpointSlices."""

from collections.abc import Callable
from typing import Any

from .client import Client

OWN = "endpointslice.kubernetes.io/managed-by"
PORT = {"name": "http", "containerPort": 8080}


def workload(name: str, replicas: int, ready_after: str = "100ms") -> dict[str, Any]:
    delays = {"demo/ready-after": ready_after, "ground/ready-after": ready_after}
    template = {
        "metadata": {"labels": {"app": name}, "annotations": delays},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "c", "image": "fake", "ports": [PORT]}],
        },
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def service(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "web", "port": 80, "targetPort": "http"}]},
    }


async def until(api: Client, target: str, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Watch one object, or the slices of a Service, until the condition holds for one."""
    plural, _, name = target.partition("/")
    chosen = {"labelSelector": f"kubernetes.io/service-name={name},{OWN}"} if plural == "endpointslices" else {}
    async with api.watch(plural, **chosen or {"fieldSelector": f"metadata.name={name}"}) as watch:
        while True:
            kind, obj = await watch.next()
            if kind != "DELETED" and holds(obj):
                return obj


def ready(count: int) -> Callable[[dict[str, Any]], bool]:
    def holds(obj: dict[str, Any]) -> bool:
        return bool(obj["status"].get("readyReplicas", 0) == obj["status"].get("replicas", 0) == count)

    return holds


async def test_a_deployment_becomes_ready_behind_its_service(api: Client) -> None:
    await api.create("services", service("a"))
    await api.create("deployments", workload("a", 1))
    status = (await until(api, "deployments/a", ready(1)))["status"]
    assert (status["readyReplicas"], status["availableReplicas"], status["updatedReplicas"]) == (1, 1, 1)
    endpoint_slice = await until(api, "endpointslices/a", lambda obj: ready_endpoints(obj) == 1)
    pods = await api.get("pods", labelSelector="app=a")
    (pod,) = pods.body["items"]
    (endpoint,) = endpoint_slice["endpoints"]
    assert endpoint_slice["metadata"]["labels"] == {
        OWN: "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": "a",
    }
    assert endpoint_slice["ports"] == [{"name": "web", "protocol": "TCP", "port": 8080}]
    assert endpoint["addresses"] == [pod["status"]["podIP"]]
    assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert (endpoint["targetRef"]["name"], endpoint["targetRef"]["uid"]) == (
        pod["metadata"]["name"],
        pod["metadata"]["uid"],
    )


def ready_endpoints(endpoint_slice: dict[str, Any]) -> int:
    return sum(bool(endpoint["conditions"].get("ready")) for endpoint in endpoint_slice.get("endpoints") or ())


async def test_pods_that_start_are_not_ready(api: Client) -> None:
    await api.create("services", service("a"))
    await api.create("deployments", workload("a", 1, ready_after="60s"))
    endpoint_slice = await until(api, "endpointslices/a", lambda obj: obj.get("endpoints"))
    assert endpoint_slice["endpoints"][0]["conditions"] == {"ready": False, "serving": False, "terminating": False}
    assert "readyReplicas" not in (await api.get("deployments/a")).body["status"]


async def test_scaled_to_zero_and_back(api: Client) -> None:
    await api.create("services", service("a"))
    await api.create("deployments", workload("a", 2))
    await until(api, "deployments/a", ready(2))
    before = (await until(api, "endpointslices/a", lambda obj: ready_endpoints(obj) == 2))["metadata"]["uid"]
    await api.json_patch("deployments/a", {"op": "replace", "path": "/spec/replicas", "value": 0})
    status = (await until(api, "deployments/a", ready(0)))["status"]
    assert not {"replicas", "readyReplicas", "availableReplicas"} & status.keys()
    empty = await until(api, "endpointslices/a", lambda obj: not obj.get("endpoints"))
    assert (empty["endpoints"], empty["ports"], empty["metadata"]["uid"]) == (None, None, before)
    await api.json_patch("deployments/a", {"op": "replace", "path": "/spec/replicas", "value": 1})
    await until(api, "deployments/a", ready(1))
    await until(api, "endpointslices/a", lambda obj: ready_endpoints(obj) == 1)


async def test_a_pod_that_ends_is_reported_as_terminating_first(api: Client) -> None:
    await api.create("services", service("a"))
    await api.create("deployments", workload("a", 1))
    await until(api, "endpointslices/a", lambda obj: ready_endpoints(obj) == 1)
    version = (await api.get("pods")).version
    async with api.watch("pods", resourceVersion=version, labelSelector="app=a") as watch:
        await api.merge("deployments/a/scale", {"spec": {"replicas": 0}})
        kinds: list[tuple[str, bool]] = []
        while not kinds or kinds[-1][0] != "DELETED":
            kind, pod = await watch.next()
            kinds.append((kind, "deletionTimestamp" in pod["metadata"]))
    assert kinds[0] == ("MODIFIED", True)


async def test_a_stateful_set_has_numbered_pods(api: Client) -> None:
    body = workload("a", 2)
    body["spec"]["serviceName"] = "a"
    await api.create("statefulsets", body)
    status = (await until(api, "statefulsets/a", ready(2)))["status"]
    assert (status["replicas"], status["readyReplicas"], status["observedGeneration"]) == (2, 2, 1)
    pods = await api.get("pods", labelSelector="app=a")
    assert pods.names == ["a-0", "a-1"]
    await api.merge("statefulsets/a", {"spec": {"replicas": 0}})
    status = (await until(api, "statefulsets/a", ready(0)))["status"]
    assert status["replicas"] == 0


async def test_slices_of_others_are_left_alone(api: Client) -> None:
    other = {
        "metadata": {"name": "a-other", "labels": {"kubernetes.io/service-name": "a", OWN: "somebody"}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": 9}],
        "endpoints": [{"addresses": ["10.9.9.9"], "conditions": {"ready": True}}],
    }
    await api.create("services", service("a"))
    made = await api.create("endpointslices", other)
    await api.create("deployments", workload("a", 1))
    await until(api, "endpointslices/a", lambda obj: obj["metadata"]["name"] != "a-other" and ready_endpoints(obj) == 1)
    assert (await api.get("endpointslices/a-other")).version == made.version


async def test_a_service_without_selector_gets_no_slices(api: Client) -> None:
    await api.create("services", {"metadata": {"name": "bare"}, "spec": {"ports": [{"port": 80}]}})
    await api.create("services", service("a"))
    await until(api, "endpointslices/a", lambda obj: True)
    labels = [item["metadata"]["labels"] for item in (await api.get("endpointslices")).body["items"]]
    assert [found["kubernetes.io/service-name"] for found in labels] == ["a"]


async def test_scale(api: Client) -> None:
    made = await api.create("deployments", workload("a", 0))
    scale = (await api.get("deployments/a/scale")).body
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {})
    assert scale["status"] == {"replicas": 0, "selector": "app=a"}
    old = scale | {"metadata": scale["metadata"] | {"resourceVersion": str(int(made.version) - 1)}}
    assert (await api.replace("deployments/a/scale", old | {"spec": {"replicas": 3}})).refusal == (409, "Conflict")
    assert (await api.merge("deployments/a/scale", {"spec": {"replicas": 2}})).body["spec"] == {"replicas": 2}
    step = {"op": "replace", "path": "/spec/replicas", "value": 1}
    assert (await api.json_patch("deployments/a/scale", step)).body["spec"] == {"replicas": 1}
    assert (await api.get("deployments/a")).body["spec"]["replicas"] == 1
    assert (await api.get("deployments/none/scale")).refusal == (404, "NotFound")
    assert (await api.get("services/none/scale")).refusal == (404, "NotFound")
