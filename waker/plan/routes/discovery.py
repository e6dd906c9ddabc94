"""Who leads where: which routes lead to a workload's pods, and what stands against moving them.

    Workload --pod labels--> Services that select them --name--> routes that name those

A route that leads to waker counts by its saved backend. What cannot be moved safely is a problem, a sentence for the user
that names the object and, where there is one, the way out.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from waker import names
from waker.plan.model import AppId, IngressClass, Service, Workload
from waker.plan.notes import Unreadable
from waker.plan.policy import allowed_objects
from waker.plan.routes.aliases import WayByAddress
from waker.plan.routes.ingress_object import KIND
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.pod_labels import is_certain, selects
from waker.plan.routes.route import (
    Backend,
    ObjectId,
    Original,
    Originals,
    Route,
    RouteId,
    RouteObject,
    is_held,
    port_of,
)

# A swap remembers each route in an annotation, in 200 bytes or so; all annotations of an object have 256 KiB.
MOST_ROUTES: Final = 500
MOST_NAMED: Final = 3  # others in one sentence
PLAIN = frozenset({"", "http", "kubernetes.io/ws"})


@dataclass(frozen=True, slots=True)
class NamespaceObjects:
    """What is around a workload in its namespace. There may be more; what is not named here makes no difference."""

    services: Sequence[Service]  # those that select its pods, and those that its user names
    route_objects: Sequence[RouteObject]  # those that name these Services, and those that its user names
    classes: Sequence[IngressClass]
    sharing: Callable[[Service], Iterable[Workload]]  # those that a Service selects; there may be others among them
    door: Callable[[AppId, Backend], int] = lambda app, backend: (
        0
    )  # waker's port for them; 0: none yet, or unknown here
    by_address: Callable[[Service], Iterable[WayByAddress]] = lambda service: ()  # ways by its own address


@dataclass(frozen=True, slots=True)
class Discovery:
    """The routes of one workload, what stands against moving them, and saved entries without a route."""

    routes: tuple[Route, ...]
    services: tuple[Service, ...]  # those the routes lead to
    problems: tuple[str, ...] = ()
    orphans: tuple[RouteId, ...] = ()
    uncounted: tuple[str, ...] = ()  # sentences: ways to it that others have made, and that nobody counts


def named_objects(workload: Workload) -> set[ObjectId]:
    """The objects with routes that its user names, wherever they lead: they may not exist, and that is a problem."""
    return {ObjectId(KIND, workload.id.namespace, name) for name in allowed_objects(workload).ingresses or ()}


def named_services(workload: Workload) -> frozenset[str]:
    """The Services that its user names: likewise."""
    return allowed_objects(workload).services or frozenset()


def has_pods(workload: Workload) -> bool:
    """Whether it has pods, or will have them when it wakes."""
    return workload.replicas > 0 or workload.notes.saved_replicas is not None


def discover(workload: Workload, around: NamespaceObjects) -> Discovery:
    """All routes that lead to the workload's pods; if they are too many, only those that waker holds. Never raises."""
    problems: list[str] = []
    services = {each.name: each for each in _chosen_services(workload, around, problems)}
    objects: list[RouteObject] = []
    saved: dict[ObjectId, Originals] = {}
    for each in _chosen_objects(workload, around, problems):
        if isinstance(each.saved, Unreadable):
            problems.append(each.saved.why)
            continue
        objects.append(each)
        saved[each.id] = {id: kept for id, kept in each.saved.items() if kept.backend.service in services}
    routes = list(islice(_routes(objects, services, saved, around.classes), MOST_ROUTES + 1))
    if len(routes) > MOST_ROUTES:
        problems.append(
            f"more than {MOST_ROUTES} routes lead to its pods, and waker moves no more than that for one app"
        )
        routes = list(_routes(objects, (), saved, around.classes))
    routes = [replace(route, door=around.door(workload.id, route.backend)) for route in routes]
    problems += _refusals(objects, routes)
    used = tuple(services[name] for name in dict.fromkeys(route.backend.service for route in routes))
    problems += _unfit(workload, routes, used, around)
    ways = [way for _, service in sorted(services.items()) for way in around.by_address(service)]
    here = [each.why for each in ways if each.namespace == workload.id.namespace]
    elsewhere = [each.why for each in ways if each.namespace != workload.id.namespace]
    problems += here[:MOST_NAMED]
    if not (routes or problems):  # else the problem is why there is none
        problems.append(_missing_link(workload, sorted(services)))
    seen = tuple(dict.fromkeys(problems))
    return Discovery(tuple(routes), used, seen, _orphans(routes, saved), tuple(elsewhere[:MOST_NAMED]))


