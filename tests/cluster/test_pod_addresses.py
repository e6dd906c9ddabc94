"""Whose pod it is, from what is written on it, and which addresses are never an app's."""

from typing import Any

import pytest

from waker.cluster.pod_addresses import is_never_an_apps, pod_hosts
from waker.plan.model import Address, AppId, Kind, Workload

SHOP = Workload(AppId(Kind.DEPLOYMENT, "default", "shop"), "uid-1", "1", 1, {"app": "shop"}, {})
STORE = Workload(AppId(Kind.STATEFUL_SET, "default", "store"), "uid-2", "1", 1, {"app": "store"}, {})
REPLICA_SET = {"kind": "ReplicaSet", "name": "shop-x1", "uid": "uid-3", "controller": True}
STATEFUL_SET = {"kind": "StatefulSet", "name": "store", "uid": "uid-2", "controller": True}


def pod(owner: dict[str, Any] | None = REPLICA_SET, **changed: Any) -> dict[str, Any]:
    """A running pod of this controller."""
    metadata: dict[str, Any] = {"name": "a", "namespace": "default", "labels": {"pod-template-hash": "x1"}}
    if owner:
        metadata["ownerReferences"] = [owner]
    status = {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}
    return {"metadata": metadata | changed.get("metadata", {}), "status": status | changed.get("status", {})}


@pytest.mark.parametrize(
    ("workload", "found"),
    [
        pytest.param(SHOP, pod(), id="through a ReplicaSet of its template"),
        pytest.param(SHOP, pod(REPLICA_SET | {"name": "shop-before-it-was-renamed-x1"}), id="an adopted ReplicaSet"),
        pytest.param(STORE, pod(STATEFUL_SET), id="of a StatefulSet"),
    ],
)
def test_addresses_of_its_own_pods(workload: Workload, found: dict[str, Any]) -> None:
    assert pod_hosts(workload, found) == frozenset({"10.0.0.1", "fd00::1"})


@pytest.mark.parametrize(
    ("workload", "found"),
    [
        pytest.param(SHOP, pod(None), id="nobody's"),
        pytest.param(SHOP, pod(REPLICA_SET | {"controller": False}), id="a reference that is not the controller's"),
        pytest.param(SHOP, pod(REPLICA_SET | {"name": "shop-x2"}), id="another template's ReplicaSet"),
        pytest.param(SHOP, pod(REPLICA_SET | {"kind": "Job"}), id="a Job's"),
        pytest.param(SHOP, pod(metadata={"labels": {"pod-template-hash": ""}}), id="no template hash"),
        pytest.param(SHOP, pod(metadata={"namespace": "other"}), id="another namespace"),
        pytest.param(STORE, pod(STATEFUL_SET | {"uid": "uid-9"}), id="an earlier StatefulSet of this name"),
        pytest.param(STORE, pod(), id="a ReplicaSet's, for a StatefulSet"),
        pytest.param(SHOP, pod(metadata={"deletionTimestamp": "2026-01-31T12:00:00Z"}), id="terminating"),
        pytest.param(SHOP, pod(status={"phase": "Failed"}), id="ended: its address may be somebody else's by now"),
        pytest.param(SHOP, pod(status={"podIP": "", "podIPs": []}), id="no address yet"),
    ],
)
def test_others_have_no_addresses_for_it(workload: Workload, found: dict[str, Any]) -> None:
    assert pod_hosts(workload, found) is None


@pytest.mark.parametrize(
    ("address", "own", "never"),
    [
        pytest.param("10.0.0.1:80", ["10.0.0.9:8080"], False, id="a pod"),
        pytest.param("10.0.0.9:8080", ["10.0.0.9:8080"], True, id="waker"),
        pytest.param("10.0.0.9:20001", ["10.0.0.9:8080"], True, id="waker, by another port"),
        pytest.param("127.0.0.1:8080", ["10.0.0.9:8080"], True, id="loopback"),
        pytest.param("::1:8080", [], True, id="loopback of IPv6"),
        pytest.param("127.0.0.1:4000", ["127.0.0.1:8080"], False, id="the demo: waker and apps on loopback"),
        pytest.param("127.0.0.1:8080", ["127.0.0.1:8080"], True, id="the demo's waker"),
    ],
)
def test_what_is_never_an_apps(address: str, own: list[str], *, never: bool) -> None:
    listening = [parsed(each) for each in own]
    hosts, ports = {each.host for each in listening}, {each.port for each in listening}
    assert is_never_an_apps(parsed(address), hosts, ports.__contains__) is never


def parsed(text: str) -> Address:
    """HOST:PORT."""
    host, _, port = text.rpartition(":")
    return Address(host, int(port))
