"""What waker keeps in a namespace of apps, so that routes there can be pointed at it: pure, desired objects as JSON.

- a Service without selector, for an Ingress can only name a Service of its own namespace;
- an EndpointSlice of it that mirrors waker's own ready pods, by the recipe that every ingress controller reads;
- a keeper Ingress per class, for a host that nobody has. Its paths name waker's Service and every app's, so that the
  controller holds both upstreams loaded before, during and after a swap, and the route merely changes hands. Without it
  a swap loses requests on Envoy and ingress-nginx.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from waker import names
from waker.plan.model import Address, Backend
from waker.plan.routes.originals import backend_json

Json = dict[str, Any]

LABELS = {names.MANAGED_BY: names.MANAGER}
SLICE = f"{names.WAKER_SERVICE}-1"  # ingress-nginx finds a slice only if its name begins with the Service's
KEEPER_ANNOTATIONS = {
    "external-dns.alpha.kubernetes.io/controller": names.MANAGER,  # external-dns leaves it alone
    "nginx.ingress.kubernetes.io/enable-global-auth": "false",
    "nginx.ingress.kubernetes.io/force-ssl-redirect": "false",
    "nginx.ingress.kubernetes.io/ssl-redirect": "false",
}


@dataclass(frozen=True, slots=True)
class DesiredObjects:
    """Desired for one namespace. `keepers`: the apps' backends by the name of their ingress class."""

    addresses: tuple[Address, ...]  # of waker's own ready pods, all with the same port
    keepers: dict[str, frozenset[Backend]]


def keeper_name(ingress_class: str) -> str:
    """The keeper's name for a class; "" is a cluster without any."""
    return f"{names.KEEPER}-{ingress_class or 'default'}"


def service(port: int) -> Json:
    """The Service. Its target port is the container port itself: some controllers compare the numbers."""
    ports = [{"name": names.WAKER_PORT, "port": 80, "targetPort": port, "protocol": "TCP"}]
    return {"metadata": {"name": names.WAKER_SERVICE, "labels": LABELS}, "spec": {"ports": ports}}


def endpoint_slice(addresses: Iterable[Address]) -> Json:
    """The EndpointSlice: one address an endpoint, conditions explicit, the port named as in the Service."""
    sorted_addresses = sorted(addresses)
    conditions = {"ready": True, "serving": True, "terminating": False}
    labels = {**LABELS, names.SLICE_SERVICE: names.WAKER_SERVICE, names.SLICE_MANAGED_BY: names.MANAGER}
    return {
        "metadata": {"name": SLICE, "labels": labels},
        "addressType": "IPv6" if ":" in sorted_addresses[0].host else "IPv4",
        "ports": [{"name": names.WAKER_PORT, "port": sorted_addresses[0].port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [each.host], "conditions": conditions} for each in sorted_addresses],
    }


def keeper(namespace: str, ingress_class: str, backends: Iterable[Backend]) -> Json:
    """The keeper Ingress of one class."""
    own = Backend(names.WAKER_SERVICE, names.WAKER_PORT)
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend_json(own)}]
    for backend in sorted(backends, key=str):
        path = f"/{backend.service}/{backend.port}"
        paths.append({"path": path, "pathType": "Prefix", "backend": backend_json(backend)})
    spec: Json = {"rules": [{"host": names.keeper_host(namespace), "http": {"paths": paths}}]}
    if ingress_class:
        spec["ingressClassName"] = ingress_class
    metadata = {"name": keeper_name(ingress_class), "labels": LABELS, "annotations": KEEPER_ANNOTATIONS}
    return {"metadata": metadata, "spec": spec}
