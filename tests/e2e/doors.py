"""The doors as the cluster's objects tell of them: the ConfigMap, waker's Services and slices, and where routes lead."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE
from tests.e2e.scene import Scene
from waker import names

SLICES: Final = f"kubernetes.io/service-name%3D{names.WAKER_SERVICE}"


def data(api: ClusterApi) -> dict[str, str]:
    """The ConfigMap's data; nothing if there is none."""
    return dict((api.find("ConfigMap", NAMESPACE, names.DOORS_MAP) or {}).get("data") or {})


def book(api: ClusterApi, namespace: str = "") -> dict[int, str]:
    """`Deployment NAMESPACE/NAME SERVICE:PORT` by number; of one namespace, or of all."""
    found = {int(key): text for key, text in data(api).items() if key.isdigit()}
    return {
        number: text for number, text in found.items() if not namespace or text.split()[1].startswith(f"{namespace}/")
    }


def number(api: ClusterApi, app: StageApp) -> int:
    """The door of an app with one backend, 0 if it has none."""
    whose = f"{app.kind} {app.namespace}/{app.name} {app.name}:http"
    return next((each for each, text in book(api).items() if text == whose), 0)


def listed(api: ClusterApi, namespace: str) -> dict[int, set[str]]:
    """The addresses that slices list at each door."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for piece in api.list("EndpointSlice", namespace, SLICES):
        for port in piece.get("ports") or []:
            found[port["port"]] |= hosts(piece)
    return dict(found)


def hosts(piece: Json) -> set[str]:
    return {address for each in piece.get("endpoints") or [] for address in each["addresses"]}


def routed(api: ClusterApi, app: StageApp) -> list[int]:
    """The port of waker's Service to which each route of the app leads; 0 for one that leads to the app."""
    paths = [path for rule in ingress(api, app)["spec"]["rules"] for path in rule["http"]["paths"]]
    backends = [each["backend"]["service"] for each in paths]
    return [each["port"].get("number", 0) if each["name"] == names.WAKER_SERVICE else 0 for each in backends]


def ingress(api: ClusterApi, app: StageApp) -> Json:
    return api.get("Ingress", app.namespace, app.routed_by[0])


def fakes(scene: Scene, count: int) -> list[StageApp]:
    """Apps whose pods have no process, created as fast as the API server takes them."""
    some = [StageApp(scene.namespace, f"fake-{i:03}", scene.controller.ingress_class, fake=True) for i in range(count)]
    for each in some:
        scene.create(*apps.objects(each))
    return some


@contextmanager
def replicas(scene: Scene, count: int) -> Iterator[None]:
    """That many wakers, and one again afterwards."""
    scale(scene, count)
    try:
        yield
    finally:
        scale(scene, 1)


def scale(scene: Scene, count: int) -> None:
    scene.api.patch("Deployment", NAMESPACE, DEPLOYMENT, {"spec": {"replicas": count}})
    kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}")
    until("as many pods as wanted", scene.waker.ready, 60)
