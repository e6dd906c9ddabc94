"""Kubernetes objects around one workload, as short as they can be said."""

from typing import Any

from tests.plan.building import SHOP
from waker import names
from waker.plan.model import AppId, IngressClass, Kind, Service, ServicePort, Workload
from waker.plan.notes import ANNOTATIONS, read_notes
from waker.plan.routes.ingress_object import KIND, Ingress, IngressPath, IngressRouteId, read_saved
from waker.plan.routes.route import Backend, ObjectId

TRAEFIK = IngressClass("traefik", "traefik.io/ingress-controller", True)
NGINX = IngressClass("nginx", "k8s.io/ingress-nginx", False)
DOOR = 20_000
WAKER = Backend(names.WAKER_SERVICE, DOOR)


def workload(name: str = "shop", replicas: int = 1, **annotations: str) -> Workload:
    """Its pods are labelled with its name. `annotations` without `kubesleeper.io/`."""
    found = {f"{names.DOMAIN}/{key.replace('_', '-')}": text for key, text in annotations.items()}
    own = {key: text for key, text in found.items() if key not in ANNOTATIONS}
    return Workload(SHOP._replace(name=name), name, "7", replicas, {"app": name, "tier": "web"}, own, read_notes(found))


def stateful(name: str) -> Workload:
    """Another kind of workload, with pods labelled like those of the shop."""
    return Workload(AppId(Kind.STATEFUL_SET, "demo", name), name, "7", 1, {"app": "shop"}, {})


def service(name: str = "shop", selects: str | None = None, **facts: Any) -> Service:
    """A Service with one port, http, 80."""
    known: dict[str, Any] = {"selector": {"app": selects or name}, "ports": (ServicePort("http", 80),)}
    return Service("demo", name, "7", **known | facts)


def path_id(path: str = "/", ingress: str = "front", host: str = "shop.example.org") -> IngressRouteId:
    """A path entry of an Ingress."""
    return IngressRouteId("demo", ingress, host, path, "Prefix")


def ingress(*backends: tuple[str, Backend | None], name: str = "front", **facts: Any) -> Ingress:
    """An Ingress with one rule: pairs of path and backend."""
    paths = tuple(
        IngressPath(path_id(path, name), f"/spec/rules/0/http/paths/{place}/backend", backend)
        for place, (path, backend) in enumerate(backends)
    )
    known: dict[str, Any] = {"class_name": "", "annotations": {}} | facts
    saved = read_saved(ObjectId(KIND, "demo", name), known["annotations"].get(names.SAVED_BACKENDS, ""))
    return Ingress("demo", name, name, "7", paths=paths, saved=saved, **known)