def _missing_link(workload: Workload, services: Sequence[str]) -> str:
    """Which link to a workload's pods is not there, if all that its user names is. `services`: those that select them."""
    if not services:
        return "no Service selects its pods"
    more = " and others" * (len(services) > MOST_NAMED)
    named = f"Service{'s' * (len(services) > 1)} {', '.join(services[:MOST_NAMED])}{more}"
    ingresses = sorted(allowed_objects(workload).ingresses or ())
    if ingresses:
        return f"{names.INGRESS}: {', '.join(ingresses[:MOST_NAMED])} does not name its {named}"
    return f"no Ingress names its {named}"


def _routes(
    objects: Iterable[RouteObject],
    services: Container[str],
    saved: Mapping[ObjectId, Originals],
    classes: Sequence[IngressClass],
) -> Iterator[Route]:
    """The routes to these Services, and the held ones, in the order of the objects. Doors are not filled in."""
    for each in objects:
        kind = KINDS[each.id.kind]
        yield from kind.routes(each, services, saved[each.id], kind.controller(each, classes))


def _refusals(objects: Iterable[RouteObject], routes: Iterable[Route]) -> Iterator[str]:
    here: dict[ObjectId, list[Route]] = {}
    for route in routes:
        here.setdefault(route.id.object, []).append(route)
    for each in objects:
        if each.id in here:
            yield from KINDS[each.id.kind].refusals(each, here[each.id])


def _orphans(routes: Iterable[Route], saved: Mapping[ObjectId, Originals]) -> tuple[RouteId, ...]:
    """The saved entries that no route accounts for."""
    kept = {id: each for originals in saved.values() for id, each in originals.items()}
    accounted = {route.id for route in routes if route.id in kept and _accounts_for(route, kept[route.id])}
    return tuple(id for id in kept if id not in accounted)


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
        elif found[name].external:
            target = found[name].external[:253]
            problems.append(f"{names.SERVICE}: Service {name} is an ExternalName for {target}, and selects no pods")
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


def _others(workload: Workload, service: Service, around: NamespaceObjects) -> Iterator[AppId]:
    """Other workloads with pods that the Service selects."""
    found = (each for each in around.sharing(service) if each.id != workload.id)
    yield from (each.id for each in found if has_pods(each) and selects(service, each))


def unforeseen_way(service: Service) -> str:
    """Why a workload cannot sleep whose pods this Service selects, or lists, though nothing but the pods shows it."""
    if service.selector:
        return (
            f"Service {service.name} selects its pods by labels that are not in its pod template, and a route leads to it: "
            "without pods nobody could know; put these labels into the template"
        )
    return (
        f"Service {service.name} has no selector, but EndpointSlices that list its pods, and a route leads to it: "
        "without pods nobody could know"
    )


def other_services(workload: Workload, services: Iterable[Service]) -> list[Service]:
    """Those of its namespace that its pods may turn out to be behind, though nothing else says so."""
    if allowed_objects(workload).services is not None:  # its user has said which are its own
        return []
    return [each for each in services if not (each.managed or each.external or selects(each, workload))]


def _spoken(service: Service, routes: Sequence[Route]) -> list[str]:
    """The protocols that a Service names, without those of ports to which none of these routes leads."""
    backends = [route.backend for route in routes if route.backend.service == service.name]
    routed = {port_of(service, backend) for backend in backends}
    others = Counter(port.protocol for port in service.ports if port not in routed)
    return list((Counter(service.protocols) - others).elements())


def _unfit(
    workload: Workload, routes: Sequence[Route], used: Sequence[Service], around: NamespaceObjects
) -> Iterator[str]:
    for service in used:
        strange = [each for each in _spoken(service, routes) if each.lower() not in PLAIN]
        if strange:
            yield f"Service {service.name} speaks {strange[0][:40]}, and waker speaks plain HTTP/1.1 only"
        others = list(islice(_others(workload, service, around), MOST_NAMED + 1))
        if others:
            named = ", ".join(sorted(f"{each.kind} {each.name}" for each in others[:MOST_NAMED]))
            more = " and others" * (len(others) > MOST_NAMED)
            also = "also selects" if is_certain(service) else "may also select"
            yield f"Service {service.name} {also} the pods of {named}{more}"
    by_name = {service.name: service for service in used}
    for route in routes:
        if not port_of(by_name[route.backend.service], route.backend):
            yield f"{route.id} names port {route.backend.port!r}, which Service {route.backend.service} does not have"
