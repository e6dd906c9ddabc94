"""Who leads where: which Ingress paths lead to a workload's pods, and what stands against moving them.

    Workload --pod labels--> Services that select them --name--> Ingress paths (and default backends) that name those

A path that leads to waker counts by its saved backend. What cannot be moved safely is a problem, a sentence for the user
that names the object and, where there is one, the way out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from waker import names
from waker.plan.model import (
    Backend,
    Holder,
    Ingress,
    IngressClass,
    IngressPath,
    Route,
    RouteId,
    Service,
    ServicePort,
    Workload,
)
from waker.plan.policy import parse_names
from waker.plan.routes import originals

PLAIN = frozenset({"", "http", "kubernetes.io/ws"})
NGINX = "nginx.ingress.kubernetes.io"

# What an Ingress's annotations can say that makes a move unsafe: annotation, values that are harmless, why.
REFUSED = (
    (f"{NGINX}/ssl-passthrough", {"false"}, "the controller hands TLS through, so waker could not answer"),
    ("ingress.kubernetes.io/ssl-passthrough", {"false"}, "the controller hands TLS through, so waker could not answer"),
    ("haproxy.org/ssl-passthrough", {"false"}, "the controller hands TLS through, so waker could not answer"),
    ("haproxy-ingress.github.io/ssl-passthrough", {"false"}, "the controller hands TLS through, so waker could not answer"),
    ("ingress.cilium.io/tls-passthrough", {"false", "disabled"}, "the controller hands TLS through, so waker could not answer"),
    (f"{NGINX}/backend-protocol", {"http", ""}, "waker speaks plain HTTP/1.1 only"),
    ("haproxy-ingress.github.io/backend-protocol", {"h1", "http", ""}, "waker speaks plain HTTP/1.1 only"),
    (f"{NGINX}/canary", {"false"}, "a canary shares its paths with another Ingress, and only both could move"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamespaceObjects:
    """What is in the namespace of a workload, as far as routes go."""

    services: Sequence[Service]
    ingresses: Sequence[Ingress]
    classes: Sequence[IngressClass]
    workloads: Sequence[Workload]  # those with pods or a wish to sleep; may include the workload itself


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


def port_of(service: Service, backend: Backend) -> ServicePort | None:
    """The Service port that a backend names, by number or by name."""
    return next((port for port in service.ports if backend.port in (port.number, port.name or None)), None)


def controller_of(ingress: Ingress, classes: Iterable[IngressClass]) -> str:
    """The program that follows an Ingress (IngressClass.spec.controller), "" if that cannot be said."""
    wanted = ingress.class_name
    matching = [each.controller for each in classes if (each.name == wanted if wanted else each.default)]
    return matching[0] if len(matching) == 1 else ""


def discover(workload: Workload, around: NamespaceObjects) -> Discovery:
    """All routes that lead to the workload's pods. Never raises."""
    problems: list[str] = []
    services = {each.name: each for each in _chosen_services(workload, around, problems)}
    routes: list[Route] = []
    orphans: list[RouteId] = []
    for ingress in _chosen_ingresses(workload, around, problems):
        try:
            saved = _saved(ingress)
        except originals.OriginalsError as error:
            problems.append(str(error))
            continue
        mine = {id: each for id, each in saved.items() if each.backend.service in services}
        controller = controller_of(ingress, around.classes)
        found = [_route(path, mine, controller) for path in ingress.paths]
        here = [route for route in found if route and route.backend.service in services]
        routes += here
        orphans += [id for id in mine if not any(route.id == id and _matches(route, mine[id]) for route in here)]
        if here:
            problems += _refusals(ingress, here)
    used = tuple(services[name] for name in dict.fromkeys(route.backend.service for route in routes))
    problems += _unfit(workload, routes, used, around)
    if not routes:
        problems.append("no Ingress route leads to its pods")
    return Discovery(tuple(routes), used, tuple(dict.fromkeys(problems)), tuple(orphans))


def _saved(ingress: Ingress) -> dict[RouteId, originals.Original]:
    return originals.read(ingress.namespace, ingress.name, ingress.annotations.get(names.SAVED_BACKENDS, ""))


def _route(path: IngressPath, saved: Mapping[RouteId, originals.Original], controller: str) -> Route | None:
    original = saved.get(path.id)
    if not path.backend:
        return None
    if path.backend.service != names.WAKER_SERVICE:
        known = original if original and original.backend == path.backend else None
        extra = (known.swaps, known.at) if known else (0, None)
        return Route(path.id, path.pointer, path.backend, Holder.APP, controller, *extra)
    if not original:
        return None
    return Route(path.id, path.pointer, original.backend, Holder.WAKER, controller, original.swaps, original.at)


def _matches(route: Route, original: originals.Original) -> bool:
    return route.holder is Holder.WAKER or route.backend == original.backend


def _chosen_services(workload: Workload, around: NamespaceObjects, problems: list[str]) -> Iterator[Service]:
    override = parse_names(workload.annotations, names.SERVICE)
    if override is None:
        yield from (service for service in around.services if selects(service, workload))
        return
    found = {service.name: service for service in around.services}
    for name in sorted(override):
        if name not in found:
            problems.append(f"{names.SERVICE}: there is no Service {name[:63]!r} in this namespace")
        elif not selects(found[name], workload):
            problems.append(f"{names.SERVICE}: Service {name} does not select this workload's pods")
        else:
            yield found[name]


def _chosen_ingresses(workload: Workload, around: NamespaceObjects, problems: list[str]) -> Iterator[Ingress]:
    override = parse_names(workload.annotations, names.INGRESS)
    known = {ingress.name: ingress for ingress in around.ingresses if not ingress.name.startswith(names.KEEPER)}
    for name in sorted((override or frozenset()) - known.keys()):
        problems.append(f"{names.INGRESS}: there is no Ingress {name[:63]!r} in this namespace")
    yield from (ingress for name, ingress in known.items() if override is None or name in override)


def _refusals(ingress: Ingress, here: Sequence[Route]) -> Iterator[str]:
    for annotation, harmless, why in REFUSED:
        value = ingress.annotations.get(annotation)
        if value is not None and value.strip().lower() not in harmless:
            yield f"Ingress {ingress.name} has {annotation}: {value[:40]}, and {why}"
    ids = [route.id for route in here]
    yield from (f"{id} is there twice" for id in dict.fromkeys(ids) if ids.count(id) > 1)


def _unfit(
    workload: Workload, routes: Iterable[Route], used: Sequence[Service], around: NamespaceObjects
) -> Iterator[str]:
    for service in used:
        strange = [each for each in service.protocols if each.lower() not in PLAIN]
        if strange:
            yield f"Service {service.name} speaks {strange[0][:40]}, and waker speaks plain HTTP/1.1 only"
        for other in around.workloads:
            shared = other.id != workload.id and selects(service, other)
            if shared and (other.replicas or names.SAVED_REPLICAS in other.annotations):
                yield f"Service {service.name} also selects the pods of {other.id.kind} {other.id.name}"
    by_name = {service.name: service for service in used}
    for route in routes:
        if not port_of(by_name[route.backend.service], route.backend):
            yield f"{route.id} names port {route.backend.port!r}, which Service {route.backend.service} does not have"
