"""The `ingress` driver: routes -> patches. Pure: an Ingress and what to do with its routes in, a JSON-Patch out.

Originals are remembered in the very patch that changes them (law 1), and each patch begins with a test of the resource
version, so that it changes nothing if anybody else was faster. Entries of other apps in the same Ingress stay as they are.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from waker import names
from waker.plan.model import Backend, Ingress, Route, RouteId
from waker.plan.routes import originals
from waker.plan.routes.originals import Original

Patch = list[dict[str, Any]]
WAKER = Backend(names.WAKER_SERVICE, names.WAKER_PORT)


def redirect(ingress: Ingress, routes: Iterable[Route], now: datetime) -> Patch:
    """Point these routes of the Ingress at waker."""
    saved = _read(ingress)
    changes: Patch = []
    for route in routes:
        saved[route.id] = Original(route.id, route.backend, now, route.swaps + 1)
        changes.append(_replace(route, WAKER))
    return _guarded(ingress, saved, changes)


def restore(ingress: Ingress, routes: Iterable[Route], forget: Iterable[RouteId] = ()) -> Patch:
    """Point these routes of the Ingress back, and drop entries without a route."""
    saved = _read(ingress)
    changes: Patch = []
    for route in routes:
        saved.pop(route.id, None)
        changes.append(_replace(route, route.backend))
    for id in forget:
        saved.pop(id, None)
    return _guarded(ingress, saved, changes)


def _read(ingress: Ingress) -> dict[RouteId, Original]:
    return originals.read(ingress.namespace, ingress.name, ingress.annotations.get(names.SAVED_BACKENDS, ""))


def _replace(route: Route, backend: Backend) -> dict[str, Any]:
    return {"op": "replace", "path": route.pointer, "value": originals.backend_json(backend)}


def _guarded(ingress: Ingress, saved: dict[RouteId, Original], changes: Patch) -> Patch:
    path = "/metadata/annotations/" + names.SAVED_BACKENDS.replace("/", "~1")
    patch: Patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": ingress.version}]
    if saved and not ingress.annotations:
        patch.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    if saved:
        patch.append({"op": "add", "path": path, "value": originals.write(saved.values())})
    elif names.SAVED_BACKENDS in ingress.annotations:
        patch.append({"op": "remove", "path": path})
    return patch + changes
