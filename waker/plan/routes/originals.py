"""What an Ingress's user had before waker took a route: one annotation, read and written here only.

    {"routes": [{"host": "shop.example.org", "path": "/", "pathType": "Prefix",
                 "backend": {"service": {"name": "shop", "port": {"name": "http"}}},
                 "at": "2026-01-31T12:00:00Z", "swaps": 1}]}

Keyed by (host, path, pathType), so that an entry outlives a user's reordering of the rules. `at` is when the route was
last pointed at waker, `swaps` how often in this sleep. Unreadable text is an error with a sentence, never an empty answer.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from waker.plan.model import Backend, RouteId
from waker.plan.times import format_time, parse_time

MANY = 1000  # swaps in one sleep; it ends after three


class OriginalsError(ValueError):
    """The annotation cannot be read: somebody has edited it."""


class Original(NamedTuple):
    """The user's backend of one route."""

    id: RouteId
    backend: Backend
    at: datetime
    swaps: int


def backend_json(backend: Backend) -> dict[str, Any]:
    """An IngressBackend as the API wants it."""
    port = {"number": backend.port} if isinstance(backend.port, int) else {"name": backend.port}
    return {"service": {"name": backend.service, "port": port}}


def backend_of(found: Mapping[str, Any]) -> Backend | None:
    """An IngressBackend as we know it; None if it is not a Service with a port."""
    service = found.get("service") or {}
    port = service.get("port") or {}
    which = port.get("name") or port.get("number")
    return Backend(service["name"], which) if which and service.get("name") else None


def write(originals: Iterable[Original]) -> str:
    """The annotation's text."""
    routes = [
        {
            **({"host": each.id.host} if each.id.host else {}),
            **({"path": each.id.path, "pathType": each.id.path_type} if each.id.path_type else {}),
            "backend": backend_json(each.backend),
            "at": format_time(each.at),
            "swaps": each.swaps,
        }
        for each in originals
    ]
    return json.dumps({"routes": routes}, separators=(",", ":"))


def read(namespace: str, ingress: str, text: str) -> dict[RouteId, Original]:
    """The annotation's entries by route. Raises OriginalsError."""
    if not text:
        return {}
    try:
        entries = [_entry(namespace, ingress, each) for each in json.loads(text)["routes"]]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise OriginalsError(f"the saved backends of Ingress {namespace}/{ingress} cannot be read: {error}") from error
    return {each.id: each for each in entries}


def _entry(namespace: str, ingress: str, found: Mapping[str, Any]) -> Original:
    backend, at, swaps = backend_of(found["backend"]), parse_time(found["at"]), found["swaps"]
    where = [found.get(key, "") for key in ("host", "path", "pathType")]
    if not backend or not at or not all(isinstance(each, str) for each in (backend.service, *where)):
        raise ValueError("an entry has no backend, no time or no place")
    if type(swaps) is not int or type(backend.port) not in (int, str) or not 0 <= swaps <= MANY:
        raise ValueError("an entry has a number that is none")
    return Original(RouteId(namespace, ingress, *where), backend, at, swaps)
