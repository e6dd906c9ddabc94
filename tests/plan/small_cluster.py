"""A cluster and a waker small enough to be stopped between any two steps: no IO, and time only moves when told.

`SmallCluster` holds Kubernetes objects as JSON and takes the patches that a real one would take, guarded by
resourceVersion; its ingress controller follows late and its pods become ready late. `SmallWaker` makes snapshots of it with
the real manifests and discovery, lets the real `decide` think, and carries plans out with the real patches. What it
remembers besides dies with it.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.plan.building import NOW
from waker import names
from waker.cluster import manifests
from waker.demo.patches import json_patch, merge
from waker.demo.refusals import ApiRefusal
from waker.observe.app import RuntimeFacts, snapshot
from waker.observe.observed_app import ObservedApp
from waker.plan import workload_patches
from waker.plan.actions import Action, Plan, Redirect, Restore
from waker.plan.decide import decide
from waker.plan.model import AppId, IngressClass, Kind, Phase
from waker.plan.policy import read_policy
from waker.plan.routes.discovery import Discovery, NamespaceObjects, discover
from waker.plan.routes.ingress_object import Ingress, parse
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, Holder, ObjectId
from waker.plan.sleep_due import arrivals_answered_until
from waker.plan.snapshot import Fact, Snapshot, Traffic
from waker.settings.configmap import Live

Json = dict[str, Any]

LAG = timedelta(seconds=2)  # of the ingress controller
START = timedelta(seconds=4)  # of a pod; longer than the lag, or the lag would hide a route that comes too early
LIVE = Live(idle_after=timedelta(minutes=1))
CLASSES = (IngressClass("traefik", "traefik.io/ingress-controller", True),)


def door(app: AppId, backend: Backend) -> int:
    """The door of an app: a number from its name."""
    return 20_000 + sum(app.name.encode())


def waker_backend(name: str) -> Json:
    """The backend of a route that leads to an app's door."""
    number = door(AppId(Kind.DEPLOYMENT, "demo", name), Backend(name, "http"))
    return {"service": {"name": names.WAKER_SERVICE, "port": {"number": number}}}


class Killed(Exception):
    """The process ends here."""


def deployment(name: str, replicas: int) -> Json:
    """A workload as its user wrote it."""
    meta = {"name": name, "namespace": "demo", "uid": name, "annotations": {names.ENABLED: "true", "team": "shop"}}
    return {"metadata": meta, "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": name}}}}}


def service(name: str) -> Json:
    """A Service of the workload of that name."""
    return {
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]},
    }


def ingress(name: str, **paths: str) -> Json:
    """An Ingress with a path a Service: `ingress("front", shop="/", api="/api")`."""
    entries = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": each, "port": {"name": "http"}}}}
        for each, path in paths.items()
    ]
    spec = {"rules": [{"host": f"{name}.example.org", "http": {"paths": entries}}]}
    return {"metadata": {"name": name, "namespace": "demo", "uid": name}, "spec": spec}


def paths_of(found: Json) -> list[Json]:
    """The path entries of an Ingress."""
    return [path for rule in found["spec"]["rules"] for path in rule["http"]["paths"]]


class SmallCluster:
    """Objects by kind and name, and what runs because of them."""

    def __init__(self, *, deployments: list[Json], services: list[Json], ingresses: list[Json]) -> None:
        self.now = NOW
        self.dead: frozenset[str] = frozenset()  # Ingresses behind whose routes no pod ever gets ready
        self.follows = True  # False: its ingress controller takes no change
        self._version = 0
        self._kinds = {"Deployment": deployments, "Service": services, "Ingress": ingresses}
        self.objects: dict[tuple[str, str], Json] = {}
        for kind, each in ((kind, each) for kind, all in self._kinds.items() for each in all):
            self._put(kind, deepcopy(each))
        self.written = deepcopy(self.objects)  # what users wrote, and nobody else
        self._scaled_at: dict[str, datetime] = {}
        self._history: dict[str, list[tuple[datetime, Json]]] = {}
        for each in ingresses:
            self._remember(each["metadata"]["name"])
        self.now += timedelta(minutes=10)

    def all(self, kind: str) -> list[Json]:
        """All objects of a kind."""
        return [each for (of, _), each in self.objects.items() if of == kind]

    def patch(self, kind: str, name: str, patch: Any) -> None:
        """As the API server takes it. Raises Refused if somebody was faster."""
        old = self.objects[kind, name]
        if isinstance(patch, list):
            self._replace(kind, name, json_patch(old, patch))
            return
        version = patch.get("metadata", {}).get("resourceVersion")
        if version is not None and version != old["metadata"]["resourceVersion"]:
            raise ApiRefusal(409, "Conflict", "somebody was faster")
        self._replace(kind, name, merge(old, patch))

    def edit(self, kind: str, name: str, change: Callable[[Json], None]) -> None:
        """A user's write: it goes into what users wrote as well."""
        change(self.written[kind, name])
        edited = deepcopy(self.objects[kind, name])
        change(edited)
        self._replace(kind, name, edited)

    def replicas(self, name: str) -> int:
        """Of a workload, now."""
        return int(self.objects["Deployment", name]["spec"]["replicas"])

    def annotations(self, kind: str, name: str) -> Json:
        """Of an object, now."""
        return dict(self.objects[kind, name]["metadata"].get("annotations") or {})

    def ready(self, name: str) -> bool:
        """The workload's pods have started."""
        return self.replicas(name) > 0 and self.now >= self._scaled_at.get(name, NOW) + START

    def served(self, name: str) -> Json:
        """An Ingress as the controller knows it: late."""
        known = [each for at, each in self._history[name] if at <= self.now - LAG] if self.follows else []
        return known[-1] if known else self._history[name][0][1]

    def _replace(self, kind: str, name: str, new: Json) -> None:
        down = kind == "Deployment" and self.replicas(name) == 0
        self._put(kind, new)
        if down:
            self._scaled_at[name] = self.now
        if kind == "Ingress":
            self._remember(name)

    def _put(self, kind: str, found: Json) -> None:
        self._version += 1
        found["metadata"]["resourceVersion"] = str(self._version)
        self.objects[kind, found["metadata"]["name"]] = found

    def _remember(self, name: str) -> None:
        self._history.setdefault(name, []).append((self.now, deepcopy(self.objects["Ingress", name])))


