"""Which addresses of an EndpointSlice may be an app's: those of its own pods, and never waker's own.

Whoever may write an EndpointSlice can write any address into it: the API server's, another app's, waker's. The addresses in
a pod's status are written by the kubelet alone, so an address counts only if a pod of the workload has it. Pure; called by
`app_endpoints`.
The subtle thing: waker may not read ReplicaSets. Whose pod it is follows from the pod itself: its namespace, the labels that
the Service selects, and the controller in its ownerReferences. A Deployment may have adopted its ReplicaSet, so of that name
only the end counts, which is the pod's template hash. Somebody who may create pods in the app's own namespace can forge all
of this, but only for addresses of pods that run there.
"""

from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address
from typing import Any

from waker.plan.model import Address, Kind, Workload
from waker.plan.routes.pod_labels import TEMPLATE_HASH

Json = Mapping[str, Any]


def pod_hosts(workload: Workload, found: Json) -> frozenset[str] | None:
    """A pod as JSON -> its IP addresses. None if it is not the workload's, has none, is terminating or has ended."""
    return (hosts_of(found) or None) if is_pod_of(workload, found) else None


def hosts_of(found: Json) -> frozenset[str]:
    """A pod's IP addresses; none if it is terminating or has ended."""
    status = found.get("status") or {}
    # An ended pod keeps its address in its status, though somebody else may have it by now.
    if "deletionTimestamp" in found["metadata"] or status.get("phase") in ("Succeeded", "Failed"):
        return frozenset()
    listed = status.get("podIPs") or [{"ip": status.get("podIP", "")}]
    return frozenset(each["ip"] for each in listed if each.get("ip"))


def is_pod_of(workload: Workload, found: Json) -> bool:
    """Whether the workload, or a ReplicaSet of such a Deployment, controls this pod of its namespace."""
    meta = found["metadata"]
    owner = next((each for each in meta.get("ownerReferences") or [] if each.get("controller")), None)
    if owner is None or meta["namespace"] != workload.id.namespace:
        return False
    if owner["uid"] == workload.uid:
        return True
    template = (meta.get("labels") or {}).get(TEMPLATE_HASH)
    through_replica_set = workload.id.kind is Kind.DEPLOYMENT and owner["kind"] == "ReplicaSet"
    return bool(through_replica_set and template and owner["name"].endswith(f"-{template}"))


def is_never_an_apps(address: Address, hosts: Collection[str], is_own_port: Callable[[int], bool]) -> bool:
    """Whether it is waker itself, by whatever port, or loopback. `hosts`: of waker's pods; `is_own_port`: of this process.

    A waker that is itself reached at a loopback address runs beside its apps, in the demo: there only its ports are refused.
    """
    loopback = ip_address(address.host).is_loopback
    if loopback and address.host in hosts:
        return is_own_port(address.port)
    return loopback or address.host in hosts
