"""Where the doors are listed in the cluster: in the Services and slices of the apps' namespaces, and in keepers.

Reads the cluster's informers and decides nothing. `reconcile.doors` asks for all that is listed, `reconcile.gather` whether an
app's doors are, before its routes are pointed there.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from waker import names
from waker.observe.cluster import ClusterCache
from waker.observe.observed_app import ObservedApp
from waker.plan.doors import Claim, DoorBook, DoorKey, port_name
from waker.plan.owned_objects import DoorPort, unlisted
from waker.plan.routes import keeper
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import CountedBackend, Holder, HttpTarget, Route, port_of
from waker.settings.configmap import Live
from waker.traffic.controllers.configured import parts

NOT_BY_AGE: Final = datetime.max.replace(tzinfo=UTC)  # slices count after all Services


def listed_doors(cluster: ClusterCache) -> Iterator[Claim]:
    """Every door that a Service or a slice of waker's lists, in whatever namespace."""
    for service in cluster.own_services():
        if service.name == names.WAKER_SERVICE:
            for port in service.ports:
                yield Claim(service.made_at, service.namespace, port.name, port.number)
    for each in cluster.slices.values():
        for name, number in each.ports:
            yield Claim(NOT_BY_AGE, each.namespace, name, number)


class ProvingWay(NamedTuple):
    """A request that leads through a keeper to waker, and the backend as which the controller counts it."""

    target: HttpTarget
    backend: CountedBackend


def proving_ways(cluster: ClusterCache, live: Live, controller: str, after: str = "") -> Iterator[ProvingWay]:
    """One such request of each namespace in turn, from the one behind `after` on.

    `controller`: as a class's controller is called.
    """
    for namespace in sorted(cluster.namespaces(), key=lambda each: (each <= after, each)):
        way = next(_proving_ways_in(namespace, cluster, live, controller), None)
        if way:
            yield way


def _proving_ways_in(namespace: str, cluster: ClusterCache, live: Live, controller: str) -> Iterator[ProvingWay]:
    controller_of, classes = KINDS[keeper.KIND].controller, cluster.configured_classes(live)
    counted = KINDS[keeper.KIND].counted_backend
    wanted = parts(controller)[:2]  # of several that serve a class, all take its keepers
    owned = cluster.owned(namespace)
    for name, each in sorted(owned.keepers.items()):
        if name.startswith(keeper.WAY) and parts(controller_of(each, classes))[:2] == wanted:
            for id, _, backend in each.paths:
                port = port_of(owned.service, backend) if owned.service and backend else None
                if backend and port:
                    route = Route(id, backend, Holder.WAKER, controller)
                    yield ProvingWay(HttpTarget(id.host, id.path), counted(route, port))


def door_port(cluster: ClusterCache, key: DoorKey, number: int) -> DoorPort:
    """A door as a port of waker's Service. It says of its protocol what the app's own port says."""
    service = cluster.services.in_namespace(key.app.namespace).get(key.backend.service)
    port = port_of(service, key.backend) if service else None
    return DoorPort(port_name(key), number, port.protocol if port else "")


def why_unlisted(cluster: ClusterCache, observed: ObservedApp, hosts: Collection[str], book: DoorBook) -> str:
    """Why controllers do not know all doors of an app yet, at all of waker's own ready pods; "" if they do."""
    app = observed.workload.id
    keys = {DoorKey(app, route.backend): route.door for route in observed.routes}
    if not all(keys.values()):
        return "waker has no door for it yet"
    seen = cluster.owned(app.namespace)
    ports = [(each.name, each.number) for each in seen.service.ports] if seen.service else []
    wanted = [door_port(cluster, key, number) for key, number in keys.items()]
    missing = unlisted(wanted, hosts, ports, seen.slices)
    if missing:
        return f"not all of waker's pods are listed at door {min(missing)} of this namespace yet"
    known = {HttpTarget(path.id.host, path.id.path) for each in seen.keepers.values() for path in each.paths}
    for route in observed.routes:
        ingress_class = cluster.class_name(observed.objects[route.id.object])
        way = keeper.way_target(book, app.namespace, ingress_class, DoorKey(app, route.backend))
        if way not in known:
            return "waker's keeper Ingress does not lead to its door yet"
    return ""
