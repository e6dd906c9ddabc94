"""Thousands of apps on the API server of the test cluster: most of them asleep, the others awake with fake pods.

One app is put to sleep as usual; the sleeping ones are copies of its objects as the API server then holds them, which lead to
the door of the first one until a waker has pointed each at its own. Nothing in here is timed.
"""

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from bench.footprint import copied_objects, create_first, renamed
from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, until
from tests.e2e.install import NAMESPACE, InstalledWaker
from waker import names

CREATORS = 8  # connections
FIRST = "apps-0", "app-0"  # namespace and name of the first app
PATIENCE = 900.0  # seconds; others may use the machine


class ManyApps(NamedTuple):
    """So many apps, in so many namespaces, of which so many are asleep."""

    total: int
    asleep: int
    namespaces: int

    def place(self, number: int) -> tuple[str, str]:
        """Namespace and name of an app; the first ones sleep."""
        return f"apps-{number % self.namespaces}", f"app-{number}"


def create(api: ClusterApi, waker: InstalledWaker, wanted: ManyApps, stop: Callable[[], None]) -> None:
    """Create all of them. `stop` takes waker away before the first copy: it would repair apps that are half created."""
    create_first(api, waker)
    asleep = copied_objects(api)
    stop()
    for number in range(1, wanted.namespaces):
        api.create_namespace(f"apps-{number}")

    def objects_of(number: int) -> Iterable[Json]:
        namespace, name = wanted.place(number)
        if number < wanted.asleep:
            return [renamed(each, namespace, name) for each in asleep]
        return apps.objects(StageApp(namespace, name, "traefik", fake=True, annotations={names.STATE: "awake"}))

    local = threading.local()

    def put(number: int) -> None:
        if not hasattr(local, "api"):
            local.api = ClusterApi(api.access)
        for each in objects_of(number):
            local.api.create(each)

    with ThreadPoolExecutor(CREATORS) as creators:
        list(creators.map(put, range(1, wanted.total)))
    until("Kubernetes has seen all Deployments", lambda: is_settled(api, wanted), PATIENCE, 2)


def deployments(api: ClusterApi) -> list[Json]:
    """Every Deployment of the apps."""
    found = api.call("GET", "apis/apps/v1/deployments")["items"]
    return [each for each in found if each["metadata"]["namespace"].startswith("apps-")]


def is_settled(api: ClusterApi, wanted: ManyApps) -> bool:
    """Every Deployment was seen by its controller, and every awake one is ready."""
    found = deployments(api)
    seen = [each for each in found if each["status"].get("observedGeneration") == each["metadata"]["generation"]]
    ready = [each for each in seen if each["status"].get("readyReplicas", 0) == each["spec"]["replicas"]]
    return len(ready) == wanted.total


def sleeping_doors(api: ClusterApi) -> dict[tuple[str, str], int]:
    """By namespace and name, the own door to which each sleeping app's Ingress leads. One that leads elsewhere is left out."""
    data = (api.find("ConfigMap", NAMESPACE, names.DOORS_MAP) or {}).get("data") or {}
    own = {text.split()[1]: int(number) for number, text in data.items() if number.isdigit()}
    found = {}
    for each in api.call("GET", "apis/networking.k8s.io/v1/ingresses")["items"]:
        place = each["metadata"]["namespace"], each["metadata"]["name"]
        if names.SAVED_BACKENDS in apps.annotations(each):
            port = each["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"].get("number")
            if own.get("/".join(place)) == port:
                found[place] = port
    return found


def describe(api: ClusterApi) -> str:
    """How many of each kind of waker's own objects there are, and the largest, as JSON in KiB: for the log."""
    lines = []
    for kind, path in (
        ("Services", "api/v1/services"),
        ("EndpointSlices", "apis/discovery.k8s.io/v1/endpointslices"),
        ("Ingresses", "apis/networking.k8s.io/v1/ingresses"),
        ("ConfigMaps", f"api/v1/namespaces/{NAMESPACE}/configmaps"),
    ):
        own = f"?labelSelector={names.MANAGED_BY}%3D{names.MANAGER}"
        sizes = [len(json.dumps(each)) / 1024 for each in api.call("GET", path + own)["items"]]
        lines.append(f"{kind}: {len(sizes)}, up to {max(sizes, default=0):.0f} KiB")
    return "; ".join(lines)