@dataclass
class Visits:
    """What visitors did, and what ingress controllers counted of it."""

    at: dict[str, datetime] = field(default_factory=dict)
    known: bool = True
    lost: bool = False  # just now visits may have been lost


class SmallWaker:
    """One process. `tick` is called before each look and before each write, and may end it there.

    `restores`: it is no service, but `waker restore`, for which no app is enabled.
    """

    def __init__(
        self, cluster: SmallCluster, visits: Visits, tick: Callable[[], None], *, restores: bool = False
    ) -> None:
        self._cluster, self._visits, self._tick, self._restores = cluster, visits, tick, restores
        self._started = cluster.now
        self._followed: dict[str, datetime] = {}
        self._was: dict[str, Phase] = {}
        self.knocks: dict[str, datetime] = {}

    def look(self, app: str) -> Plan:
        """One pass for one app."""
        self._tick()
        seen, objects = self._snapshot(app)
        plan = decide(seen, self._cluster.now)
        for action in plan.actions:
            try:
                for kind, name, patch in self._patches(action, seen, objects):
                    self._tick()
                    self._cluster.patch(kind, name, patch)
            except ApiRefusal:
                break
        self._was[app] = plan.phase
        return plan

    def _snapshot(self, app: str) -> tuple[Snapshot, dict[ObjectId, Ingress]]:
        cluster = self._cluster
        workloads = [manifests.workload(Kind.DEPLOYMENT, each) for each in cluster.all("Deployment")]
        ingresses = [parse(each) for each in cluster.all("Ingress")]
        services = [manifests.service(each) for each in cluster.all("Service")]
        workload = next(each for each in workloads if each.id.name == app)
        found = discover(workload, NamespaceObjects(services, ingresses, CLASSES, lambda _: workloads, door))
        reading = read_policy(workload.annotations, LIVE)
        answered = arrivals_answered_until(workload, found.routes, self._was.get(app, Phase.AWAKE))
        if answered and app in self.knocks and self.knocks[app] <= answered:
            del self.knocks[app]
        objects = {each.id: each for each in ingresses}
        observed = ObservedApp(workload, reading, found, objects, LIVE)
        observed = observed.released() if self._restores else observed
        up = [route for route in found.routes if cluster.ready(app) and route.id.object.name not in cluster.dead]
        awaited = [route for route in found.routes if route.served] or found.routes
        facts = RuntimeFacts(
            self._traffic(app),
            arrived_at=self.knocks.get(app),
            leader=True,
            ready=bool(up) and all(route in up for route in awaited),
            ready_routes=frozenset(route.id for route in up),
        )
        seen = replace(
            snapshot(observed, facts), followed_since=self._followed_since(app, found), gathered=frozenset(Fact)
        )
        return seen, objects

    def _traffic(self, app: str) -> Traffic:
        if not self._visits.known:
            return Traffic(unknown="nobody answers")
        if self._visits.lost:
            return Traffic(self._cluster.now, lost=True)
        return Traffic(max(self._started, self._visits.at.get(app, self._started)))

    def _followed_since(self, app: str, found: Discovery) -> datetime | None:
        at_waker = all(route.holder is Holder.WAKER for route in found.routes)
        if at_waker and found.routes and not list(led_to(self._cluster, app)):
            return self._followed.setdefault(app, self._cluster.now)
        self._followed.pop(app, None)
        return None

    def _patches(
        self, action: Action, seen: Snapshot, objects: dict[ObjectId, Ingress]
    ) -> Iterator[tuple[str, str, Any]]:
        now = self._cluster.now
        match action:
            case Redirect(routes):
                for id in dict.fromkeys(route.id.object for route in routes):
                    mine = [route for route in routes if route.id.object == id]
                    yield id.kind, id.name, KINDS[id.kind].redirect(objects[id], mine, now)
            case Restore(routes, forget):
                for id in dict.fromkeys(each.object for each in (*(route.id for route in routes), *forget)):
                    mine = [route for route in routes if route.id.object == id]
                    gone = [each for each in forget if each.object == id]
                    yield id.kind, id.name, KINDS[id.kind].restore(objects[id], mine, gone)
            case _:
                yield "Deployment", seen.workload.id.name, workload_patches.patch(seen.workload, action, now)


def led_to(cluster: SmallCluster, app: str) -> Iterator[Json]:
    """The path entries by which the ingress controller sends visitors to the app, as far as it has followed."""
    for each in cluster.all("Ingress"):
        served = cluster.served(each["metadata"]["name"])
        yield from (path for path in paths_of(served) if path["backend"]["service"]["name"] == app)


AT_REST = (Phase.AWAKE, Phase.ASLEEP, Phase.NOT_MANAGED)
