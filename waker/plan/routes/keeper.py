"""Keepers: Ingresses of waker's own, two for each namespace and ingress class, for hosts that nobody can know.

- The *way* has a path to each door. A controller that answers there with waker's proof can reach waker at that door, so that a
  route may be pointed there. It also keeps the door's upstream loaded. A *newer path* is added after the routes of an app have
  moved, where nothing else shows whether a controller pod follows: one that serves it has a configuration from after the move.
- The *upstreams* has a path to each app's own backend, so that a route that is given back meets an upstream that is loaded.

Without them a swap loses requests on Envoy and ingress-nginx: an upstream that no route names is dropped in the same moment as
the route changes hands. On Traefik it would lose visits: what it has counted for a Service that no route names any more it
shows to the next scrape alone, and another waker or a Prometheus may be the one that scrapes.

Hosts and paths are 128 bits that only waker can compute, paths match exactly, and the upstreams keep whatever login the
controller asks for everywhere. So nothing of an app can be read through them.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from waker import names
from waker.plan.doors import DoorBook, DoorKey
from waker.plan.model import AppId
from waker.plan.routes.ingress_object import KIND, OLD_CLASS, Ingress
from waker.plan.routes.originals import backend_json, backend_of
from waker.plan.routes.route import Backend, HttpTarget, door_backend

__all__ = ["KIND", "is_current", "keepers", "lacks_newer_path", "newer_target", "way_target"]  # KIND: of the API

Json = dict[str, Any]

WAY = f"{names.KEEPER}-way-"  # how the name of each begins
NEWER = "/newer-"  # how each newer path begins
# external-dns leaves it alone
COMMON_ANNOTATIONS = {"external-dns.alpha.kubernetes.io/controller": names.MANAGER}
# On its way to waker a check meets neither a login nor a redirect: waker itself answers.
WAY_ANNOTATIONS = COMMON_ANNOTATIONS | {
    "nginx.ingress.kubernetes.io/enable-global-auth": "false",
    "nginx.ingress.kubernetes.io/force-ssl-redirect": "false",
    "nginx.ingress.kubernetes.io/ssl-redirect": "false",
}


def keepers(
    namespace: str,
    classes: Mapping[str, Mapping[DoorKey, int]],
    book: DoorBook,
    served_by: Mapping[str, str],
    newer: Mapping[HttpTarget, int] = MappingProxyType({}),
) -> tuple[Json, ...]:
    """The keepers of a namespace: for each ingress class, the doors of the apps with routes of that class.

    `served_by`: the controller of each class that exists as an IngressClass. Others are named by the old annotation.
    `newer`: the newer paths that are asked for at this moment, and the doors to which they lead.
    """
    found = []
    for name, doors in sorted(classes.items()):
        by_annotation = bool(name) and name not in served_by
        host = _host(book, namespace, name, "way")
        way = {_way_path(book, key): door_backend(number) for key, number in doors.items()}
        way |= {target.path: door_backend(number) for target, number in newer.items() if target.host == host}
        found.append(_keeper("way", host, name, way, by_annotation=by_annotation))
        backends = {f"/{book.token('upstream', str(key))}": key.backend for key in doors}
        host = _host(book, namespace, name, "upstreams")
        found.append(_keeper("upstreams", host, name, backends, by_annotation=by_annotation))
    return tuple(found)


def way_target(book: DoorBook, namespace: str, ingress_class: str, key: DoorKey) -> HttpTarget:
    """A request that only the way of this namespace and class takes, and that leads to this door."""
    return HttpTarget(_host(book, namespace, ingress_class, "way"), _way_path(book, key))


def newer_target(
    book: DoorBook, namespace: str, ingress_class: str, app: AppId, moved_at: Iterable[datetime | None]
) -> HttpTarget:
    """A request that only a configuration takes which is newer than this move of the app's routes."""
    move = sorted(str(at) for at in set(moved_at))
    host = _host(book, namespace, ingress_class, "way")
    return HttpTarget(host, f"{NEWER}{book.token('newer', str(app), *move)}")


def _way_path(book: DoorBook, key: DoorKey) -> str:
    return f"/{book.token('way', str(key))}"


def _host(book: DoorBook, namespace: str, ingress_class: str, what: str) -> str:
    return f"{book.token(what, namespace, ingress_class)}.{names.KEEPER_DOMAIN}"


def _keeper(what: str, host: str, ingress_class: str, paths: Mapping[str, Backend], *, by_annotation: bool) -> Json:
    annotations = dict(WAY_ANNOTATIONS if what == "way" else COMMON_ANNOTATIONS)
    entries = [
        {"path": path, "pathType": "Exact", "backend": backend_json(backend)} for path, backend in sorted(paths.items())
    ]
    spec: Json = {"rules": [{"host": host, "http": {"paths": entries}}]}
    if by_annotation:
        annotations[OLD_CLASS] = ingress_class
    elif ingress_class:
        spec["ingressClassName"] = ingress_class
    name = f"{names.KEEPER}-{what}-{_short(ingress_class)}"
    return {
        "metadata": {"name": name, "labels": {names.MANAGED_BY: names.MANAGER}, "annotations": annotations},
        "spec": spec,
    }


def _short(ingress_class: str) -> str:
    """A class in an object's name. The old annotation's text may be anything."""
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", ingress_class):
        return ingress_class
    return sha256(ingress_class.encode()).hexdigest()[:16] if ingress_class else "default"


def is_current(seen: Ingress, wanted: Json) -> bool:
    """Whether the keeper that is there leads where the wanted one does. Newer paths of former moves may stay."""
    there, leads = _leads(seen), _wanted_leads(wanted)
    return leads <= there and all(path.startswith(NEWER) for _, path, _ in there - leads)


def lacks_newer_path(seen: Ingress, wanted: Json) -> bool:
    """Whether it lacks a newer path that is wanted, or has it with another door."""
    newer = _wanted_leads(wanted, NEWER)
    return bool(newer) and not newer <= _leads(seen)


def _leads(seen: Ingress) -> set[tuple[str, str, Backend | None]]:
    return {(path.id.host, path.id.path, path.backend) for path in seen.paths}


def _wanted_leads(wanted: Json, beginning: str = "") -> set[tuple[str, str, Backend | None]]:
    """Where the paths with this beginning should lead."""
    (rule,) = wanted["spec"]["rules"]
    paths = (each for each in rule["http"]["paths"] if each["path"].startswith(beginning))
    return {(rule["host"], each["path"], backend_of(each["backend"])) for each in paths}
