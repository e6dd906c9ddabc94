"""A route behind which no pod ever listens, beside one that works; and apps that are never ready."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.demo import kinds
from waker.demo.kinds import Key

from .scene import MERGE, ServiceScene, scene
from .test_by_hand import wake_that_never_ends


def add_dead_route(it: ServiceScene) -> None:
    """`/admin`, to a port of the Service that none of its pods has."""
    dead = {"name": "admin", "port": 81, "targetPort": "admin", "protocol": "TCP"}
    service = it.cluster.get("Service", "default", "shop")
    assert service
    ports = [*service["spec"]["ports"], dead]
    it.cluster.verbs.patch(kinds.SERVICES, Key("default", "shop"), MERGE, {"spec": {"ports": ports}})
    backend = {"service": {"name": "shop", "port": {"name": "admin"}}}
    rules = it.ingress()["spec"]["rules"]
    rules[0]["http"]["paths"].append({"path": "/admin", "pathType": "Prefix", "backend": backend})
    it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, {"spec": {"rules": rules}})


async def test_a_dead_route_is_not_waited_for(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        add_dead_route(it)
        before = it.wish()
        async with it.waker():
            for _ in range(2):
                await it.put_to_sleep()
                await it.served()
                await it.awake()
                assert it.wish() == before


async def test_pods_of_others_behind_its_service_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's bare pod has the labels that the Service selects. Before the sleep, and in the wake."""
    monkeypatch.setattr("waker.cluster.app_endpoints.STRANGE_AFTER", timedelta())
    async with scene(tmp_path) as it, it.waker() as running:
        add_pod_of_nobody(it)
        await it.put_to_sleep()
        await it.until(lambda: STRANGER in dict(it.events()).get("OthersAnswer", ""))
        for each in it.cluster.objects("Event"):
            it.cluster.verbs.remove(kinds.EVENTS, Key("default", each["metadata"]["name"]))
        await running.crash()
        async with it.waker():
            await it.served()
            await it.until(lambda: STRANGER in dict(it.events()).get("OthersAnswer", ""))
            await it.awake()


STRANGER = "10.99.0.7"


def add_pod_of_nobody(it: ServiceScene) -> None:
    """And its address in a slice of the Service, as Kubernetes writes it."""
    labels = it.deployment()["spec"]["template"]["metadata"]["labels"]
    status = {"phase": "Running", "podIP": STRANGER, "podIPs": [{"ip": STRANGER}]}
    spec = {"nodeName": "elsewhere", "containers": [{"name": "web", "image": "web"}]}
    metadata = {"name": "debug", "namespace": "default", "labels": labels}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
    service = it.cluster.get("Service", "default", "shop")
    assert service
    ports = [{"name": each.get("name", ""), "port": 8080} for each in service["spec"]["ports"]]
    meta = {"name": "shop-others", "namespace": "default", "labels": {names.SLICE_SERVICE: "shop"}}
    endpoints = [{"addresses": [STRANGER], "conditions": {"ready": True}}]
    about = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
    it.cluster.load([pod, about | {"endpoints": endpoints, "ports": ports}])


@pytest.mark.parametrize(
    "annotations",
    [{names.ENABLED: "false"}, {names.ENABLED: None}, {names.STATE: "awake"}],
    ids=["disabled", "forgotten", "pinned awake"],
)
async def test_out_of_a_wake_that_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, annotations: dict[str, Any]
) -> None:
    monkeypatch.setattr("waker.plan.way_up.GIVE_BACK_AFTER", timedelta(seconds=1))
    async with scene(tmp_path) as it, it.waker():
        await wake_that_never_ends(it)
        for key, text in annotations.items():
            it.annotate(key, text)
        await it.awake()
        assert names.SCALED_UP_AT not in it.noted()
