"""Kubernetes JSON -> the model. Pure, and forgiving: a missing field has the API's default.

Only what the plan looks at is kept; strings that repeat in a thousand objects are interned. Objects that hold routes are
read in `plan.routes`, by their kind.
"""

from collections.abc import Mapping
from datetime import datetime
from sys import intern
from typing import Any

from waker import names
from waker.errors import SettingsError
from waker.plan.model import LONG_AGO, Address, AppId, IngressClass, Kind, Pod, Service, ServicePort, Workload
from waker.plan.notes import ANNOTATIONS, Unreadable, read_notes
from waker.plan.times import parse_time
from waker.settings.page_values import describe_logo

Json = Mapping[str, Any]

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
SCHEMES = ("traefik.ingress.kubernetes.io/service.serversscheme",)
PROTOCOLS = "projectcontour.io/upstream-protocol."
NOT_KEPT = ANNOTATIONS | {names.LOGO}  # notes are parsed; a picture is long, and read when a page is made


def labels(found: Json | None) -> dict[str, str]:
    """A map of strings with interned keys."""
    return {intern(key): value for key, value in (found or {}).items()}


def _logo(text: str) -> str | Unreadable:
    """What there is to know of a picture without keeping it."""
    try:
        return describe_logo(text) if text else ""
    except SettingsError as error:
        return Unreadable(str(error))


def workload(kind: Kind, found: Json) -> Workload:
    """A Deployment or StatefulSet."""
    meta, spec, status = found["metadata"], found["spec"], found.get("status") or {}
    given = meta.get("annotations") or {}
    own = f"{names.DOMAIN}/"
    replicas = spec.get("replicas")
    return Workload(
        AppId(kind, intern(meta["namespace"]), meta["name"]),
        meta["uid"],
        meta["resourceVersion"],
        1 if replicas is None else replicas,
        labels(spec["template"].get("metadata", {}).get("labels")),
        {intern(k): v for k, v in given.items() if k.startswith(own) and k not in NOT_KEPT},
        read_notes(given),
        _refused(status),
        _emptied(kind, meta, status),
        _logo(given.get(names.LOGO, "")),
    )


def _emptied(kind: Kind, meta: Json, status: Json) -> bool:
    """A Deployment has its ReplicaSet take pods away, later, and counts those that are left. A StatefulSet does it itself."""
    seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    return seen and (kind is Kind.STATEFUL_SET or not status.get("replicas"))


def _refused(status: Json) -> str:
    """Why no pod can be made, without the name that such a pod would have had: it is another at each try."""
    failed = [each for each in status.get("conditions") or [] if each["type"] == "ReplicaFailure"]
    message = str(failed[0].get("message", "")) if failed and failed[0]["status"] == "True" else ""
    return message.partition(" is forbidden: ")[2] or message


def service(found: Json) -> Service:
    """A Service. `protocols` collects all that says that its pods do not speak plain HTTP, those of its ports included.

    An ExternalName selects nothing.
    """
    meta, spec = found["metadata"], found.get("spec", {})
    external = spec.get("externalName", "") if spec.get("type") == "ExternalName" else ""
    annotations = meta.get("annotations") or {}
    annotated = _annotated_protocols(annotations)
    ports = tuple(_service_port(port, annotated) for port in spec.get("ports") or [])
    protocols = [port.protocol for port in ports if port.protocol]
    protocols += [annotations[key] for key in SCHEMES if key in annotations]
    protocols += sorted(set(annotated.values()) - set(protocols))  # of ports that it does not have
    return Service(
        intern(meta["namespace"]),
        meta["name"],
        meta["resourceVersion"],
        {} if external else labels(spec.get("selector")),
        ports,
        tuple(protocols),
        _managed(meta),
        _managed_since(meta),
        (meta.get("labels") or {}).get(names.INSTALLATION, ""),
        external.lower().rstrip("."),
        tuple(each for each in spec.get("clusterIPs") or [spec.get("clusterIP")] if each and each != "None"),
    )


def _annotated_protocols(annotations: Json) -> Mapping[str, str]:
    """What annotations say of single ports: by the port's name or number, as they are listed."""
    listed = ((key.removeprefix(PROTOCOLS), text) for key, text in annotations.items() if key.startswith(PROTOCOLS))
    return {port.strip(): protocol for protocol, text in listed for port in text.split(",")}


def _service_port(found: Json, annotated: Mapping[str, str]) -> ServicePort:
    name, number = intern(found.get("name", "")), found["port"]
    said = found.get("appProtocol") or annotated.get(name or str(number)) or annotated.get(str(number)) or ""
    return ServicePort(name, number, found.get("targetPort", ""), intern(said))


def _managed(meta: Json) -> bool:
    return (meta.get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER


def _managed_since(meta: Json) -> datetime:
    """When an object of KubeSleeper was made; of others nobody needs to know."""
    return (parse_time(meta.get("creationTimestamp", "")) if _managed(meta) else None) or LONG_AGO


def ingress_class(found: Json) -> IngressClass:
    """An IngressClass."""
    meta = found["metadata"]
    annotations = meta.get("annotations") or {}
    controller, default = (found.get("spec") or {}).get("controller", ""), annotations.get(DEFAULT_CLASS) == "true"
    return IngressClass(meta["name"], controller, default, annotations.get(RELEASE_NAMESPACE, ""))


def pod(found: Json) -> Pod:
    """A pod. `ready` means Ready and not on its way out."""
    meta, status = found["metadata"], found.get("status", {})
    conditions = status.get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    containers = found.get("spec", {}).get("containers") or []
    ports = {port["name"]: port["containerPort"] for c in containers for port in c.get("ports") or [] if "name" in port}
    alive = "deletionTimestamp" not in meta and status.get("phase") not in ("Succeeded", "Failed")
    restarts = sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or [])
    return Pod(
        meta["namespace"],
        meta["name"],
        meta["uid"],
        status.get("podIP", ""),
        ready and alive,
        ports,
        restarts,
        parse_time(meta.get("creationTimestamp") or ""),
    )


def endpoints(found: Json, *, ready: bool = True, terminating: bool = False) -> dict[str, tuple[Address, ...]]:
    """An EndpointSlice's ready addresses by port name, or those that are not; or those of pods that are about to go."""
    hosts = [
        address
        for each in found.get("endpoints") or []
        if (each.get("conditions") or {}).get("ready", True) is ready
        and bool((each.get("conditions") or {}).get("terminating")) is terminating
        for address in each["addresses"]
    ]
    ports = found.get("ports") or []
    numbered = [port for port in ports if port.get("port")]  # without a number it means "any"
    return {port.get("name") or "": tuple(Address(host, port["port"]) for host in hosts) for port in numbered}
