"""Makes what waker owns in the namespaces of apps as `plan.owned_objects` and `routes.keeper` want it: create, patch, delete.

Writes only what differs from what is seen, and touches only what carries KubeSleeper's label. Order: what is pointed at
comes before what points at it, and goes after it. A door that moves to another slice is listed there before it leaves this one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from waker import names
from waker.cluster.resources import ENDPOINT_SLICES, INGRESSES, SERVICES
from waker.cluster.writes import Writes
from waker.errors import ClusterError, Conflict
from waker.plan import owned_objects
from waker.plan.model import Service
from waker.plan.owned_objects import DesiredObjects, DoorPort, OwnedSlice
from waker.plan.routes import keeper
from waker.plan.routes.ingress_object import Ingress

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """What is in the namespace now."""

    service: Service | None
    slices: Sequence[OwnedSlice]  # in the order of their names
    keepers: Mapping[str, Ingress]  # by name

    @property
    def any_left(self) -> bool:
        """Whether any of it is waker's."""
        return bool(self.keepers or self.slices or (self.service and self.service.managed))


def owned_slice(found: Mapping[str, Any]) -> OwnedSlice | None:
    """An EndpointSlice of waker's own; None if it has another's name. Terminating and unready endpoints are left out."""
    meta = found["metadata"]
    if meta["name"] not in owned_objects.SLICE_NAMES:
        return None
    hosts = [
        intern(address)
        for each in found.get("endpoints") or []
        if (each.get("conditions") or {}).get("ready", True)
        for address in each["addresses"]
    ]
    ports = [(intern(port.get("name") or ""), port.get("port") or 0) for port in found.get("ports") or []]
    where = intern(meta["namespace"]), intern(meta["name"]), meta["resourceVersion"]
    return OwnedSlice(*where, found["addressType"], tuple(ports), tuple(hosts))


async def ensure(
    writes: Writes,
    namespace: str,
    wanted: DesiredObjects,
    seen: OwnedObjects,
    may_change: Callable[[str], bool] = lambda keeper: True,
) -> None:
    """Make it so. Raises ClusterError; Conflict means: reconcile again. A keeper that is refused stops nothing else.

    `may_change`: whether the keeper of this name may be changed now; if not, it stays as it is. A newer path is never put
    off: the pods of an app stay up until it is served, and the move that it follows has had the controller reload anyway.
    Nor is a path put off that goes from one keeper to another: it stands for an app that is awake, with settings that are old.
    """
    if not wanted.listening:  # waker's own pods are not known at this moment: to list none would close every door
        return
    if seen.service and not seen.service.managed:
        return
    await _ensure_service(writes, namespace, wanted.doors, seen.service)
    await asyncio.sleep(0)  # for thousands of doors each of these steps takes 20 ms
    await _ensure_slices(writes, namespace, owned_objects.slices(wanted, seen.slices), seen.slices)
    refused = None
    known = seen.keepers.keys() | {each["metadata"]["name"] for each in wanted.keepers}
    moving = keeper.moving(seen.keepers.values(), wanted.keepers) if len(known) > 2 else set()
    for body in wanted.keepers:
        await asyncio.sleep(0)
        try:
            name = body["metadata"]["name"]
            await _ensure_keeper(
                writes, namespace, body, seen.keepers.get(name), _always if name in moving else may_change
            )
        except Conflict:
            raise
        except ClusterError as error:
            refused = error
    for name in sorted(seen.keepers.keys() - {each["metadata"]["name"] for each in wanted.keepers}):
        await writes.delete(INGRESSES.one(namespace, name))
    if refused:
        raise refused


async def remove(writes: Writes, namespace: str, seen: OwnedObjects) -> None:
    """Leave the namespace. Raises ClusterError."""
    for name in sorted(seen.keepers):
        await writes.delete(INGRESSES.one(namespace, name))
    if seen.service and seen.service.managed:
        await writes.delete(SERVICES.one(namespace, names.WAKER_SERVICE))
    for each in seen.slices:
        await writes.delete(ENDPOINT_SLICES.one(namespace, each.name))


async def unlist_all(writes: Writes, slices: Iterable[OwnedSlice]) -> None:
    """Take every address out of these slices. One that somebody has changed meanwhile is theirs. Never raises."""
    await asyncio.gather(*(_unlist(writes, each) for each in slices if each.hosts))


async def _unlist(writes: Writes, seen: OwnedSlice) -> None:
    try:
        empty = {"metadata": {"resourceVersion": seen.version}, "endpoints": []}
        await writes.patch(ENDPOINT_SLICES.one(seen.namespace, seen.name), empty)
    except ClusterError as error:
        log.debug("%s/%s stays as it is: %s", seen.namespace, seen.name, error)


async def _ensure_service(writes: Writes, namespace: str, doors: Sequence[DoorPort], seen: Service | None) -> None:
    if not seen:
        await writes.create(SERVICES, namespace, owned_objects.service(doors))
    elif {(each.name, each.number, each.target, each.protocol) for each in seen.ports} != {
        (each.name, each.number, each.number, each.protocol) for each in doors
    }:
        spec = owned_objects.service(doors)["spec"]
        guarded = {"metadata": {"resourceVersion": seen.version}, "spec": spec}
        await writes.patch(SERVICES.one(namespace, names.WAKER_SERVICE), guarded)


async def _ensure_slices(writes: Writes, namespace: str, bodies: Sequence[Json], seen: Sequence[OwnedSlice]) -> None:
    known = {each.name: each for each in seen}

    def gains(body: Json) -> bool:
        there = known.get(body["metadata"]["name"])
        return not there or not _ports(body) <= set(there.ports)

    for body in sorted(bodies, key=gains, reverse=True):
        await _ensure_slice(writes, namespace, body, known.pop(body["metadata"]["name"], None))
    for name in known:
        await writes.delete(ENDPOINT_SLICES.one(namespace, name))


async def _ensure_slice(writes: Writes, namespace: str, body: Json, seen: OwnedSlice | None) -> None:
    hosts = {address for each in body["endpoints"] for address in each["addresses"]}
    if not seen:
        await writes.create(ENDPOINT_SLICES, namespace, body)
    elif (set(seen.ports), set(seen.hosts)) != (_ports(body), hosts):
        guarded = {
            "metadata": {"resourceVersion": seen.version},
            "endpoints": body["endpoints"],
            "ports": body["ports"],
        }
        await writes.patch(ENDPOINT_SLICES.one(namespace, seen.name), guarded)


async def _ensure_keeper(
    writes: Writes, namespace: str, body: Json, seen: Ingress | None, may_change: Callable[[str], bool]
) -> None:
    if not seen:
        await writes.create(INGRESSES, namespace, body)
    elif keeper.lacks_newer_path(seen, body) or (not keeper.is_current(seen, body) and may_change(seen.name)):
        guarded = {"metadata": {"resourceVersion": seen.version}, "spec": {"rules": body["spec"]["rules"]}}
        await writes.patch(INGRESSES.one(namespace, seen.name), guarded)


def _always(_keeper: str) -> bool:
    return True


def _ports(body: Json) -> set[tuple[str, int]]:
    return {(port["name"], port["port"]) for port in body["ports"]}
