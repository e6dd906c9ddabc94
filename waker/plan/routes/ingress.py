"""Routes of an Ingress: each path entry is one, and so is the default backend.

A route is pointed elsewhere by replacing the `backend` of its entry in a JSON-Patch. What was there is remembered in the very
patch that changes it (law 1), keyed by host, path and path type. Each patch begins with a test of the resource version, and
finds its entries in the very Ingress that it is for, so that it changes nothing if anybody else was faster. Entries of
other apps in the same Ingress stay as they are.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from waker import names
from waker.errors import Conflict
from waker.plan.go_booleans import FALSE
from waker.plan.model import IngressClass, ServicePort
from waker.plan.notes import Unreadable
from waker.plan.routes.aliases import MOST_MENTIONED, ServiceAddress, mentioned
from waker.plan.routes.ingress_object import DROPPED, KIND, Ingress, IngressPath, IngressRouteId, parse, write_saved
from waker.plan.routes.originals import backend_json
from waker.plan.routes.route import (
    Backend,
    CountedBackend,
    Holder,
    HttpTarget,
    Original,
    Originals,
    Patch,
    Route,
    RouteAddress,
    RouteId,
    RouteKind,
    door_backend,
    is_held,
)

NGINX = "nginx.ingress.kubernetes.io"
TLS_PASSTHROUGH = "the controller passes TLS through, so waker could not answer"
PLAIN_HTTP = "waker speaks plain HTTP/1.1 only"
LOGIN = "/auth-url"  # how annotations of all controllers end that name who is asked
PUBLIC_ADDRESS = re.compile(r"\s*https?://([^/\s:?#]{1,253})(?::\d+)?(/[^\s?#]*)?")
EXPRESSION = frozenset("()[]{}*+?^$|\\")  # letters that mean something else in a regular expression

# What an Ingress's annotations can say that makes a move unsafe: annotation, values that are harmless, why.
REFUSED = (
    (f"{NGINX}/ssl-passthrough", FALSE, TLS_PASSTHROUGH),
    ("ingress.kubernetes.io/ssl-passthrough", FALSE, TLS_PASSTHROUGH),
    ("haproxy.org/ssl-passthrough", FALSE, TLS_PASSTHROUGH),
    ("haproxy-ingress.github.io/ssl-passthrough", FALSE, TLS_PASSTHROUGH),
    ("ingress.cilium.io/tls-passthrough", FALSE | {"disabled"}, TLS_PASSTHROUGH),
    (f"{NGINX}/backend-protocol", {"http", ""}, PLAIN_HTTP),
    ("haproxy-ingress.github.io/backend-protocol", {"h1", "http", ""}, PLAIN_HTTP),
    (f"{NGINX}/canary", FALSE, "a canary shares its paths with another Ingress, and only both could move"),
)


def services(ingress: Ingress) -> set[str]:
    """The Services that its routes lead to, or led to before a swap."""
    saved = {} if isinstance(ingress.saved, Unreadable) else ingress.saved
    return {path.backend.service for path in ingress.paths if path.backend} | {
        each.backend.service for each in saved.values()
    }


def affected(old: Ingress, new: Ingress) -> set[str]:
    """The Services for whose routes it makes a difference that one version took the other's place.

    Many apps may share an Ingress, and waker itself moves the routes of one of them at a time.
    """
    if isinstance(old.saved, Unreadable) or isinstance(new.saved, Unreadable) or _common(old) != _common(new):
        return services(old) | services(new)
    paths = set(old.paths) ^ set(new.paths)
    kept = [saved[path.id] for path in paths for saved in (old.saved, new.saved) if path.id in saved]
    kept += [each for _, each in old.saved.items() ^ new.saved.items()]
    return {path.backend.service for path in paths if path.backend} | {each.backend.service for each in kept}


def _common(ingress: Ingress) -> tuple[Any, ...]:
    """What all its routes have in common."""
    annotations = {key: text for key, text in ingress.annotations.items() if key not in DROPPED}
    return ingress.class_name, annotations, ingress.managed


def mentions(ingress: Ingress) -> set[ServiceAddress]:
    """The Services whose own addresses its annotations name: who is asked for a login, or gets what others cannot answer."""
    texts = (text for _, text in sorted(ingress.annotations.items()))
    found = set(islice((each for text in texts for each in mentioned(text)), MOST_MENTIONED))
    instead = ingress.annotations.get(f"{NGINX}/default-backend")
    return found | ({ServiceAddress(ingress.namespace, instead)} if instead else set())


def hosts(ingress: Ingress) -> set[str]:
    """The hosts for which it has routes."""
    return {host.lower() for host in {path.id.host for path in ingress.paths}}


def logins(ingress: Ingress) -> set[HttpTarget]:
    """Who is asked who may come in, by a public address: `https://login.example.org/verify`, `https://$host/verify`.

    The host is "" where a rule without a host asks at its own one.
    """
    found = set()
    for key, text in ingress.annotations.items():
        asked = PUBLIC_ADDRESS.match(text) if key.endswith(LOGIN) else None
        if asked:
            own = asked[1].startswith("$")
            found |= {HttpTarget(host, asked[2] or "/") for host in (hosts(ingress) if own else {asked[1].lower()})}
    return set(sorted(found)[:MOST_MENTIONED])


def doors(ingress: Ingress) -> set[str | int]:
    """The ports of waker that its routes name."""
    return {path.backend.port for path in ingress.paths if path.backend and path.backend.service == names.WAKER_SERVICE}


def class_name(ingress: Ingress, classes: Iterable[IngressClass]) -> str:
    """The name of its class; of the default class if it names none; "" if there is none."""
    return ingress.class_name or next((each.name for each in classes if each.default), "")


def controller(ingress: Ingress, classes: Iterable[IngressClass]) -> str:
    """The program that serves it (IngressClass.spec.controller), "" if that cannot be said."""
    wanted = ingress.class_name
    matching = [each.controller for each in classes if (each.name == wanted if wanted else each.default)]
    return matching[0] if len(matching) == 1 else ""


def routes(ingress: Ingress, to: Container[str], saved: Originals, served_by: str) -> Iterator[Route]:
    """Its routes to these Services, and those that lead to waker: one counts by its saved backend; without one it is nobody's.

    An Ingress may have paths for thousands of other apps: they are passed over as cheaply as can be.
    """
    for id, _, backend in ingress.paths:
        if backend is None:
            continue
        if backend.service == names.WAKER_SERVICE:
            original = saved.get(id)
            if original:
                held = Route(id, original.backend, Holder.WAKER, served_by, original.swaps, original.at)
                yield replace(held, leads_to=backend.port, served=original.served)
        elif backend.service in to:
            original = saved.get(id)
            known = original if original and original.backend == backend else None
            swaps, at = (known.swaps, known.at) if known else (0, None)
            yield Route(id, backend, Holder.APP, served_by, swaps, at, served=known.served if known else True)


def refusals(ingress: Ingress, here: Sequence[Route]) -> Iterator[str]:
    """Why these routes of it cannot be moved."""
    for annotation, harmless, why in REFUSED:
        value = ingress.annotations.get(annotation)
        if value is not None and value.strip().lower() not in harmless:
            yield f"Ingress {ingress.name} has {annotation}: {value[:40]}, and {why}"
    times = Counter(route.id for route in here)
    yield from (f"{id} is there twice" for id, count in times.items() if count > 1)


# --- moving -------------------------------------------------------------------------------------------------------


def redirect(ingress: Ingress, moved: Iterable[Route], now: datetime) -> Patch:
    """Point these routes at their doors, and remember where they led. Raises Conflict if they are not as they were.

    One that leads to another door already is not swapped once more: nobody has pointed it back.
    """
    saved, moved = _saved(ingress), list(moved)
    entries = _entries(ingress, moved)
    changes: Patch = []
    for route in moved:
        if not route.door:
            raise Conflict(f"{route.id} has no door of waker yet")
        swaps = route.swaps if is_held(route) else route.swaps + 1
        saved[route.id] = Original(route.id, route.backend, now, swaps, route.served)
        changes.append(_replace(entries, route, door_backend(route.door)))
    return _guarded(ingress, saved, changes)


def restore(ingress: Ingress, moved: Iterable[Route], forget: Iterable[RouteId] = ()) -> Patch:
    """Point these routes back, and drop entries without a route. Raises Conflict if they are not as they were."""
    saved, moved = _saved(ingress), list(moved)
    entries = _entries(ingress, moved)
    changes: Patch = []
    for route in moved:
        saved.pop(route.id, None)
        changes.append(_replace(entries, route, route.backend))
    for id in forget:
        saved.pop(id, None)
    return _guarded(ingress, saved, changes)


def _saved(ingress: Ingress) -> dict[RouteId, Original]:
    if isinstance(ingress.saved, Unreadable):
        raise Conflict(ingress.saved.why)
    return dict(ingress.saved)


def _entries(ingress: Ingress, moved: Iterable[Route]) -> Mapping[RouteId, Sequence[IngressPath]]:
    """The path entries with the ids of these routes. More than one: an id that is there twice."""
    found: dict[RouteId, list[IngressPath]] = {route.id: [] for route in moved}
    for path in ingress.paths:
        if path.id in found:
            found[path.id].append(path)
    return found


def _replace(entries: Mapping[RouteId, Sequence[IngressPath]], route: Route, backend: Backend) -> dict[str, Any]:
    """The entry is found by its id and by where it leads, for its place may be another by now."""
    held = is_held(route)
    for path in entries[route.id]:
        leads = path.backend is not None and path.backend.service == names.WAKER_SERVICE
        if leads if held else path.backend == route.backend:
            return {"op": "replace", "path": path.pointer, "value": backend_json(backend)}
    raise Conflict(f"{route.id} is not as it was")


def _guarded(ingress: Ingress, saved: Mapping[RouteId, Original], changes: Patch) -> Patch:
    path = "/metadata/annotations/" + names.SAVED_BACKENDS.replace("/", "~1")
    patch: Patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": ingress.version}]
    if saved and not ingress.annotations:
        patch.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    if saved:
        patch.append({"op": "add", "path": path, "value": write_saved(saved.values())})
    elif names.SAVED_BACKENDS in ingress.annotations:
        patch.append({"op": "remove", "path": path})
    return patch + changes


# --- asking and counting ------------------------------------------------------------------------------------------


def address(id: IngressRouteId) -> RouteAddress:
    """For which requests a route is."""
    return RouteAddress(id.host.lower(), id.path, id.path_type)


def request(id: IngressRouteId) -> HttpTarget | None:
    """A request that this route takes. A wildcard stands for any name. None for what may be an expression: some controllers
    say by an annotation that it is one, some by the path type, and a path that it takes cannot be worked out.
    """
    if not EXPRESSION.isdisjoint(id.path):
        return None
    any_host = f"kubesleeper-probe.{names.KEEPER_DOMAIN}"
    asked = id.host.replace("*", "kubesleeper-probe", 1) if id.host else any_host
    return HttpTarget(asked, id.path if id.path.startswith("/") else "/")


def request_below(id: IngressRouteId) -> HttpTarget | None:
    """A request below its path, if it takes any: where another route takes exactly that path, `request` goes there."""
    above = request(id)
    if above is None or id.path_type == "Exact":
        return None
    return HttpTarget(above.host, f"{above.path.rstrip('/')}/kubesleeper-probe")


def counted_backend(route: Route, port: ServicePort | None) -> CountedBackend:
    """A route in the terms of controllers' metrics. Without a port of its Service it is counted under no name."""
    id: IngressRouteId = route.id  # type: ignore[assignment]  # a route of this kind
    return CountedBackend(
        route=str(id),
        namespace=id.namespace,
        object_name=id.ingress,
        service=route.backend.service,
        port_written=route.backend.port,
        port_name=port.name if port else "",
        port_number=port.number if port else 0,
        default_backend=not id.path_type,
        port_target=port.target if port else "",
        host=id.host,
        path=id.path,
    )


INGRESS = RouteKind(
    name=KIND,
    api_version="networking.k8s.io/v1",
    plural="ingresses",
    parse=parse,
    services=services,
    affected=affected,
    mentions=mentions,
    hosts=hosts,
    logins=logins,
    doors=doors,
    class_name=class_name,
    controller=controller,
    routes=routes,
    refusals=refusals,
    redirect=redirect,
    restore=restore,
    address=address,
    request=request,
    request_below=request_below,
    counted_backend=counted_backend,
)
