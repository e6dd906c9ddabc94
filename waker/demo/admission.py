"""What the API server does to an object before it stores it: metadata, defaults, validation.

Pure, apart from new names and uids. `verbs` calls it for each write. It has only those rules of a real API server that
KubeSleeper's objects can run into. Known difference: an EndpointSlice may contain a loopback address, because the pods of
the embedded cluster have one.
"""

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from waker.demo.kinds import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    INGRESSES,
    NAMESPACES,
    SERVICES,
    STATEFUL_SETS,
    Key,
    Obj,
    ServedResource,
    field_of,
)
from waker.demo.refusals import bad_request, conflict, invalid
from waker.demo.selectors import selects

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no words appear
MANAGED: Final = "managedFields"
IMMUTABLE: Final = ("uid", "creationTimestamp")
SERVER_OWNED: Final = ("uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp")


def admit_new(resource: ServedResource, namespace: str, body: Obj, now: datetime) -> Obj:
    """A new object as it will be stored. Raises ApiRefusal."""
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in SERVER_OWNED}
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(5))
    name = metadata.get("name", "")
    if not name:
        raise invalid(resource, "", "metadata.name", "Required value: name or generateName is required")
    if not NAME.fullmatch(name):
        raise invalid(resource, name, "metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 subdomain')
    if metadata.get("namespace", namespace) != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    metadata |= {"uid": str(uuid4()), "creationTimestamp": timestamp(now)}
    if resource.namespaced:
        metadata["namespace"] = namespace
    if resource.generation_fields:
        metadata["generation"] = 1
    return validated(resource, body | {"metadata": metadata})


def admit_update(resource: ServedResource, key: Key, old: Obj, body: Obj) -> Obj:
    """The object that will replace `old`, or `old` itself if nothing changes. Raises ApiRefusal."""
    metadata = dict(body.get("metadata") or {})
    if metadata.get("name", key.name) != key.name:
        name = metadata["name"]
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({key.name})")
    if metadata.get("resourceVersion") not in (None, "", old["metadata"]["resourceVersion"]):
        raise conflict(resource, key)
    for field in IMMUTABLE:
        if metadata.get(field, old["metadata"][field]) != old["metadata"][field]:
            value = metadata[field]
            raise invalid(resource, key.name, f"metadata.{field}", f'Invalid value: "{value}": field is immutable')
    metadata |= {field: old["metadata"][field] for field in (*SERVER_OWNED, "namespace") if field in old["metadata"]}
    metadata["name"] = key.name
    status = {"status": old["status"]} if "status" in old else {}
    new = validated(resource, {**body, "metadata": metadata, **status})
    if new == old:
        return old
    if any(field_of(new, field) != field_of(old, field) for field in resource.generation_fields):
        metadata = new["metadata"] | {"generation": old["metadata"]["generation"] + 1}
    return new | {"metadata": metadata if resource.generation_fields else new["metadata"]}


def managed(old: Obj, new: Obj, manager: str) -> Obj:
    """The object with its writer in metadata.managedFields, unless nothing but that list changes. `[{}]` empties it."""
    metadata = {k: v for k, v in new["metadata"].items() if k != MANAGED}
    managers = [entry for entry in new["metadata"].get(MANAGED) or () if entry]
    changes = new | {"metadata": metadata} != old | {
        "metadata": {k: v for k, v in old["metadata"].items() if k != MANAGED}
    }
    if changes and manager not in ("", *(entry["manager"] for entry in managers)):
        managers.append({"manager": manager, "operation": "Update"})
    return new | {"metadata": metadata | ({MANAGED: managers} if managers else {})}


def validated(resource: ServedResource, body: Obj) -> Obj:
    """The object with its defaults and without empty maps. Raises ApiRefusal if it is invalid."""
    for field, value in (("kind", resource.kind), ("apiVersion", resource.api_version)):
        if body.get(field, value) != value:
            raise bad_request(f"{body.get('kind')} cannot be handled as a {resource.kind}")
    obj: Obj = {"kind": resource.kind, "apiVersion": resource.api_version} | body
    # A real server drops empty maps, too. A JSON-Patch that adds a key to a dropped map fails.
    empty = [field for field in ("labels", "annotations") if not obj["metadata"].get(field, True)]
    obj["metadata"] = {k: v for k, v in obj["metadata"].items() if k not in empty and v is not None}
    rules = RULES.get(resource)
    return rules(obj) if rules else obj


def namespace_rules(obj: Obj) -> Obj:
    """A Namespace has its name as a label."""
    metadata = obj["metadata"]
    own = {"kubernetes.io/metadata.name": metadata["name"]}
    return {"status": {"phase": "Active"}} | obj | {"metadata": metadata | {"labels": metadata.get("labels", {}) | own}}


def workload_rules(obj: Obj) -> Obj:
    """A Deployment or StatefulSet has one replica by default, and its selector has to match its pod template."""
    spec: Obj = {"replicas": 1} | {k: v for k, v in (obj.get("spec") or {}).items() if v is not None}
    replicas, name = spec["replicas"], obj["metadata"]["name"]
    resource = DEPLOYMENTS if obj["kind"] == DEPLOYMENTS.kind else STATEFUL_SETS
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise bad_request(f"{resource.kind} in version v1 cannot be handled: spec.replicas is not a number")
    if replicas < 0:
        raise invalid(resource, name, "spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")
    template = {"metadata": {}} | (spec.get("template") or {})
    if not selects(field_of(spec, "selector.matchLabels"), template):
        problem = "Invalid value: `selector` does not match template `labels`"
        raise invalid(resource, name, "spec.template.metadata.labels", problem)
    return {"status": {}} | obj | {"spec": spec}


def service_rules(obj: Obj) -> Obj:
    """The target port of a Service is its port by default."""
    spec = {"type": "ClusterIP"} | (obj.get("spec") or {})
    ports = [{"protocol": "TCP", "targetPort": port["port"]} | port for port in spec.get("ports") or ()]
    return {"status": {"loadBalancer": {}}} | obj | {"spec": spec | ({"ports": ports} if ports else {})}


def endpoint_slice_rules(obj: Obj) -> Obj:
    """Each port of an EndpointSlice has a name, and each endpoint has conditions. Both may be empty."""
    ports = [{"name": "", "protocol": "TCP"} | port for port in obj.get("ports") or ()]
    endpoints = [{"conditions": {}} | endpoint for endpoint in obj.get("endpoints") or ()]
    return obj | {"endpoints": endpoints or None, "ports": ports or None}


def ingress_rules(obj: Obj) -> Obj:
    """The paths of an Ingress are absolute."""
    for rule in field_of(obj, "spec.rules") or ():
        for path in field_of(rule, "http.paths") or ():
            text = path.get("path", "")
            if path.get("pathType") != "ImplementationSpecific" and not text.startswith("/"):
                problem = f'Invalid value: "{text}": must be an absolute path'
                raise invalid(INGRESSES, obj["metadata"]["name"], "spec.rules.http.paths.path", problem)
    return {"status": {"loadBalancer": {}}} | obj


RULES: Final[dict[ServedResource, Callable[[Obj], Obj]]] = {
    NAMESPACES: namespace_rules,
    DEPLOYMENTS: workload_rules,
    STATEFUL_SETS: workload_rules,
    SERVICES: service_rules,
    ENDPOINT_SLICES: endpoint_slice_rules,
    INGRESSES: ingress_rules,
}


def timestamp(now: datetime) -> str:
    """A time as Kubernetes writes it."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def without_zeros(counts: dict[str, Any]) -> dict[str, Any]:
    """The counts of a status as Kubernetes writes them: zeros are left out."""
    return {field: value for field, value in counts.items() if value}
