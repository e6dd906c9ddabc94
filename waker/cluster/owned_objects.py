"""Makes what waker owns in the namespaces of apps as `plan.owned_objects` and `routes.keeper` want it: create, patch, delete.

Writes only what differs from what is seen, and touches only what carries KubeSleeper's label. Order: what is pointed at
comes before what points at it, and goes after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import ENDPOINT_SLICES, INGRESSES, SERVICES, Resource
from waker.plan import owned_objects
from waker.plan.model import Service
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes import keeper
from waker.plan.routes.ingress_object import Ingress

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnedSlice:
    """A mirrored EndpointSlice as seen: only what is compared."""

    namespace: str
    name: str
    version: str
    content: str


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """What is in the namespace now."""

    service: Service | None
    slice: OwnedSlice | None
    keepers: Mapping[str, Ingress]  # by name


def owned_slice(found: Mapping[str, Any]) -> OwnedSlice:
    """An EndpointSlice of waker's own."""
    meta = found["metadata"]
    return OwnedSlice(meta["namespace"], meta["name"], meta["resourceVersion"], _content(found))


async def ensure(api: Api, namespace: str, wanted: DesiredObjects, seen: OwnedObjects) -> None:
    """Make it so. Raises ClusterError; Conflict means: reconcile again."""
    if not wanted.addresses or (seen.service and not seen.service.managed):
        return
    await _ensure_service(api, namespace, wanted.addresses[0].port, seen.service)
    await _ensure_slice(api, namespace, owned_objects.endpoint_slice(wanted.addresses), seen.slice)
    for ingress_class, backends in wanted.keepers.items():
        body = keeper.keeper(namespace, ingress_class, backends)
        await _ensure_keeper(api, namespace, body, seen.keepers.get(body["metadata"]["name"]))
    named = {keeper.keeper_name(each) for each in wanted.keepers}
    for name in seen.keepers.keys() - named:
        await api.delete(INGRESSES.one(namespace, name))


async def remove(api: Api, namespace: str, seen: OwnedObjects) -> None:
    """Leave the namespace. Raises ClusterError."""
    for name in seen.keepers:
        await api.delete(INGRESSES.one(namespace, name))
    if seen.service and seen.service.managed:
        await api.delete(SERVICES.one(namespace, names.WAKER_SERVICE))
    if seen.slice:
        await api.delete(ENDPOINT_SLICES.one(namespace, seen.slice.name))


async def _ensure_service(api: Api, namespace: str, port: int, seen: Service | None) -> None:
    body = owned_objects.service(port)
    if not seen:
        await _create(api, SERVICES, namespace, body)
    elif [each.target for each in seen.ports] != [port]:
        guarded = {"metadata": {"resourceVersion": seen.version}, "spec": body["spec"]}
        await api.patch(SERVICES.one(namespace, names.WAKER_SERVICE), guarded)


async def _ensure_slice(api: Api, namespace: str, body: Json, seen: OwnedSlice | None) -> None:
    if not seen:
        await _create(api, ENDPOINT_SLICES, namespace, body)
    elif seen.content != _content(body):
        guarded = {
            "metadata": {"resourceVersion": seen.version},
            "endpoints": body["endpoints"],
            "ports": body["ports"],
        }
        await api.patch(ENDPOINT_SLICES.one(namespace, seen.name), guarded)


async def _ensure_keeper(api: Api, namespace: str, body: Json, seen: Ingress | None) -> None:
    if not seen:
        await _create(api, INGRESSES, namespace, body)
        return
    if not keeper.is_current(seen, body):
        guarded = {"metadata": {"resourceVersion": seen.version}, "spec": {"rules": body["spec"]["rules"]}}
        await api.patch(INGRESSES.one(namespace, seen.name), guarded)


async def _create(api: Api, resource: Resource, namespace: str, body: Json) -> None:
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
    await api.create(resource.collection(namespace), whole)


def _content(found: Mapping[str, Any]) -> str:
    endpoints = [each["addresses"] for each in found.get("endpoints") or []]
    return f"{endpoints} {[(port.get('name'), port.get('port')) for port in found.get('ports') or []]}"
