"""The controller of EndpointSlices: which pods are behind a Service, and can they be asked?

It owns the slices that carry its managed-by label and never looks at others of the same Service. Pods that listen on
different ports under one port name come in different slices, as in the real controller; a slice is reused before it
is deleted, and one without endpoints stays while the Service has no pods.
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
    """Follow the store until it is closed."""
    with verbs.store.subscribe(SERVICES, PODS, ENDPOINT_SLICES) as changes:
        dirty = {key_of(service) for service in verbs.store.all(SERVICES)}
        while not changes.closed:
            for key in dirty:
                reconcile(verbs, key)
            dirty = set(concerned(verbs, await changes.wait()))


def concerned(verbs: Verbs, changes: Iterable[StoredChange]) -> Iterable[Key]:
    """The Services whose slices may have to change."""
    for change in changes:
        if change.resource is SERVICES:
            yield change.key
        elif change.resource is PODS:
            yield from (key_of(service) for service in verbs.store.all(SERVICES) if near(service, change))
        elif change.new is None and change.old is not None and is_ours(change.old):
            yield Key(change.key.namespace, change.old["metadata"]["labels"][SLICE_SERVICE])


def near(service: Obj, change: StoredChange) -> bool:
    """Does this Service select the pod, before or after?"""
    wanted = service["spec"].get("selector")
    states = [state for state in (change.old, change.new) if state is not None]
    return key_of(service).namespace == change.key.namespace and any(selects(wanted, state) for state in states)


def is_ours(piece: Obj) -> bool:
    """Does this controller own the slice?"""
    return bool((piece["metadata"].get("labels") or {}).get(SLICE_MANAGED_BY) == CONTROLLER)


def reconcile(verbs: Verbs, key: Key) -> None:
    """One Service: write its slices."""
    service = verbs.store.get(SERVICES, key)
    ours = {
        key_of(piece): piece
        for piece in verbs.store.all(ENDPOINT_SLICES)
        if is_ours(piece) and (piece["metadata"]["namespace"], piece["metadata"]["labels"][SLICE_SERVICE]) == key
    }
    groups = grouped(verbs, service) if service is not None else {}
    for where in [where for where, piece in ours.items() if ports_of(piece) in groups]:
        ports = ports_of(ours.pop(where))
        put(verbs, where, ports, groups.pop(ports, []))
    for ports, endpoints in groups.items():
        if ours:
            put(verbs, ours.popitem()[0], ports, endpoints)
        elif service is not None:
            verbs.create(ENDPOINT_SLICES, key.namespace, fresh(service) | content(ports, endpoints))
    for where in ours:
        verbs.remove(ENDPOINT_SLICES, where)


def grouped(verbs: Verbs, service: Obj) -> dict[Ports, list[Obj]]:
    """The Service's pods as endpoints, by the ports they listen on. Never empty for a Service that selects."""
    spec, groups = service["spec"], dict[Ports, list[Obj]]()
    if not spec.get("selector"):
        return groups
    for pod in sorted(verbs.store.all(PODS), key=key_of):
        same_place = pod["metadata"]["namespace"] == service["metadata"]["namespace"]
        if same_place and selects(spec["selector"], pod) and (pod.get("status") or {}).get("podIP"):
            ports = tuple(
                (port.get("name", ""), number) for port in spec.get("ports") or () if (number := resolved(port, pod))
            )
            groups.setdefault(ports, []).append(endpoint(pod))
    return groups or {(): []}


def resolved(port: Obj, pod: Obj) -> int | None:
    """The number that the pod listens on for a Service's port: by name, or by the number of its template."""
    target = port["targetPort"]
    declared = [entry for container in pod["spec"].get("containers") or () for entry in container.get("ports") or ()]
    if isinstance(target, str):
        return next((entry["containerPort"] for entry in declared if entry.get("name") == target), None)
    if declared and (pod["metadata"].get("annotations") or {}).get(CONTAINER_PORT) == str(target):
        return int(declared[0]["containerPort"])
    return int(target)


def endpoint(pod: Obj) -> Obj:
    """One pod."""
    leaving = "deletionTimestamp" in pod["metadata"]
    conditions = {"ready": ready(pod) and not leaving, "serving": ready(pod), "terminating": leaving}
    target = {"kind": "Pod"} | {field: pod["metadata"][field] for field in ("namespace", "name", "uid")}
    address = {"addresses": [pod["status"]["podIP"]], "conditions": conditions, "targetRef": target}
    return address | ({"nodeName": pod["spec"]["nodeName"]} if "nodeName" in pod["spec"] else {})


def content(ports: Ports, endpoints: list[Obj]) -> Obj:
    """What a slice says."""
    written = [{"name": name, "protocol": "TCP", "port": number} for name, number in ports]
    return {"endpoints": endpoints or None, "ports": written or None}


def put(verbs: Verbs, key: Key, ports: Ports, endpoints: list[Obj]) -> None:
    """Update a slice in place."""
    verbs.replace(ENDPOINT_SLICES, key, verbs.get(ENDPOINT_SLICES, key) | content(ports, endpoints))


def fresh(service: Obj) -> Obj:
    """A new slice of a Service."""
    name = service["metadata"]["name"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": service["metadata"]["uid"], "controller": True}
    metadata = {
        "name": f"{name}-" + "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(5)),
        "generateName": f"{name}-",
        "labels": {SLICE_SERVICE: name, SLICE_MANAGED_BY: CONTROLLER},
        "ownerReferences": [owner],
    }
    return {"metadata": metadata, "addressType": "IPv4"}


def ports_of(piece: Obj) -> Ports:
    """The ports of a slice."""
    return tuple((port["name"], port["port"]) for port in piece.get("ports") or ())
