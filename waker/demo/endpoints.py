"""The EndpointSlice controller: it lists the pods behind each Service, and whether they are ready.

`cluster` runs it. It owns the slices with its managed-by label and ignores all others of the same Service. As in the real
controller, pods that listen on different numbers for one named port are in different slices, a slice is reused rather than
deleted, and a Service without pods keeps one slice without endpoints.
"""

import secrets
from collections.abc import Iterable
from typing import Final

from waker.demo.admission import SUFFIX_LETTERS
from waker.demo.kinds import ENDPOINT_SLICES, PODS, SERVICES, Key, Obj, key_of
from waker.demo.pods import CONTAINER_PORT
from waker.demo.selectors import selects
from waker.demo.store import StoredChange
from waker.demo.verbs import Verbs
from waker.demo.workloads import ready
from waker.names import SLICE_MANAGED_BY, SLICE_SERVICE

CONTROLLER: Final = "endpointslice-controller.k8s.io"

Ports = tuple[tuple[str, int], ...]  # port name and number


async def run(verbs: Verbs) -> None:
    """Reconcile whatever changes, until the store is closed."""
    with verbs.store.subscribe(SERVICES, PODS, ENDPOINT_SLICES) as changes:
        dirty = {key_of(service) for service in verbs.store.all(SERVICES)}
        while not changes.closed:
            for key in dirty:
                reconcile(verbs, key)
            dirty = set(affected_services(verbs, await changes.wait()))


def affected_services(verbs: Verbs, changes: Iterable[StoredChange]) -> Iterable[Key]:
    """The Services whose slices may have to change."""
    for change in changes:
        if change.resource is SERVICES:
            yield change.key
        elif change.resource is PODS:
            yield from (
                key_of(service) for service in verbs.store.all(SERVICES) if selects_changed_pod(service, change)
            )
        elif change.new is None and change.old is not None and is_owned(change.old):
            yield Key(change.key.namespace, change.old["metadata"]["labels"][SLICE_SERVICE])


def selects_changed_pod(service: Obj, change: StoredChange) -> bool:
    """Whether this Service selects the pod, before or after the change."""
    selector = service["spec"].get("selector")
    states = [state for state in (change.old, change.new) if state is not None]
    return key_of(service).namespace == change.key.namespace and any(selects(selector, state) for state in states)


def is_owned(endpoint_slice: Obj) -> bool:
    """Whether this controller owns the slice."""
    return bool((endpoint_slice["metadata"].get("labels") or {}).get(SLICE_MANAGED_BY) == CONTROLLER)


def reconcile(verbs: Verbs, key: Key) -> None:
    """Write the slices of one Service."""
    service = verbs.store.get(SERVICES, key)
    owned = {
        key_of(each): each
        for each in verbs.store.all(ENDPOINT_SLICES)
        if is_owned(each) and (each["metadata"]["namespace"], each["metadata"]["labels"][SLICE_SERVICE]) == key
    }
    groups = endpoints_by_ports(verbs, service) if service is not None else {}
    for slice_key in [slice_key for slice_key, each in owned.items() if ports_of(each) in groups]:
        ports = ports_of(owned.pop(slice_key))
        update_slice(verbs, slice_key, ports, groups.pop(ports, []))
    for ports, endpoints in groups.items():
        if owned:
            update_slice(verbs, owned.popitem()[0], ports, endpoints)
        elif service is not None:
            verbs.create(ENDPOINT_SLICES, key.namespace, new_slice(service) | slice_content(ports, endpoints))
    for slice_key in owned:
        verbs.remove(ENDPOINT_SLICES, slice_key)


def endpoints_by_ports(verbs: Verbs, service: Obj) -> dict[Ports, list[Obj]]:
    """The Service's pods as endpoints, by the ports they listen on. Never empty for a Service with a selector."""
    spec, groups = service["spec"], dict[Ports, list[Obj]]()
    if not spec.get("selector"):
        return groups
    for pod in sorted(verbs.store.all(PODS), key=key_of):
        same_namespace = pod["metadata"]["namespace"] == service["metadata"]["namespace"]
        if same_namespace and selects(spec["selector"], pod) and (pod.get("status") or {}).get("podIP"):
            ports = tuple(
                (port.get("name", ""), number) for port in spec.get("ports") or () if (number := target_port(port, pod))
            )
            groups.setdefault(ports, []).append(endpoint(pod))
    return groups or {(): []}


def target_port(port: Obj, pod: Obj) -> int | None:
    """The number on which the pod listens for a Service's port, which names it or has the number of the pod template."""
    target = port["targetPort"]
    declared = [entry for container in pod["spec"].get("containers") or () for entry in container.get("ports") or ()]
    if isinstance(target, str):
        return next((entry["containerPort"] for entry in declared if entry.get("name") == target), None)
    if declared and (pod["metadata"].get("annotations") or {}).get(CONTAINER_PORT) == str(target):
        return int(declared[0]["containerPort"])
    return int(target)


def endpoint(pod: Obj) -> Obj:
    """A pod as an endpoint of a slice."""
    terminating = "deletionTimestamp" in pod["metadata"]
    conditions = {"ready": ready(pod) and not terminating, "serving": ready(pod), "terminating": terminating}
    target = {"kind": "Pod"} | {field: pod["metadata"][field] for field in ("namespace", "name", "uid")}
    address = {"addresses": [pod["status"]["podIP"]], "conditions": conditions, "targetRef": target}
    return address | ({"nodeName": pod["spec"]["nodeName"]} if "nodeName" in pod["spec"] else {})


def slice_content(ports: Ports, endpoints: list[Obj]) -> Obj:
    """The endpoints and ports of a slice."""
    written = [{"name": name, "protocol": "TCP", "port": number} for name, number in ports]
    return {"endpoints": endpoints or None, "ports": written or None}


def update_slice(verbs: Verbs, key: Key, ports: Ports, endpoints: list[Obj]) -> None:
    """Update a slice in place."""
    verbs.replace(ENDPOINT_SLICES, key, verbs.get(ENDPOINT_SLICES, key) | slice_content(ports, endpoints))


def new_slice(service: Obj) -> Obj:
    """The metadata of a new slice."""
    name = service["metadata"]["name"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": service["metadata"]["uid"], "controller": True}
    metadata = {
        "name": f"{name}-" + "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(5)),
        "generateName": f"{name}-",
        "labels": {SLICE_SERVICE: name, SLICE_MANAGED_BY: CONTROLLER},
        "ownerReferences": [owner],
    }
    return {"metadata": metadata, "addressType": "IPv4"}


def ports_of(endpoint_slice: Obj) -> Ports:
    """The ports of a slice."""
    return tuple((port["name"], port["port"]) for port in endpoint_slice.get("ports") or ())
