"""What waker keeps in a namespace, on the API server: exact objects, no write too many, nothing of others touched."""

from collections.abc import Iterable
from typing import Any

import pytest

from waker import names
from waker.cluster import manifests, owned_objects
from waker.cluster.owned_objects import OwnedObjects, ensure, remove
from waker.cluster.writes import Writes
from waker.demo.cluster import DemoCluster
from waker.errors import Conflict
from waker.plan.owned_objects import DesiredObjects, DoorPort
from waker.plan.routes.ingress_object import parse

OURS = {"app.kubernetes.io/managed-by": "kubesleeper"}
MADE = OURS | {"kubesleeper.io/installation": "kubesleeper"}
ONE, TWO = "10.0.0.1", "10.0.0.2"
SHOP, BLOG = DoorPort("d-shop", 20_000), DoorPort("d-blog", 20_001)
WRITES = ("create", "update", "patch", "delete", "deletecollection")


def keeper(ingress_class: str, *backends: str) -> Any:
    """A keeper Ingress that leads to these Services."""
    paths = [
        {"path": f"/{each}", "pathType": "Exact", "backend": {"service": {"name": each, "port": {"number": 80}}}}
        for each in backends
    ]
    metadata = {"name": f"kubesleeper-keeper-way-{ingress_class}", "labels": OURS, "annotations": {}}
    spec = {"ingressClassName": ingress_class, "rules": [{"host": "keeper.example", "http": {"paths": paths}}]}
    return {"metadata": metadata, "spec": spec}


def wanted(*hosts: str, doors: tuple[DoorPort, ...] = (SHOP,), **keepers: Iterable[str]) -> DesiredObjects:
    """`wanted(ONE, traefik=["shop"])`."""
    listening = {each: frozenset(door.number for door in doors) for each in hosts}
    return DesiredObjects(doors, listening, tuple(keeper(name, *backends) for name, backends in keepers.items()))


def seen(cluster: DemoCluster) -> OwnedObjects:
    """All that there is, as the reflectors would have it."""
    service = cluster.get("Service", "default", names.WAKER_SERVICE)
    slices = [owned_objects.owned_slice(each) for each in cluster.objects("EndpointSlice", "default") if managed(each)]
    keepers = [parse(each) for each in cluster.objects("Ingress", "default") if managed(each)]
    return OwnedObjects(
        manifests.service(service) if service else None,
        tuple(each for each in slices if each),
        {each.name: each for each in keepers},
    )


def managed(obj: dict[str, Any]) -> bool:
    """Is it KubeSleeper's?"""
    return bool((obj["metadata"].get("labels") or {}).items() >= OURS.items())


def changes(cluster: DemoCluster) -> int:
    """How many requests have changed something."""
    return cluster.api.faults.counted(WRITES)


async def test_exactly_these_objects(cluster: DemoCluster, writes: Writes) -> None:
    await ensure(writes, "default", wanted(TWO, ONE, doors=(SHOP, BLOG), traefik=["shop", "blog"]), seen(cluster))
    service = cluster.get("Service", "default", "kubesleeper-waker")
    assert service
    assert service["metadata"]["labels"] == MADE
    assert "selector" not in service["spec"]
    assert service["spec"]["ports"] == [
        {"name": "d-shop", "port": 20_000, "targetPort": 20_000, "protocol": "TCP"},
        {"name": "d-blog", "port": 20_001, "targetPort": 20_001, "protocol": "TCP"},
    ]
    (mirror,) = (each for each in cluster.objects("EndpointSlice", "default") if managed(each))
    assert mirror["metadata"]["name"] == "kubesleeper-waker-1"
    assert mirror["metadata"]["labels"] == MADE | {
        "kubernetes.io/service-name": "kubesleeper-waker",
        "endpointslice.kubernetes.io/managed-by": "kubesleeper",
    }
    assert [(port["name"], port["port"]) for port in mirror["ports"]] == [("d-shop", 20_000), ("d-blog", 20_001)]
    ready = {"ready": True, "serving": True, "terminating": False}
    assert mirror["endpoints"] == [{"addresses": [f"10.0.0.{i}"], "conditions": ready} for i in (1, 2)]
    (keeper,) = cluster.objects("Ingress", "default")
    assert keeper["metadata"]["labels"] == MADE
    assert keeper["spec"]["ingressClassName"] == "traefik"


async def test_what_is_right_is_left_alone(cluster: DemoCluster, writes: Writes) -> None:
    await ensure(writes, "default", wanted(ONE, TWO, traefik=["shop"]), seen(cluster))
    before = changes(cluster)
    await ensure(writes, "default", wanted(TWO, ONE, traefik=["shop"]), seen(cluster))
    assert changes(cluster) == before


async def test_only_what_differs_is_written(cluster: DemoCluster, writes: Writes) -> None:
    await ensure(writes, "default", wanted(ONE, traefik=["shop"]), seen(cluster))
    before = changes(cluster)
    await ensure(writes, "default", wanted(ONE, TWO, traefik=["shop"]), seen(cluster))
    assert changes(cluster) == before + 1
    await ensure(writes, "default", wanted(ONE, TWO, traefik=["shop", "blog"]), seen(cluster))
    assert changes(cluster) == before + 2
    await ensure(writes, "default", wanted(ONE, TWO, nginx=["shop"]), seen(cluster))
    assert changes(cluster) == before + 4
    assert [each["metadata"]["name"] for each in cluster.objects("Ingress")] == ["kubesleeper-keeper-way-nginx"]


