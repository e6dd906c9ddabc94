"""An Ingress as an object: its path entries, and what waker remembers of them.

Each path entry of spec.rules[].http.paths[] has an id of its own, and so has spec.defaultBackend. What its routes are, and
how they are moved, stands in `ingress`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, NamedTuple

from waker import names
from waker.plan.notes import Unreadable
from waker.plan.routes import originals
from waker.plan.routes.route import Backend, Json, ObjectId, Original, Originals
from waker.plan.times import parse_time

KIND = "Ingress"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OLD_CLASS = "kubernetes.io/ingress.class"
DROPPED = frozenset({LAST_APPLIED, names.SAVED_BACKENDS})  # of these annotations only that they are there is kept


class IngressRouteId(NamedTuple):
    """One path entry. The default backend has no host, no path and path_type ""."""

    namespace: str
    ingress: str
    host: str
    path: str
    path_type: str

    @property
    def object(self) -> ObjectId:
        """The Ingress."""
        return ObjectId(KIND, self.namespace, self.ingress)

    def __str__(self) -> str:
        where = f"{self.host or '*'}{self.path or '/'}" if self.path_type else "default backend"
        return f"{self.ingress}: {where}"


class IngressPath(NamedTuple):
    """A path entry as it stands. `pointer` is the JSON pointer of its backend; backend None: it is not a Service."""

    id: IngressRouteId
    pointer: str
    backend: Backend | None


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress. The texts of kubectl's and waker's own annotations are dropped, but not that they are there."""

    namespace: str
    name: str
    uid: str
    version: str
    class_name: str  # spec.ingressClassName, the old annotation, or "" for the default class
    annotations: Mapping[str, str]
    paths: tuple[IngressPath, ...]
    saved: Originals | Unreadable
    managed: bool = False  # made by KubeSleeper
    made_at: int = 0  # in seconds of the epoch; some controllers go by age

    @property
    def id(self) -> ObjectId:
        """Which object."""
        return ObjectId(KIND, self.namespace, self.name)


def parse(found: Json) -> Ingress:
    """An Ingress of networking.k8s.io/v1."""
    meta, spec = found["metadata"], found.get("spec", {})
    given = meta.get("annotations") or {}
    return Ingress(
        intern(meta["namespace"]),
        meta["name"],
        meta["uid"],
        meta["resourceVersion"],
        intern(spec.get("ingressClassName") or given.get(OLD_CLASS, "")),
        {intern(key): "" if key in DROPPED else text for key, text in given.items()},
        tuple(_paths(meta["namespace"], meta["name"], spec)),
        read_saved(ObjectId(KIND, meta["namespace"], meta["name"]), given.get(names.SAVED_BACKENDS, "")),
        meta["name"].startswith(names.KEEPER) and (meta.get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER,
        _seconds(meta.get("creationTimestamp") or ""),
    )


def _seconds(text: str) -> int:
    made_at = parse_time(text)
    return int(made_at.timestamp()) if made_at else 0


def _paths(namespace: str, name: str, spec: Json) -> Iterator[IngressPath]:
    if spec.get("defaultBackend"):
        id = IngressRouteId(namespace, name, "", "", "")
        yield IngressPath(id, "/spec/defaultBackend", originals.backend_of(spec["defaultBackend"]))
    for i, rule in enumerate(spec.get("rules") or []):
        for j, path in enumerate((rule.get("http") or {}).get("paths") or []):
            path_type = intern(path.get("pathType") or "ImplementationSpecific")
            id = IngressRouteId(namespace, name, rule.get("host", ""), path.get("path", ""), path_type)
            pointer = f"/spec/rules/{i}/http/paths/{j}/backend"
            yield IngressPath(id, pointer, originals.backend_of(path["backend"]))


def read_saved(holder: ObjectId, text: str) -> Originals | Unreadable:
    """What waker remembers of the Ingress's routes."""

    def id_of(entry: Mapping[str, Any]) -> IngressRouteId:
        where = [entry.get(key, "") for key in ("host", "path", "pathType")]
        if not all(isinstance(each, str) for each in where):
            raise ValueError("an entry has no place")
        return IngressRouteId(holder.namespace, holder.name, *where)

    try:
        return originals.read(text, holder, id_of)
    except originals.OriginalsError as error:
        return Unreadable(str(error))


def write_saved(saved: Iterable[Original]) -> str:
    """The inverse of `read_saved`."""

    def key_of(id: IngressRouteId) -> dict[str, str]:
        host = {"host": id.host} if id.host else {}
        return host | ({"path": id.path, "pathType": id.path_type} if id.path_type else {})

    return originals.write(saved, key_of)
