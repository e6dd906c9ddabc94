"""What waker keeps in a namespace of apps, so that routes there can be pointed at it: pure, desired objects as JSON.

- a Service without selector, for an Ingress can only name a Service of its own namespace;
- an EndpointSlice of it that mirrors waker's own ready pods, by the recipe that every ingress controller reads;
- a keeper Ingress for each ingress class: see `routes.keeper`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import Backend

Json = dict[str, Any]

LABELS = {names.MANAGED_BY: names.MANAGER}
SLICE = f"{names.WAKER_SERVICE}-1"  # ingress-nginx finds a slice only if its name begins with the Service's


@dataclass(frozen=True, slots=True)
class DesiredObjects:
    """Desired for one namespace. `keepers`: the apps' backends by the name of their ingress class."""

    addresses: tuple[Address, ...]  # of waker's own ready pods, all with the same port
    keepers: dict[str, frozenset[Backend]]


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
