"""Kubernetes objects around one workload, as short as they can be said."""

from typing import Any

from tests.plan.building import SHOP
from waker import names
from waker.plan.model import (
    AppId,
    Backend,
    Ingress,
    IngressClass,
    IngressPath,
    Kind,
    RouteId,
    Service,
    ServicePort,
    Workload,
)

TRAEFIK = IngressClass("traefik", "traefik.io/ingress-controller", True)
NGINX = IngressClass("nginx", "k8s.io/ingress-nginx", False)
WAKER = Backend(names.WAKER_SERVICE, names.WAKER_PORT)


def workload(name: str = "shop", replicas: int = 1, **annotations: str) -> Workload:
    """Its pods are labelled with its name. `annotations` without `kubesleeper.io/`."""
    notes = {f"{names.DOMAIN}/{key.replace('_', '-')}": text for key, text in annotations.items()}
    return Workload(SHOP._replace(name=name), name, "7", replicas, {"app": name, "tier": "web"}, notes)


def stateful(name: str) -> Workload:
    """Another kind of workload, with pods labelled like those of the shop."""
    return Workload(AppId(Kind.STATEFUL_SET, "demo", name), name, "7", 1, {"app": "shop"}, {})


def service(name: str = "shop", selects: str | None = None, **facts: Any) -> Service:
    """A Service with one port, http, 80."""
    known: dict[str, Any] = {"selector": {"app": selects or name}, "ports": (ServicePort("http", 80),)}
    return Service("demo", name, "7", **known | facts)


def path_id(path: str = "/", ingress: str = "front", host: str = "shop.example.org") -> RouteId:
    """A path entry of an Ingress."""
    return RouteId("demo", ingress, host, path, "Prefix")


def ingress(*backends: tuple[str, Backend | None], name: str = "front", **facts: Any) -> Ingress:
    """An Ingress with one rule: pairs of path and backend."""
    paths = tuple(
        IngressPath(path_id(path, name), f"/spec/rules/0/http/paths/{place}/backend", backend)
        for place, (path, backend) in enumerate(backends)
    )
    known: dict[str, Any] = {"class_name": "", "annotations": {}}
    return Ingress("demo", name, name, "7", paths=paths, **known | facts)
