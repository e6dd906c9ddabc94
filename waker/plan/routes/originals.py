"""What a user had before waker took a route: one annotation on the object that holds it, read and written here only.

    {"routes": [{"host": "shop.example.org", "path": "/", "pathType": "Prefix",
                 "backend": {"service": {"name": "shop", "port": {"name": "http"}}},
                 "at": "2026-01-31T12:00:00Z", "swaps": 1}]}

What identifies a route within its object is up to its kind (above: an Ingress), so that an entry outlives a user's
reordering. `at` is when the route was last pointed at waker, `swaps` how often in this sleep, `"served": false` that no pod
listened behind it before. Unreadable text is an error with a sentence, never an empty answer.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from waker.plan.routes.route import Backend, ObjectId, Original, Originals, RouteId
from waker.plan.times import format_time, parse_time

MANY = 1000  # swaps in one sleep; it ends after three


class OriginalsError(ValueError):
    """The annotation cannot be read: somebody has edited it."""


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


def write(originals: Iterable[Original], key_of: Callable[[Any], Mapping[str, str]]) -> str:
    """The annotation's text. `key_of` gives the fields that identify a route within its object."""
    routes = [
        {
            **key_of(each.id),
            "backend": backend_json(each.backend),
            "at": format_time(each.at),
            "swaps": each.swaps,
            **({} if each.served else {"served": False}),
        }
        for each in originals
    ]
    return json.dumps({"routes": routes}, separators=(",", ":"))


def read(text: str, holder: ObjectId, id_of: Callable[[Mapping[str, Any]], RouteId]) -> Originals:
    """The annotation's entries by route. `id_of` raises ValueError for an entry without a place. Raises OriginalsError."""
    if not text:
        return {}
    try:
        entries = [_entry(each, id_of) for each in json.loads(text)["routes"]]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise OriginalsError(f"the saved backends of {holder} cannot be read: {error}") from error
    return {each.id: each for each in entries}


def _entry(found: Mapping[str, Any], id_of: Callable[[Mapping[str, Any]], RouteId]) -> Original:
    backend, at, swaps = backend_of(found["backend"]), parse_time(found["at"]), found["swaps"]
    served = found.get("served", True)
    if not backend or not at or not isinstance(backend.service, str):
        raise ValueError("an entry has no backend or no time")
    if type(swaps) is not int or type(backend.port) not in (int, str) or not 0 <= swaps <= MANY:
        raise ValueError("an entry has an invalid number")
    if type(served) is not bool:
        raise ValueError("an entry has neither true nor false")
    return Original(id_of(found), backend, at, swaps, served)
