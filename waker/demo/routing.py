"""Where a request goes: the routes that the Ingress objects say, and the one that fits best.

Pure. A table is built from objects and asked for host and path:
| rule | wins over |
| --- | --- |
| exact host | wildcard host (one label), which wins over no host |
| Exact path | any prefix; a longer prefix wins over a shorter one |
| any rule | a default backend |
A path whose Service does not exist makes no route, one whose Service has no ready endpoint makes a route to nobody.
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
    """A backend: its name in the metrics, and who can be asked."""

    service: str
    servers: tuple[RoutedServer, ...]


@dataclass(frozen=True, slots=True)
class DemoRoute:
    """A path entry. `host` "" is any host; "*.x" one label before x."""

    host: str
    path: str
    path_type: str
    target: RouteTarget

    def fits(self, host: str, path: str) -> bool:
        """Does a request belong to it?"""
        return self._fits_host(host) and self._fits_path(path)

    def rank(self) -> tuple[int, bool, int]:
        """The highest of those that fit wins."""
        known_host = 0 if not self.host else 1 if self.host.startswith("*.") else 2
        return known_host, self.path_type == "Exact", len(self.path)

    def _fits_host(self, host: str) -> bool:
        if self.host.startswith("*."):
            first, _, rest = host.partition(".")
            return bool(first) and rest == self.host[2:]
        return self.host in ("", host)

    def _fits_path(self, path: str) -> bool:
        match self.path_type:
            case "Exact":
                return path == self.path
            case "Prefix":
                prefix = self.path.rstrip("/")
                return path == prefix or path.startswith(prefix + "/")
        return path.startswith(self.path or "/")  # ImplementationSpecific: a plain prefix, as Traefik takes it


@dataclass(frozen=True, slots=True)
class Table:
    """All routes at one moment."""

    routes: tuple[DemoRoute, ...] = ()
    default: RouteTarget | None = None

    def find(self, host: str, path: str) -> RouteTarget | None:
        """Where this request goes. `host` may have a port."""
        host = host.lower().partition(":")[0]
        fitting = [route for route in self.routes if route.fits(host, path)]
        return max(fitting, key=DemoRoute.rank).target if fitting else self.default

    def services(self) -> frozenset[str]:
        """The names of all backends in the metrics."""
        named = {route.target.service for route in self.routes}
        return frozenset(named | ({self.default.service} if self.default else set()))


@dataclass(frozen=True, slots=True)
class Sources:
    """The objects that a table is made from."""

    ingresses: Iterable[Obj]
    classes: Iterable[Obj]
    services: Mapping[Key, Obj]
    slices: Mapping[Key, list[Obj]] = field(default_factory=dict)  # by Service


def sources(
    ingresses: Iterable[Obj], classes: Iterable[Obj], services: Iterable[Obj], slices: Iterable[Obj]
) -> Sources:
    """Objects in the order in which they are looked up."""
    by_service: dict[Key, list[Obj]] = {}
    for piece in slices:
        name = (piece["metadata"].get("labels") or {}).get(SLICE_SERVICE)
        by_service.setdefault(Key(piece["metadata"]["namespace"], name or ""), []).append(piece)
    ordered = sorted(ingresses, key=lambda ingress: (ingress["metadata"]["creationTimestamp"], key_of(ingress)))
    return Sources(ordered, list(classes), {key_of(service): service for service in services}, by_service)


def table_of(seen: Sources) -> Table:
    """The routes of all Ingresses that are ours."""
    routes: list[DemoRoute] = []
    default: RouteTarget | None = None
    for ingress in filter(lambda ingress: is_ours(ingress, seen.classes), seen.ingresses):
        spec, namespace = ingress.get("spec") or {}, ingress["metadata"]["namespace"]
        if spec.get("defaultBackend") and default is None:
            found = target_of(seen, namespace, spec["defaultBackend"])
            default = found and RouteTarget(DEFAULT_SERVICE, found.servers)
        for rule in spec.get("rules") or ():
            for path in (rule.get("http") or {}).get("paths") or ():
                target = target_of(seen, namespace, path["backend"])
                if target is not None:
                    routes.append(DemoRoute(rule.get("host", ""), path.get("path", ""), path["pathType"], target))
    return Table(tuple(routes), default)


def is_ours(ingress: Obj, classes: Iterable[Obj]) -> bool:
    """Does its class name our controller? Without a class it is everybody's."""
    annotated = (ingress["metadata"].get("annotations") or {}).get(OLD_CLASS)
    name = (ingress.get("spec") or {}).get("ingressClassName") or annotated
    ours = {found["metadata"]["name"] for found in classes if found["spec"].get("controller") == CONTROLLER}
    return name is None or name in ours


def target_of(seen: Sources, namespace: str, backend: Obj) -> RouteTarget | None:
    """A backend's ready endpoints; None if there is no such Service or port."""
    wanted = backend.get("service")
    if not wanted:
        return None
    key = Key(namespace, wanted["name"])
    as_written = wanted["port"].get("name") or wanted["port"].get("number")
    service = seen.services.get(key)
    ports = (service["spec"].get("ports") or ()) if service else ()
    port = next((port for port in ports if as_written in (port.get("name"), port["port"])), None)
    if port is None:
        return None
    name = normalized(f"{key.namespace}-{key.name}-{as_written}")
    return RouteTarget(f"{name}@kubernetes", tuple(servers(seen.slices.get(key, ()), port.get("name", ""))))


def servers(slices: Iterable[Obj], port_name: str) -> Iterable[RoutedServer]:
    """The ready endpoints of a Service, by the name of its port. Unknown is ready."""
    for piece in slices:
        for port in piece.get("ports") or ():
            for endpoint in piece.get("endpoints") or () if port["name"] == port_name else ():
                if endpoint["conditions"].get("ready") in (True, None):
                    yield from (RoutedServer(address, port["port"]) for address in endpoint["addresses"])


def normalized(text: str) -> str:
    """Traefik's names: letters and digits, joined by single dashes."""
    return "-".join(filter(None, re.split(r"[\W_]+", text)))
