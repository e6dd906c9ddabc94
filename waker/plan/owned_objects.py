"""What waker keeps in a namespace of apps, so that routes there can be pointed at it: pure, desired objects as JSON.

- a Service without selector, for an Ingress can only name a Service of its own namespace: a port for each door;
- EndpointSlices of it, by the recipe that every ingress controller reads: for each door, waker's pods that listen there;
- keeper Ingresses for each ingress class: see `routes.keeper`.

The slices have fixed names, so that RBAC can bind waker to them. The subtle thing: all pods of a slice have all of its ports.
So a door that a pod could not open stands in a slice without that pod, and every other door stays where it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from waker import names

Json = dict[str, Any]

LABELS: Final = {names.MANAGED_BY: names.MANAGER}
PORTS_IN_A_SLICE: Final = 100  # the API server refuses more
# As in k8s/cluster-role.yaml: enough for as many doors as a namespace may have, in both address families.
SLICE_NAMES: Final = tuple(f"{names.WAKER_SERVICE}-{i}" for i in range(1, 101))


class DoorPort(NamedTuple):
    """A door as a port of the Service. `protocol` is the appProtocol of the app's own port."""

    name: str
    number: int
    protocol: str = ""


class OwnedSlice(NamedTuple):
    """An EndpointSlice of waker's, as seen. `hosts` are its ready endpoints."""

    namespace: str
    name: str
    version: str
    family: str
    ports: tuple[tuple[str, int], ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DesiredObjects:
    """Desired for one namespace. `listening`: by waker's own ready pods, at which of the doors each of them listens."""

    doors: tuple[DoorPort, ...]
    listening: Mapping[str, frozenset[int]]
    keepers: tuple[Json, ...]


def service(doors: Iterable[DoorPort]) -> Json:
    """The Service. The target port is the door's own number: some controllers compare the two."""
    ports = [
        {"name": each.name, "port": each.number, "targetPort": each.number, "protocol": "TCP"}
        | ({"appProtocol": each.protocol} if each.protocol else {})
        for each in sorted(doors, key=lambda each: each.number)
    ]
    return {"metadata": {"name": names.WAKER_SERVICE, "labels": LABELS}, "spec": {"ports": ports}}


def slices(wanted: DesiredObjects, seen: Sequence[OwnedSlice]) -> list[Json]:
    """The EndpointSlices. A door stays in the slice in which it is seen, as long as the same pods listen there."""
    arranged: dict[str, tuple[str, frozenset[str], list[DoorPort]]] = {}
    for (family, hosts), doors in _groups(wanted):
        left = {each.number: each for each in doors}
        known = [each for each in seen if each.family == family and each.name not in arranged]
        for each in known:
            here = [left.pop(number) for _, number in each.ports if number in left]
            if here:
                arranged[each.name] = family, hosts, here
        mine = [place for place in arranged.values() if place[:2] == (family, hosts)]
        foreign = {each.name for each in seen if each.family != family}
        for door in left.values():
            place = next((place for place in mine if len(place[2]) < PORTS_IN_A_SLICE), None)
            if place is None:
                free = [name for name in SLICE_NAMES if name not in arranged and name not in foreign]
                if not free:
                    break
                place = arranged[free[0]] = family, hosts, []
                mine.append(place)
            place[2].append(door)
    return [endpoint_slice(name, *arranged[name]) for name in SLICE_NAMES if name in arranged]


def _groups(wanted: DesiredObjects) -> list[tuple[tuple[str, frozenset[str]], list[DoorPort]]]:
    """The doors by address family and by who listens there. The biggest group first: it keeps its slices."""
    groups: defaultdict[tuple[str, frozenset[str]], list[DoorPort]] = defaultdict(list)
    for door in sorted(wanted.doors, key=lambda each: each.number):
        for family in ("IPv4", "IPv6"):
            hosts = frozenset(
                host
                for host, numbers in wanted.listening.items()
                if family_of(host) == family and door.number in numbers
            )
            if hosts:
                groups[family, hosts].append(door)
    return sorted(groups.items(), key=lambda each: (each[0][0], -len(each[1]), sorted(each[0][1])))


def endpoint_slice(name: str, family: str, hosts: Iterable[str], doors: Iterable[DoorPort]) -> Json:
    """One EndpointSlice: one address an endpoint, conditions explicit, each port named as in the Service."""
    conditions = {"ready": True, "serving": True, "terminating": False}
    labels = {**LABELS, names.SLICE_SERVICE: names.WAKER_SERVICE, names.SLICE_MANAGED_BY: names.MANAGER}
    return {
        "metadata": {"name": name, "labels": labels},
        "addressType": family,
        "ports": [
            {"name": each.name, "port": each.number, "protocol": "TCP"}
            | ({"appProtocol": each.protocol} if each.protocol else {})
            for each in sorted(doors, key=lambda each: each.number)
        ],
        "endpoints": [{"addresses": [host], "conditions": conditions} for host in sorted(hosts)],
    }


def family_of(host: str) -> str:
    """The address type of an EndpointSlice that may list this address."""
    return "IPv6" if ":" in host else "IPv4"


def unlisted(
    doors: Iterable[DoorPort], hosts: Iterable[str], seen_ports: Iterable[tuple[str, int]], seen: Sequence[OwnedSlice]
) -> frozenset[int]:
    """The doors at which some of these pods cannot be reached through the namespace's Service and slices."""
    listed = {(port, host) for each in seen for port in each.ports for host in each.hosts}
    ports = set(seen_ports)
    hosts = set(hosts)
    return frozenset(
        each.number
        for each in doors
        if (each.name, each.number) not in ports
        or not hosts
        or any(((each.name, each.number), host) not in listed for host in hosts)
    )