async def test_the_slice_is_updated_in_place(cluster: DemoCluster, writes: Writes) -> None:
    """Deleted and created again it would be gone for a controller for a moment."""
    await ensure(writes, "default", wanted(ONE), seen(cluster))
    (before,) = (each for each in cluster.objects("EndpointSlice", "default") if managed(each))
    await ensure(writes, "default", wanted("10.0.0.5", doors=(BLOG,)), seen(cluster))
    (after,) = (each for each in cluster.objects("EndpointSlice", "default") if managed(each))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [each["addresses"] for each in after["endpoints"]] == [["10.0.0.5"]]
    assert after["ports"][0]["port"] == 20_001


async def test_a_door_that_moves_is_listed_at_its_new_place_first(cluster: DemoCluster, writes: Writes) -> None:
    """One that a pod could not open leaves the slice of the others; at no moment is it in none."""
    await ensure(writes, "default", wanted(ONE, TWO, doors=(SHOP, BLOG)), seen(cluster))
    before = len(cluster.api.faults.calls)
    failed = DesiredObjects((SHOP, BLOG), {ONE: frozenset({20_000, 20_001}), TWO: frozenset({20_000})}, ())
    await ensure(writes, "default", failed, seen(cluster))
    writes_of_slices = [
        each.verb for each in list(cluster.api.faults.calls)[before:] if each.resource == "endpointslices"
    ]
    assert writes_of_slices == ["create", "patch"]


async def test_a_slice_of_another_name_is_not_waker_s(cluster: DemoCluster, writes: Writes) -> None:
    """RBAC lets waker change those that have its names only; what a tenant labels like them is none of its business."""
    labels = OURS | {
        "kubernetes.io/service-name": "kubesleeper-waker",
        "endpointslice.kubernetes.io/managed-by": "kubesleeper",
    }
    meta = {"name": "kubesleeper-waker-mine", "namespace": "default", "labels": labels}
    foreign = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
    cluster.load([foreign | {"endpoints": [], "ports": [{"name": "x", "port": 20_009}]}])
    await ensure(writes, "default", wanted(ONE), seen(cluster))
    await remove(writes, "default", seen(cluster))
    assert [each["metadata"]["name"] for each in cluster.objects("EndpointSlice", "default") if managed(each)] == [
        "kubesleeper-waker-mine"
    ]


async def test_without_an_address_nothing_is_done(cluster: DemoCluster, writes: Writes) -> None:
    """Waker's own pods are not known for a moment: an empty slice would close every door."""
    await ensure(writes, "default", wanted(ONE, traefik=["shop"]), seen(cluster))
    before = changes(cluster)
    await ensure(writes, "default", wanted(traefik=["shop"]), seen(cluster))
    await ensure(writes, "kube-system", wanted(traefik=["shop"]), OwnedObjects(None, (), {}))
    assert changes(cluster) == before


async def test_a_service_of_that_name_that_is_not_ours(cluster: DemoCluster, writes: Writes) -> None:
    foreign = {"name": names.WAKER_SERVICE, "namespace": "default"}
    cluster.load([{"apiVersion": "v1", "kind": "Service", "metadata": foreign, "spec": {"ports": [{"port": 80}]}}])
    before = cluster.get("Service", "default", names.WAKER_SERVICE)
    await ensure(writes, "default", wanted(ONE, traefik=["shop"]), seen(cluster))
    await remove(writes, "default", seen(cluster))
    assert cluster.get("Service", "default", names.WAKER_SERVICE) == before
    assert changes(cluster) == 0


async def test_what_was_changed_meanwhile_is_a_conflict(cluster: DemoCluster, writes: Writes) -> None:
    await ensure(writes, "default", wanted(ONE, traefik=["shop"]), seen(cluster))
    old = seen(cluster)
    await ensure(writes, "default", wanted(TWO, traefik=["blog"]), old)
    with pytest.raises(Conflict):
        await ensure(writes, "default", wanted(ONE, TWO, traefik=["blog"]), old)
    with pytest.raises(Conflict):
        await ensure(writes, "default", wanted(ONE, traefik=["new"]), OwnedObjects(old.service, (), old.keepers))


async def test_removed_in_the_right_order(cluster: DemoCluster, writes: Writes) -> None:
    """What points at something goes before it."""
    await ensure(writes, "default", wanted(ONE, traefik=["shop"], nginx=["shop"]), seen(cluster))
    await remove(writes, "default", seen(cluster))
    assert seen(cluster) == OwnedObjects(None, (), {})
    gone = [each.resource for each in cluster.api.faults.calls if each.verb == "delete"]
    assert gone == ["ingresses", "ingresses", "services", "endpointslices"]
    await remove(writes, "default", OwnedObjects(None, (), {}))
