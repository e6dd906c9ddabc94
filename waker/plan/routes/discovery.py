"""Who leads where: which routes lead to a workload's pods, and what stands against moving them.

    Workload --pod labels--> Services that select them --name--> routes that name those

A route that leads to waker counts by its saved backend. What cannot be moved safely is a problem, a sentence for the user
that names the object and, where there is one, the way out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from waker import names
from waker.plan.model import AppId, IngressClass, Service, Workload
from waker.plan.notes import Unreadable
from waker.plan.policy import allowed_objects
from waker.plan.routes.ingress_object import KIND
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, ObjectId, Original, Route, RouteId, RouteObject, is_held, port_of

PLAIN = frozenset({"", "http", "kubernetes.io/ws"})


@dataclass(frozen=True, slots=True)
class NamespaceObjects:
    """What is in the namespace of a workload, as far as routes go."""

    services: Sequence[Service]
    route_objects: Sequence[RouteObject]
    classes: Sequence[IngressClass]
    workloads: Sequence[Workload]  # those with pods or a saved number of them; may include the workload itself
    door: Callable[[AppId, Backend], int] = lambda app, backend: (
        0
    )  # waker's port for them; 0: none yet, or unknown here


@dataclass(frozen=True, slots=True)
class Discovery:
    """The routes of one workload, what stands against moving them, and saved entries without a route."""

    routes: tuple[Route, ...]
    services: tuple[Service, ...]  # those the routes lead to
    problems: tuple[str, ...] = ()
    orphans: tuple[RouteId, ...] = ()


def selects(service: Service, workload: Workload) -> bool:
    """Whether the Service's selector matches the pods of the workload."""
    labels = workload.pod_labels
    return bool(service.selector) and all(labels.get(key) == value for key, value in service.selector.items())


def named_objects(workload: Workload) -> set[ObjectId]:
    """The objects that its user names, wherever they lead: they may not exist, and that is a problem."""
    return {ObjectId(KIND, workload.id.namespace, name) for name in allowed_objects(workload).ingresses or ()}


def discover(workload: Workload, around: NamespaceObjects) -> Discovery:
    """All routes that lead to the workload's pods. Never raises."""
    problems: list[str] = []
    services = {each.name: each for each in _chosen_services(workload, around, problems)}
    routes: list[Route] = []
    orphans: list[RouteId] = []
    for each in _chosen_objects(workload, around, problems):
        if isinstance(each.saved, Unreadable):
            problems.append(each.saved.why)
            continue
        kind = KINDS[each.id.kind]
        mine = {id: original for id, original in each.saved.items() if original.backend.service in services}
        found = kind.routes(each, mine, kind.controller(each, around.classes))
        here = [
            replace(route, door=around.door(workload.id, route.backend))
            for route in found
            if route.backend.service in services
        ]
        routes += here
        orphans += [id for id in mine if not any(route.id == id and _accounts_for(route, mine[id]) for route in here)]
        if here:
            problems += kind.refusals(each, here)
    used = tuple(services[name] for name in dict.fromkeys(route.backend.service for route in routes))
    problems += _unfit(workload, routes, used, around)
    if not routes:
        problems.append("no Ingress route leads to its pods")
    return Discovery(tuple(routes), used, tuple(dict.fromkeys(problems)), tuple(orphans))


def _accounts_for(route: Route, original: Original) -> bool:
    return is_held(route) or route.backend == original.backend


def _chosen_services(workload: Workload, around: NamespaceObjects, problems: list[str]) -> Iterator[Service]:
    allowed = allowed_objects(workload).services
    if allowed is None:
        yield from (service for service in around.services if selects(service, workload))
        return
    found = {service.name: service for service in around.services}
    for name in sorted(allowed):
        if name not in found:
            problems.append(f"{names.SERVICE}: there is no Service {name[:63]!r} in this namespace")
        elif not selects(found[name], workload):
            problems.append(f"{names.SERVICE}: Service {name} does not select this workload's pods")
        else:
            yield found[name]


def _chosen_objects(workload: Workload, around: NamespaceObjects, problems: list[str]) -> Iterator[RouteObject]:
    allowed = allowed_objects(workload).ingresses
    known = [each for each in around.route_objects if not each.managed]
    for name in sorted((allowed or frozenset()) - {each.id.name for each in known}):
        problems.append(f"{names.INGRESS}: there is no Ingress {name[:63]!r} in this namespace")
    yield from (each for each in known if allowed is None or each.id.name in allowed)


def _unfit(
    workload: Workload, routes: Iterable[Route], used: Sequence[Service], around: NamespaceObjects
) -> Iterator[str]:
    for service in used:
        strange = [each for each in service.protocols if each.lower() not in PLAIN]
        if strange:
            yield f"Service {service.name} speaks {strange[0][:40]}, and waker speaks plain HTTP/1.1 only"
        for other in around.workloads:
            shared = other.id != workload.id and selects(service, other)
            if shared and (other.replicas or other.notes.saved_replicas is not None):
                yield f"Service {service.name} also selects the pods of {other.id.kind} {other.id.name}"
    by_name = {service.name: service for service in used}
    for route in routes:
        if not port_of(by_name[route.backend.service], route.backend):
            yield f"{route.id} names port {route.backend.port!r}, which Service {route.backend.service} does not have"
