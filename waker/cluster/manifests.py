"""Kubernetes JSON -> the model. Pure, and forgiving: a missing field has the API's default.

Only what the plan looks at is kept; strings that repeat in a thousand objects are interned. Objects that hold routes are
read in `plan.routes`, by their kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from sys import intern
from typing import Any

from waker import names
from waker.errors import SettingsError
from waker.plan.model import (
    LONG_AGO,
    Address,
    AppId,
    Container,
    IngressClass,
    Kind,
    Pod,
    Service,
    ServicePort,
    Workload,
)
from waker.plan.notes import ANNOTATIONS, Unreadable, read_notes
from waker.plan.pod_requests import pod_requests
from waker.plan.times import parse_time
from waker.settings.page_values import describe_logo

Json = Mapping[str, Any]

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
SCHEMES = ("traefik.ingress.kubernetes.io/service.serversscheme",)
IN_ENVIRONMENT = "TRAEFIK_"  # it takes each of its options from there, too
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
        pod_requests(spec["template"].get("spec") or {}),
        _loses_claims(spec),
    )


def _loses_claims(spec: Json) -> bool:
    """Only a StatefulSet has these fields."""
    kept = (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenScaled", "Retain") == "Retain"
    return not kept and bool(spec.get("volumeClaimTemplates"))


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
    meta, spec, status = found["metadata"], found.get("spec", {}), found.get("status", {})
    conditions = status.get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    containers = spec.get("containers") or []
    declared = [port for each in containers for port in each.get("ports") or []]
    terminating = "deletionTimestamp" in meta
    ended = status.get("phase") in ("Succeeded", "Failed")
    return Pod(
        meta["namespace"],
        meta["name"],
        meta["uid"],
        "" if ended else status.get("podIP", ""),
        ready and not terminating and not ended,
        {port["name"]: port["containerPort"] for port in declared if "name" in port},
        tuple(_containers(containers, status)),
        terminating,
        bool(spec.get("hostNetwork")) or any("hostPort" in port for port in declared),
        parse_time(meta.get("creationTimestamp") or ""),
        spec.get("serviceAccountName", ""),
        _arguments(containers),
    )


def _containers(specs: Sequence[Json], status: Json) -> Iterator[Container]:
    """Without a status a container counts as one that runs: it may."""
    known = {each["name"]: each for each in status.get("containerStatuses") or []}
    for each in specs:
        found = known.get(each.get("name", ""), {})
        ports = {str(port[key]) for port in each.get("ports") or [] for key in ("name", "containerPort") if key in port}
        running = "running" in found.get("state", {"running": {}})
        yield Container(frozenset(ports), found.get("restartCount", 0), running)


def _arguments(containers: Sequence[Json]) -> dict[str, str]:
    """What a pod's programs were started with: `--Ingress-Class=nginx`, `-watch`, `TRAEFIK_PING=true`, all without case.

    A flag without a value is true. Of what stands apart (`--ingress-class nginx`), the next word is the value.
    """
    words = [word for each in containers for key in ("command", "args") for word in each.get(key) or []]
    found: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], "-"], strict=False):
        if word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            apart = "true" if following.startswith("-") else following
            found[intern(name.lower())] = value if equals else apart
    for each in (variable for container in containers for variable in container.get("env") or []):
        if each["name"].startswith(IN_ENVIRONMENT):
            name = each["name"].removeprefix(IN_ENVIRONMENT).lower().replace("_", ".")
            found.setdefault(intern(name), each.get("value", ""))
    return found


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
