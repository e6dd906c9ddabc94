"""Ready means that somebody listens: pods without a readiness probe, and routes behind which nobody ever does."""

import time

import pytest

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene

START = 10.0  # seconds from the start of the process until it listens; more than silence is believed for


def test_without_a_readiness_probe_nobody_meets_who_does_not_listen_yet(scene: Scene) -> None:
    shop = scene.app("shop")
    scene.sleep(shop)
    template = apps.workload(shop)["spec"]["template"]
    container = template["spec"]["containers"][0]
    container["args"] = ["-listen", ":8080", "-name", "shop", "-start-delay", f"{START:.0f}s"]
    container["readinessProbe"] = None
    scene.api.patch("Deployment", shop.namespace, "shop", {"spec": {"template": template}})

    answers: list[Who] = []

    def served() -> bool:
        answers.append(scene.knock(shop).who)
        return answers[-1] is Who.APP

    until("the app answers", served, START + 20)
    assert set(answers) == {Who.WAKER, Who.APP}
    scene.awake(shop)


@pytest.mark.parametrize("twice", [False, True], ids=["first wake", "second wake"])
def test_a_dead_route_is_not_waited_for(scene: Scene, *, twice: bool) -> None:
    shop = scene.app("shop", replicas=2)
    before = add_dead_route(scene, shop)
    for _ in range(2 if twice else 1):
        scene.sleep(shop)
        scene.visit(shop)
        scene.awake(shop)
    assert scene.api.get("Ingress", shop.namespace, "shop")["spec"] == before


@pytest.mark.parametrize("out", [{"enabled": "false"}, {"enabled": None}, {"state": "awake"}], ids=str)
def test_out_of_a_wake_that_never_ends(scene: Scene, out: dict[str, str | None]) -> None:
    shop = scene.app("shop", replicas=2)
    before = scene.api.get("Ingress", shop.namespace, "shop")["spec"]
    scene.sleep(shop)
    template = apps.workload(shop)["spec"]["template"]
    template["spec"]["containers"][0]["args"] = ["-no-such-flag"]
    scene.api.patch("Deployment", shop.namespace, "shop", {"spec": {"template": template}})
    assert scene.knock(shop).who is Who.WAKER
    until("it is scaled up", lambda: replicas(scene, shop) == 2, 10)

    scene.api.annotate(shop.kind, shop.namespace, shop.name, **out)

    until("its routes are its own", lambda: spec(scene, shop) == before, 45)
    assert replicas(scene, shop) == 2


def add_dead_route(scene: Scene, app: StageApp) -> Json:
    """`/admin`, to a port of the Service that none of its pods has. The Ingress's spec afterwards."""
    found = scene.api.get("Service", app.namespace, app.name)["spec"]["ports"]
    ports = [*({key: each[key] for key in ("name", "port", "targetPort")} for each in found)]
    ports.append({"name": "admin", "port": 81, "targetPort": "admin"})
    scene.api.patch("Service", app.namespace, app.name, {"spec": {"ports": ports}})
    rules = spec(scene, app)["rules"]
    backend = {"service": {"name": app.name, "port": {"name": "admin"}}}
    rules[0]["http"]["paths"].append({"path": "/admin", "pathType": "Prefix", "backend": backend})
    scene.api.patch("Ingress", app.namespace, app.name, {"spec": {"rules": rules}})
    return spec(scene, app)


def spec(scene: Scene, app: StageApp) -> Json:
    found: Json = scene.api.get("Ingress", app.namespace, app.name)["spec"]
    return found


def replicas(scene: Scene, app: StageApp) -> int:
    return int(scene.api.get(app.kind, app.namespace, app.name)["spec"]["replicas"])


def test_only_its_own_pods_open_the_way(scene: Scene) -> None:
    """Somebody's bare pod has the labels that the Service selects, and is ready while the app still starts."""
    shop = scene.app("shop")
    scene.sleep(shop)
    template = apps.workload(shop)["spec"]["template"]
    container = template["spec"]["containers"][0]
    container["args"] = ["-listen", ":8080", "-name", "stranger"]
    stranger = {"namespace": shop.namespace, "name": "stranger", "labels": template["metadata"]["labels"]}
    scene.create({"apiVersion": "v1", "kind": "Pod", "metadata": stranger, "spec": template["spec"]})
    until("the stranger is behind the Service", lambda: apps.listed_ready(scene.api, shop), 30)
    slow = ["-listen", ":8080", "-name", "shop", "-start-delay", f"{START:.0f}s"]
    template = apps.workload(shop)["spec"]["template"]
    template["spec"]["containers"][0]["args"] = slow
    scene.api.patch("Deployment", shop.namespace, "shop", {"spec": {"template": template}})

    end = time.monotonic() + START * 0.8
    while time.monotonic() < end:
        assert scene.knock(shop).who is Who.WAKER

    told = [line for line in scene.events("shop") if "OthersAnswer" in line]
    assert told, scene.events("shop")
    kubectl("delete", "pod", "stranger", "-n", shop.namespace, "--wait=false")
    scene.awake(shop, within=60)
