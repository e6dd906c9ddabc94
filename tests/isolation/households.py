"""B, the tenant whose visitors and objects must be as if nobody else were there: five apps, one in each state.

Manifests as a user writes them. `DOORS` are the doors that waker has for them.
"""

from typing import Any

from waker import names
from waker.demo.samples import READY_AFTER
from waker.plan.doors import DoorKey
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend

Json = dict[str, Any]

B = "team-b"
AT_ONCE, NEVER = "10ms", "10m"  # until a pod is ready
APPS: dict[str, tuple[Kind, dict[str, str]]] = {
    "shop": (
        Kind.DEPLOYMENT,
        {"while-asleep": "page", "hold-for": "5s", "title": "B's shop"},
    ),  # sleeps, and wakes at the end
    "wiki": (Kind.DEPLOYMENT, {"while-asleep": "redirect", "hold-for": "5s"}),  # likewise
    "store": (Kind.STATEFUL_SET, {"state": "asleep"}),  # pinned
    "queue": (Kind.STATEFUL_SET, {"hold-for": "1s"}),  # wakes for ever
    "blog": (Kind.DEPLOYMENT, {"state": "awake"}),
}
HOSTS = {name: f"{name}.example.com" for name in APPS}
DOORS = {name: DoorKey(AppId(kind, B, name), Backend(name, "http")) for name, (kind, _) in APPS.items()}


def meta(namespace: str, name: str, **more: Any) -> Json:
    return {"namespace": namespace, "name": name} | more


def ours(written: dict[str, str]) -> dict[str, str]:
    """`title` -> KubeSleeper's annotation of that name."""
    return {f"{names.DOMAIN}/{key}": text for key, text in written.items()}


def workload(kind: Kind, metadata: Json, labels: Json, replicas: int, image: str, *, port_name: str = "http") -> Json:
    port = {"name": port_name, "containerPort": 8080}
    template = {
        "metadata": {"labels": labels, "annotations": {READY_AFTER: AT_ONCE}},
        "spec": {"containers": [{"name": "web", "image": image, "ports": [port]}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind.value, "metadata": metadata, "spec": spec}


def service(metadata: Json, selector: Json | None, ports: list[Json]) -> Json:
    spec = {"ports": ports} | ({"selector": selector} if selector else {})
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def http_port() -> Json:
    return {"name": "http", "port": 80, "targetPort": "http"}


def ingress(metadata: Json, host: str, path: Json, ingress_class: str = "traefik") -> Json:
    rule = {"http": {"paths": [path]}} | ({"host": host} if host else {})
    spec = {"rules": [rule]} | ({"ingressClassName": ingress_class} if ingress_class else {})
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def path_to(name: str, port: str | int, path: str = "/", path_type: str = "Prefix") -> Json:
    said = {"number": port} if isinstance(port, int) else {"name": port}
    return {"path": path, "pathType": path_type, "backend": {"service": {"name": name, "port": said}}}


def household() -> list[Json]:
    """B's apps, all open."""
    found: list[Json] = []
    for name, (kind, written) in APPS.items():
        labels = {"app": name}
        annotations = ours({"enabled": "true"} | written)
        found += [
            workload(kind, meta(B, name, annotations=annotations), labels, 1, "demo/shop"),
            service(meta(B, name), labels, [http_port()]),
            ingress(meta(B, name), HOSTS[name], path_to(name, "http")),
        ]
    return found
