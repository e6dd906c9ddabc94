"""Where a request goes: the routes of all Ingresses, and the one that matches best.

Pure. `ingress` builds a table from the objects and looks up host and path in it:
| rule | wins over |
| --- | --- |
| exact host | wildcard host (one label), which wins over no host |
| Exact path | any prefix; a longer prefix wins over a shorter one |
| any rule | a default backend |
A path whose Service does not exist is not a route. One whose Service has no ready endpoint is a route without servers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from waker.demo.kinds import Key, Obj, key_of
from waker.demo.verbs import OLD_CLASS
from waker.names import SLICE_SERVICE

CONTROLLER: Final = "traefik.io/ingress-controller"
DEFAULT_SERVICE: Final = "default-backend@kubernetes"


class RoutedServer(NamedTuple):
    """A ready endpoint."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """A backend: its name in the metrics, and its ready endpoints."""

    service: str
    servers: tuple[RoutedServer, ...]


@dataclass(frozen=True, slots=True)
class DemoRoute:
    """A path of an Ingress. `host` "" is any host, "*.x" is one label before x."""

    host: str
    path: str
    path_type: str
    target: RouteTarget

    def matches(self, host: str, path: str) -> bool:
        """Whether a request for this host and path may go there."""
        return self._host_matches(host) and self._path_matches(path)

    def rank(self) -> tuple[int, bool, int]:
        """Of all routes that match, the one with the highest rank wins."""
        known_host = 0 if not self.host else 1 if self.host.startswith("*.") else 2
        return known_host, self.path_type == "Exact", len(self.path)

    def _host_matches(self, host: str) -> bool:
        if self.host.startswith("*."):
            first, _, rest = host.partition(".")
            return bool(first) and rest == self.host[2:]
        return self.host in ("", host)

    def _path_matches(self, path: str) -> bool:
        match self.path_type:
            case "Exact":
                return path == self.path
            case "Prefix":
                prefix = self.path.rstrip("/")
                return path == prefix or path.startswith(prefix + "/")
        return path.startswith(self.path or "/")  # ImplementationSpecific: for Traefik a plain prefix


@dataclass(frozen=True, slots=True)
class Table:
    """All routes at one moment, and the default backend."""

    routes: tuple[DemoRoute, ...] = ()
    default: RouteTarget | None = None

    def find(self, host: str, path: str) -> RouteTarget | None:
        """The backend for a request, or None. `host` may include a port."""
        host = host.lower().partition(":")[0]
        matching = [route for route in self.routes if route.matches(host, path)]
        return max(matching, key=DemoRoute.rank).target if matching else self.default

    def services(self) -> frozenset[str]:
        """The names of all backends, as in the metrics."""
        names = {route.target.service for route in self.routes}
        return frozenset(names | ({self.default.service} if self.default else set()))


@dataclass(frozen=True, slots=True)
class Sources:
    """The objects that a table is built from."""

    ingresses: Iterable[Obj]
    classes: Iterable[Obj]
    services: Mapping[Key, Obj]
    slices: Mapping[Key, list[Obj]] = field(default_factory=dict)  # by Service


def sources(
    ingresses: Iterable[Obj], classes: Iterable[Obj], services: Iterable[Obj], slices: Iterable[Obj]
) -> Sources:
    """The objects, indexed, with the oldest Ingress first."""
    by_service: dict[Key, list[Obj]] = {}
    for each in slices:
        name = (each["metadata"].get("labels") or {}).get(SLICE_SERVICE)
        by_service.setdefault(Key(each["metadata"]["namespace"], name or ""), []).append(each)
    ordered = sorted(ingresses, key=lambda ingress: (ingress["metadata"]["creationTimestamp"], key_of(ingress)))
    return Sources(ordered, list(classes), {key_of(service): service for service in services}, by_service)


def table_of(objects: Sources) -> Table:
    """The routes of all Ingresses of this controller's classes."""
    routes: list[DemoRoute] = []
    default: RouteTarget | None = None
    for ingress in filter(lambda ingress: has_own_class(ingress, objects.classes), objects.ingresses):
        spec, namespace = ingress.get("spec") or {}, ingress["metadata"]["namespace"]
        if spec.get("defaultBackend") and default is None:
            found = target_of(objects, namespace, spec["defaultBackend"])
            default = found and RouteTarget(DEFAULT_SERVICE, found.servers)
        for rule in spec.get("rules") or ():
            for path in (rule.get("http") or {}).get("paths") or ():
                target = target_of(objects, namespace, path["backend"])
                if target is not None:
                    routes.append(DemoRoute(rule.get("host", ""), path.get("path", ""), path["pathType"], target))
    return Table(tuple(routes), default)


def has_own_class(ingress: Obj, classes: Iterable[Obj]) -> bool:
    """Whether its class belongs to this controller. Without a class, every controller serves it."""
    annotated = (ingress["metadata"].get("annotations") or {}).get(OLD_CLASS)
    name = (ingress.get("spec") or {}).get("ingressClassName") or annotated
    own = {each["metadata"]["name"] for each in classes if each["spec"].get("controller") == CONTROLLER}
    return name is None or name in own


def target_of(objects: Sources, namespace: str, backend: Obj) -> RouteTarget | None:
    """A backend with its ready endpoints; None if the Service or its port does not exist."""
    reference = backend.get("service")
    if not reference:
        return None
    key = Key(namespace, reference["name"])
    as_written = reference["port"].get("name") or reference["port"].get("number")
    service = objects.services.get(key)
    ports = (service["spec"].get("ports") or ()) if service else ()
    port = next((port for port in ports if as_written in (port.get("name"), port["port"])), None)
    if port is None:
        return None
    name = normalized(f"{key.namespace}-{key.name}-{as_written}")
    return RouteTarget(f"{name}@kubernetes", tuple(servers(objects.slices.get(key, ()), port.get("name", ""))))


def servers(slices: Iterable[Obj], port_name: str) -> Iterable[RoutedServer]:
    """The ready endpoints behind a Service's port, by its name. An endpoint of unknown readiness is ready."""
    for each in slices:
        for port in each.get("ports") or ():
            for endpoint in each.get("endpoints") or () if port["name"] == port_name else ():
                if endpoint["conditions"].get("ready") in (True, None):
                    yield from (RoutedServer(address, port["port"]) for address in endpoint["addresses"])


def normalized(text: str) -> str:
    """A name as Traefik writes it: letters and digits, joined by single hyphens."""
    return "-".join(filter(None, re.split(r"[\W_]+", text)))
