"""What waker keeps in a namespace, on the API server: exact objects, no write too many, nothing of others touched."""

from collections.abc import Iterable
from typing import Any

import pytest

from waker import names
from waker.cluster import manifests, owned_objects
from waker.cluster.client import Api
from waker.cluster.owned_objects import OwnedObjects, ensure, remove
from waker.demo.cluster import DemoCluster
from waker.errors import Conflict
from waker.plan.model import Address
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes.ingress_object import parse
from waker.plan.routes.route import Backend

OURS = {"app.kubernetes.io/managed-by": "kubesleeper"}
ONE = Address("10.0.0.1", 8080)
TWO = Address("10.0.0.2", 8080)
SHOP = Backend("shop", "http")
WRITES = ("create", "update", "patch", "delete", "deletecollection")


def wanted(*addresses: Address, **keepers: Iterable[Backend]) -> DesiredObjects:
    """`wanted(ONE, traefik=[SHOP])`."""
    return DesiredObjects(addresses, {name: frozenset(backends) for name, backends in keepers.items()})


def seen(cluster: DemoCluster) -> OwnedObjects:
    """All that there is, as the reflectors would have it."""
    service = cluster.get("Service", "default", names.WAKER_SERVICE)
    slices = [each for each in cluster.objects("EndpointSlice", "default") if managed(each)]
    keepers = [parse(each) for each in cluster.objects("Ingress", "default") if managed(each)]
    return OwnedObjects(
        manifests.service(service) if service else None,
        owned_objects.owned_slice(slices[0]) if slices else None,
        {each.name: each for each in keepers},
    )


def managed(obj: dict[str, Any]) -> bool:
    """Is it KubeSleeper's?"""
    return bool((obj["metadata"].get("labels") or {}).items() >= OURS.items())


def writes(cluster: DemoCluster) -> int:
    """How many requests have changed something."""
    return cluster.api.faults.counted(WRITES)


