"""The keeper: an Ingress of waker's own for each ingress class, for a host that nobody has.

Its paths name waker's Service and every app's, so that the controller keeps both upstreams loaded before, during and after
a swap, and a route merely changes hands. Without it a swap loses requests on Envoy and ingress-nginx.
"""

from collections.abc import Iterable
from typing import Any

from waker import names
from waker.plan.routes.ingress import WAKER
from waker.plan.routes.ingress_object import KIND, Ingress
from waker.plan.routes.originals import backend_json, backend_of
from waker.plan.routes.route import Backend

__all__ = ["KIND", "is_current", "keeper", "keeper_name"]  # KIND: of the API

Json = dict[str, Any]

KEEPER_ANNOTATIONS = {
    "external-dns.alpha.kubernetes.io/controller": names.MANAGER,  # external-dns leaves it alone
    "nginx.ingress.kubernetes.io/enable-global-auth": "false",
    "nginx.ingress.kubernetes.io/force-ssl-redirect": "false",
    "nginx.ingress.kubernetes.io/ssl-redirect": "false",
}


def keeper_name(ingress_class: str) -> str:
    """The keeper's name for a class; "" is a cluster without any."""
    return f"{names.KEEPER}-{ingress_class or 'default'}"


def keeper(namespace: str, ingress_class: str, backends: Iterable[Backend]) -> Json:
    """The keeper Ingress of one class."""
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend_json(WAKER)}]
    for backend in sorted(backends, key=str):
        path = f"/{backend.service}/{backend.port}"
        paths.append({"path": path, "pathType": "Prefix", "backend": backend_json(backend)})
    spec: Json = {"rules": [{"host": names.keeper_host(namespace), "http": {"paths": paths}}]}
    if ingress_class:
        spec["ingressClassName"] = ingress_class
    metadata = {
        "name": keeper_name(ingress_class),
        "labels": {names.MANAGED_BY: names.MANAGER},
        "annotations": KEEPER_ANNOTATIONS,
    }
    return {"metadata": metadata, "spec": spec}


def is_current(seen: Ingress, wanted: Json) -> bool:
    """Whether the keeper that is there leads where the wanted one does."""
    paths = wanted["spec"]["rules"][0]["http"]["paths"]
    return [path.backend for path in seen.paths] == [backend_of(path["backend"]) for path in paths]
