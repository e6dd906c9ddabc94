"""A waker whose informers hold thousands of apps, without an API server: what `bench.scale` measures.

The objects are made as JSON and parsed by the informers' own parsers. Every app is enabled and awake, and has a Deployment, a
Service and a route. The first 500 share one Ingress, each of the others has its own. Their controller cannot be read, so their
traffic is unknown.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp

from waker import names
from waker.cluster.client import Api
from waker.cluster.informer import Informer
from waker.metrics import Metrics
from waker.observe.replicas import ListeningReport, Slices
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.doors import DoorKey, book_of
from waker.plan.model import Address, AppId, Kind, Phase
from waker.plan.policy import read_policy
from waker.plan.routes.ingress_object import KIND, IngressRouteId
from waker.plan.routes.route import Backend, Holder, Route
from waker.service import Waker
from waker.settings.flags import Settings

Json = dict[str, Any]

OWN = "kubesleeper"  # waker's namespace
CONTROLLER = "traefik.io/ingress-controller"
SHARED = 500  # apps behind the shared Ingress
FIRST_DOOR = 20_000
BACKEND_PORT = "http"
REPLICA = Address("10.0.0.1", 9090)


class OfflineApi:
    """Takes every write, and makes what is created known to the informers. Lists are empty, watches silent."""

    restores = 0  # of etcd

    def __init__(self) -> None:
        self.crowd: Crowd | None = None

    async def get(self, _path: str, _params: Any = None, **_headers: Any) -> Json:
        return {"items": [], "metadata": {"resourceVersion": "1"}}

    async def watch(self, _path: str, _params: Mapping[str, str]) -> AsyncIterator[Json]:
        await asyncio.Event().wait()
        yield {}

    async def create(self, path: str, body: Json) -> Json:
        namespace = path.partition("/namespaces/")[2].partition("/")[0]
        made = body | {"metadata": body["metadata"] | meta(namespace, body["metadata"]["name"])}
        if self.crowd:
            self.crowd.put(made)
        return made

    async def patch(self, _path: str, _patch: Any) -> Json:
        return {}

    async def delete(self, _path: str) -> None:
        return


class Crowd:
    """The waker, and its apps."""

    def __init__(self, waker: Waker, api: OfflineApi, apps: list[AppId]) -> None:
        api.crowd = self
        self.waker = waker
        self.apps = apps
        cluster = waker.cluster
        self._informers: dict[str, Informer[Any]] = {
            "Service": cluster.services,
            "EndpointSlice": cluster.slices,
            "Ingress": cluster._route_objects[KIND],
            "Deployment": cluster.workloads[Kind.DEPLOYMENT],
            "IngressClass": cluster.classes,
        }

    def put(self, found: Json) -> None:
        """An event of the API server about this object, up to the keys in the queue."""
        informer = self._informers[found["kind"]]
        key = found["metadata"].get("namespace", ""), found["metadata"]["name"]
        informer._update(key, informer._parse_safely(found))

    def fill(self) -> None:
        """Have all informers hold everything."""
        self.put({"kind": "IngressClass", "metadata": {"name": "traefik"}, "spec": {"controller": CONTROLLER}})
        for app in self.apps:
            self.put(deployment(app))
            self.put(service(app))
        for ingress in self.ingresses().values():
            self.put(ingress)
        self.waker.config.informer.synced.set()
        self.waker.doors.informer.synced.set()
        for informer in self.waker.cluster.informers:
            informer.synced.set()
        self.waker.cluster.is_synced = True

    def shared(self) -> list[AppId]:
        """The apps behind the shared Ingress."""
        return [app for app in self.apps[:SHARED] if app.namespace == self.apps[0].namespace]

    def ingresses(self) -> dict[str, Json]:
        """Every Ingress, by namespace and name."""
        behind: dict[tuple[str, str], list[AppId]] = {}
        shared = set(self.shared())
        for app in self.apps:
            behind.setdefault((app.namespace, "shared" if app in shared else app.name), []).append(app)
        return {f"{namespace}/{name}": ingress(namespace, name, apps) for (namespace, name), apps in behind.items()}

    def publish(self) -> None:
        """Every app has been decided on once, and has a door."""
        waker, live, doors = self.waker, self.waker.config.live, {}
        shared = set(self.shared())
        for number, app in enumerate(self.apps, FIRST_DOOR):
            workload = waker.cluster.workload(app)
            if workload is None:
                raise RuntimeError(f"{app} is not known")
            id = IngressRouteId(app.namespace, "shared" if app in shared else app.name, host(app), "/", "Prefix")
            backend = Backend(app.name, BACKEND_PORT)
            route = Route(id, backend, Holder.APP, CONTROLLER)
            plan = Plan(Phase.AWAKE, Code.IN_USE, "in use", open=True)
            waker.registry.publish(app, plan, read_policy(workload.annotations, live).policy, (route,))
            doors[str(number)] = str(DoorKey(app, backend))
        waker.doors.book = book_of("7", {"secret": "0123456789abcdef" * 2, "next": str(FIRST_DOOR)} | doors)
        waker.doors.lost = False


@asynccontextmanager
async def crowd(count: int, namespaces: int) -> AsyncIterator[Crowd]:
    """A waker that holds the Lease and knows nothing yet, for so many apps in so many namespaces."""
    api = OfflineApi()
    async with aiohttp.ClientSession() as session:
        waker = Waker(Settings(namespace=OWN), cast(Api, api), session, Metrics("bench"))
        waker.lease._renewed = float("inf")
        waker.own_slices._update((OWN, "waker-1"), Slices({names.OWN_PRIVATE_PORT: (REPLICA,)}, {}))
        waker.replicas._reports[REPLICA] = ListeningReport("7")
        shared = min(count, SHARED) if count > SHARED or namespaces == 1 else 0
        places = [0] * shared + [number % namespaces for number in range(count - shared)]
        apps = [AppId(Kind.DEPLOYMENT, f"apps-{place}", f"app-{i}") for i, place in enumerate(places)]
        yield Crowd(waker, api, apps)


# --- objects ------------------------------------------------------------------------------------------------------


def meta(namespace: str, name: str, version: str = "1") -> Json:
    return {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}", "resourceVersion": version}


def host(app: AppId) -> str:
    return f"{app.name}.example.org"


def deployment(app: AppId) -> Json:
    """With the labels that Helm gives: one is the app's own, the others are the same for all."""
    labels = {
        "app.kubernetes.io/instance": app.name,
        "app.kubernetes.io/name": "web",
        "app.kubernetes.io/managed-by": "Helm",
    }
    annotated = meta(app.namespace, app.name) | {"annotations": {names.ENABLED: "true"}}
    return {
        "kind": "Deployment",
        "metadata": annotated,
        "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}}},
    }


def service(app: AppId) -> Json:
    selector = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": app.name}
    ports = [{"name": BACKEND_PORT, "port": 80, "targetPort": 8080}]
    return {
        "kind": "Service",
        "metadata": meta(app.namespace, app.name),
        "spec": {"selector": selector, "ports": ports},
    }


def ingress(namespace: str, name: str, apps: list[AppId], version: str = "1", paths: int = 1) -> Json:
    """A rule for each app, with so many paths. Another version concerns all of them: it has another annotation."""

    def entry(app: AppId, number: int) -> Json:
        backend = {"service": {"name": app.name, "port": {"name": BACKEND_PORT}}}
        return {"path": f"/{number}" if number else "/", "pathType": "Prefix", "backend": backend}

    rules = [{"host": host(app), "http": {"paths": [entry(app, number) for number in range(paths)]}} for app in apps]
    spec = {"ingressClassName": "traefik", "rules": rules}
    annotated = meta(namespace, name, version) | {"annotations": {"version": version}}
    return {"kind": "Ingress", "metadata": annotated, "spec": spec}