async def test_exactly_these_objects(cluster: DemoCluster, api: Api) -> None:
    await ensure(api, "default", wanted(TWO, ONE, traefik=[SHOP, Backend("api", 81)]), seen(cluster))
    service = cluster.get("Service", "default", "kubesleeper-waker")
    assert service
    assert service["metadata"]["labels"] == OURS
    assert "selector" not in service["spec"]
    (port,) = service["spec"]["ports"]
    assert port == {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    (mirror,) = (each for each in cluster.objects("EndpointSlice", "default") if managed(each))
    assert mirror["metadata"]["name"].startswith("kubesleeper-waker")
    assert mirror["metadata"]["labels"] == OURS | {
        "kubernetes.io/service-name": "kubesleeper-waker",
        "endpointslice.kubernetes.io/managed-by": "kubesleeper",
    }
    assert mirror["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    ready = {"ready": True, "serving": True, "terminating": False}
    assert mirror["endpoints"] == [{"addresses": [f"10.0.0.{i}"], "conditions": ready} for i in (1, 2)]
    (keeper,) = cluster.objects("Ingress", "default")
    assert keeper["metadata"]["name"] == "kubesleeper-keeper-traefik"
    assert keeper["metadata"]["labels"] == OURS
    assert keeper["spec"]["ingressClassName"] == "traefik"
    (rule,) = keeper["spec"]["rules"]
    assert rule["host"] == "default.kubesleeper.invalid"
    leads = {path["path"]: path["backend"]["service"] for path in rule["http"]["paths"]}
    assert leads == {
        "/": {"name": "kubesleeper-waker", "port": {"name": "http"}},
        "/shop/http": {"name": "shop", "port": {"name": "http"}},
        "/api/81": {"name": "api", "port": {"number": 81}},
    }


async def test_what_is_right_is_left_alone(cluster: DemoCluster, api: Api) -> None:
    await ensure(api, "default", wanted(ONE, TWO, traefik=[SHOP]), seen(cluster))
    before = writes(cluster)
    await ensure(api, "default", wanted(TWO, ONE, traefik=[SHOP]), seen(cluster))
    assert writes(cluster) == before


async def test_only_what_differs_is_written(cluster: DemoCluster, api: Api) -> None:
    await ensure(api, "default", wanted(ONE, traefik=[SHOP]), seen(cluster))
    before = writes(cluster)
    await ensure(api, "default", wanted(ONE, TWO, traefik=[SHOP]), seen(cluster))
    assert writes(cluster) == before + 1
    await ensure(api, "default", wanted(ONE, TWO, traefik=[SHOP, Backend("blog", 80)]), seen(cluster))
    assert writes(cluster) == before + 2
    await ensure(api, "default", wanted(ONE, TWO, nginx=[SHOP]), seen(cluster))
    assert writes(cluster) == before + 4
    assert [each["metadata"]["name"] for each in cluster.objects("Ingress")] == ["kubesleeper-keeper-nginx"]


async def test_the_slice_is_updated_in_place(cluster: DemoCluster, api: Api) -> None:
    """Deleted and created again it would be gone for a controller for a moment."""
    await ensure(api, "default", wanted(ONE), seen(cluster))
    (before,) = (each for each in cluster.objects("EndpointSlice", "default") if managed(each))
    await ensure(api, "default", wanted(Address("10.0.0.5", 9999)), seen(cluster))
    (after,) = (each for each in cluster.objects("EndpointSlice", "default") if managed(each))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [each["addresses"] for each in after["endpoints"]] == [["10.0.0.5"]]
    assert after["ports"][0]["port"] == 9999
    service = cluster.get("Service", "default", names.WAKER_SERVICE)
    assert service
    assert service["spec"]["ports"][0]["targetPort"] == 9999  # some controllers compare the numbers


async def test_without_an_address_nothing_is_done(cluster: DemoCluster, api: Api) -> None:
    """Waker's own pods are not known for a moment: an empty slice would close every door."""
    await ensure(api, "default", wanted(ONE, traefik=[SHOP]), seen(cluster))
    before = writes(cluster)
    await ensure(api, "default", wanted(traefik=[SHOP]), seen(cluster))
    await ensure(api, "kube-system", wanted(traefik=[SHOP]), OwnedObjects(None, None, {}))
    assert writes(cluster) == before


async def test_a_service_of_that_name_that_is_not_ours(cluster: DemoCluster, api: Api) -> None:
    foreign = {"name": names.WAKER_SERVICE, "namespace": "default"}
    cluster.load([{"apiVersion": "v1", "kind": "Service", "metadata": foreign, "spec": {"ports": [{"port": 80}]}}])
    before = cluster.get("Service", "default", names.WAKER_SERVICE)
    await ensure(api, "default", wanted(ONE, traefik=[SHOP]), seen(cluster))
    await remove(api, "default", seen(cluster))
    assert cluster.get("Service", "default", names.WAKER_SERVICE) == before
    assert writes(cluster) == 0


async def test_what_was_changed_meanwhile_is_a_conflict(cluster: DemoCluster, api: Api) -> None:
    await ensure(api, "default", wanted(ONE, traefik=[SHOP]), seen(cluster))
    old = seen(cluster)
    await ensure(api, "default", wanted(TWO, traefik=[Backend("blog", 80)]), old)
    with pytest.raises(Conflict):
        await ensure(api, "default", wanted(ONE, TWO, traefik=[Backend("blog", 80)]), old)
    with pytest.raises(Conflict):
        await ensure(
            api, "default", wanted(ONE, traefik=[Backend("new", 80)]), OwnedObjects(old.service, None, old.keepers)
        )


async def test_removed_in_the_right_order(cluster: DemoCluster, api: Api) -> None:
    """What points at something goes before it."""
    await ensure(api, "default", wanted(ONE, traefik=[SHOP], nginx=[SHOP]), seen(cluster))
    await remove(api, "default", seen(cluster))
    assert seen(cluster) == OwnedObjects(None, None, {})
    gone = [each.resource for each in cluster.api.faults.calls if each.verb == "delete"]
    assert gone == ["ingresses", "ingresses", "services", "endpointslices"]
    await remove(api, "default", OwnedObjects(None, None, {}))
