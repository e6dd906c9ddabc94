"""Keepers: Ingresses of waker's own, for each namespace and ingress class, for hosts that nobody can know.

- The *way* has a path to each door. A controller that answers there with waker's proof can reach waker at that door, so that a
  route may be pointed there. It also keeps the door's upstream loaded. A *newer path* is added after the routes of an app have
  moved, where nothing else shows whether a controller pod follows: one that serves it has a configuration from after the move.
- The *upstreams* has a path to each app's own backend, so that a route that is given back meets an upstream that is loaded.
  There is one for each set of upstream settings: ingress-nginx makes an upstream from the *oldest* Ingress that names it, and
  a keeper may be that one. So it says what the oldest of the app's own Ingresses says (`upstream_settings`).

Without them a swap loses requests on Envoy and ingress-nginx: an upstream that no route names is dropped in the same moment as
the route changes hands. On Traefik it would lose visits: what it has counted for a Service that no route names any more it
shows to the next scrape alone, and another waker or a Prometheus may be the one that scrapes.

Hosts and paths are 128 bits that only waker can compute, paths match exactly, and the upstreams keep whatever login the
controller asks for everywhere. So nothing of an app can be read through them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from waker import names
from waker.plan.doors import DoorBook, DoorKey
from waker.plan.model import AppId
from waker.plan.notes import Unreadable
from waker.plan.routes.ingress_object import KIND, OLD_CLASS, Ingress
from waker.plan.routes.originals import backend_json, backend_of
from waker.plan.routes.route import Backend, HttpTarget, RouteObject, door_backend

__all__ = [  # KIND: of the API
    "KIND",
    "ClassesSeen",
    "is_current",
    "keepers",
    "lacks_newer_path",
    "moving",
    "newer_target",
    "settings_of",
    "upstream_settings",
    "way_target",
]

Json = dict[str, Any]
UpstreamSettings = tuple[tuple[str, str], ...]  # annotations and their values, sorted

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

# What ingress-nginx takes from the oldest Ingress that names a backend, for all of them. From its source: `createUpstreams`.
PER_UPSTREAM = tuple(
    f"nginx.ingress.kubernetes.io/{each}"
    for each in (
        "load-balance",
        "service-upstream",
        "upstream-hash-by",
        "upstream-hash-by-subset",
        "upstream-hash-by-subset-size",
    )
)


def settings_of(found: RouteObject) -> UpstreamSettings:
    """What an Ingress says of the upstreams of its backends."""
    return tuple((key, found.annotations[key]) for key in PER_UPSTREAM if key in found.annotations)


def upstream_settings(backend: Backend, around: Iterable[RouteObject]) -> UpstreamSettings:
    """With which settings a controller would load this backend if there were no keeper.

    `around`: Ingresses of users that name its Service, or did before a swap, and that one controller serves.
    """
    found = [each for each in around if isinstance(each, Ingress)]
    if not any(map(settings_of, found)):  # as nearly always
        return ()
    naming = found if len(found) == 1 else [each for each in found if _names(each, backend)]
    # Of those made in the same second the last one by its name.
    first = min(each.made_at for each in naming) if naming else 0
    oldest = max((each for each in naming if each.made_at == first), key=lambda each: each.name, default=None)
    return settings_of(oldest) if oldest else ()


def _names(found: Ingress, backend: Backend) -> bool:
    saved = () if isinstance(found.saved, Unreadable) else found.saved.values()
    return any(each.backend == backend for each in (*found.paths, *saved))


def _no_settings(_ingress_class: str, _backend: Backend) -> UpstreamSettings:
    return ()


@dataclass(frozen=True, slots=True)
class ClassesSeen:
    """What is seen of the ingress classes of a namespace.

    `served_by`: the controller of each class that exists as an IngressClass. Others are named by the old annotation.
    `settings`: those of a backend that Ingresses of a class name.
    """

    served_by: Mapping[str, str]
    settings: Callable[[str, Backend], UpstreamSettings] = _no_settings


def keepers(
    namespace: str,
    classes: Mapping[str, Mapping[DoorKey, int]],
    book: DoorBook,
    seen: ClassesSeen,
    newer: Mapping[HttpTarget, int] = MappingProxyType({}),
) -> tuple[Json, ...]:
    """The keepers of a namespace: for each ingress class, the doors of the apps with routes of that class.

    `newer`: the newer paths that are asked for at this moment, and the doors to which they lead.
    """
    found = []
    for name, doors in sorted(classes.items()):
        by_annotation = bool(name) and name not in seen.served_by
        named = {OLD_CLASS: name} if by_annotation else {}
        of_class = partial(_keeper, "" if by_annotation else name)
        host = _host(book, namespace, name, "way")
        way = {_way_path(book, key): door_backend(number) for key, number in doors.items()}
        way |= {target.path: door_backend(number) for target, number in newer.items() if target.host == host}
        found.append(of_class(_object_name("way", name), host, way, WAY_ANNOTATIONS | named))
        host = _host(book, namespace, name, "upstreams")
        for settings, paths in sorted(_by_settings(name, doors, book, seen).items()):
            annotations = COMMON_ANNOTATIONS | dict(settings) | named
            found.append(of_class(_object_name("upstreams", name, settings), host, paths, annotations))
    return tuple(found)


def _by_settings(
    ingress_class: str, doors: Iterable[DoorKey], book: DoorBook, seen: ClassesSeen
) -> dict[UpstreamSettings, dict[str, Backend]]:
    """The paths to the apps' own backends."""
    found: dict[UpstreamSettings, dict[str, Backend]] = {}
    for key in doors:
        paths = found.setdefault(seen.settings(ingress_class, key.backend), {})
        paths[f"/{book.token('upstream', str(key))}"] = key.backend
    return found


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


def _keeper(
    spec_class: str, name: str, host: str, paths: Mapping[str, Backend], annotations: Mapping[str, str]
) -> Json:
    entries = [
        {"path": path, "pathType": "Exact", "backend": backend_json(backend)} for path, backend in sorted(paths.items())
    ]
    spec: Json = {"rules": [{"host": host, "http": {"paths": entries}}]}
    if spec_class:
        spec["ingressClassName"] = spec_class
    labels = {names.MANAGED_BY: names.MANAGER}
    return {"metadata": {"name": name, "labels": labels, "annotations": dict(annotations)}, "spec": spec}


def _object_name(what: str, ingress_class: str, settings: UpstreamSettings = ()) -> str:
    name = f"{names.KEEPER}-{what}-{_short(ingress_class)}"
    return f"{name}-{sha256(repr(settings).encode()).hexdigest()[:16]}" if settings else name


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


def moving(seen: Iterable[Ingress], wanted: Iterable[Json]) -> set[str]:
    """The names of keepers between which a path goes: the settings of its backend are others now."""
    there = {(host, path): each.name for each in seen for host, path, _ in _leads(each)}
    found: set[str] = set()
    for each in wanted:
        name = each["metadata"]["name"]
        for host, path, _ in _wanted_leads(each):
            before = there.get((host, path), name)
            found |= {before, name} if before != name else set()
    return found


def _leads(seen: Ingress) -> set[tuple[str, str, Backend | None]]:
    return {(path.id.host, path.id.path, path.backend) for path in seen.paths}


def _wanted_leads(wanted: Json, beginning: str = "") -> set[tuple[str, str, Backend | None]]:
    """Where the paths with this beginning should lead."""
    (rule,) = wanted["spec"]["rules"]
    paths = (each for each in rule["http"]["paths"] if each["path"].startswith(beginning))
    return {(rule["host"], each["path"], backend_of(each["backend"])) for each in paths}
