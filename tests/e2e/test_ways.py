"""All ways to an app's pods are found: by what Kubernetes puts on pods, by what people do, and if they are moved meanwhile."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e import apps, load
from tests.e2e.apps import Rule, StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.load import Who
from tests.e2e.scene import SETTLED, Scene, every_controller
from tests.e2e.stream import Stream
from waker import names

IDLE = 4.0  # seconds
QUICK = {names.IDLE_AFTER: f"{IDLE:g}s"}
TEMPLATE_HASH = "pod-template-hash"
POD_NAME = "statefulset.kubernetes.io/pod-name"


def selecting(app: StageApp, name: str, selector: Mapping[str, str]) -> Json:
    """Another Service for the app's port."""
    found = apps.service(app)
    return found | {
        "metadata": {"namespace": app.namespace, "name": name},
        "spec": found["spec"] | {"selector": dict(selector)},
    }


def way_in(scene: Scene, app: StageApp, service: Json, name: str = "way") -> str:
    """This Service with an Ingress of its own. The host."""
    host = f"{name}.{app.namespace}.example.org"
    scene.create(service, apps.ingress(app, name, [Rule(host, service["metadata"]["name"])]))
    return host


def answers(scene: Scene, app: StageApp, host: str) -> None:
    """Several times in a row: after a reload of nginx old and new workers answer side by side for a while."""

    def each_time() -> bool:
        for _ in range(10):
            if scene.knock(app, host).who is not Who.APP:
                return False
            time.sleep(0.2)
        return True

    until(f"{host} answers", each_time, SETTLED)


# --- what Kubernetes puts on pods -------------------------------------------------------------------------------------


def first_pod(scene: Scene) -> tuple[StageApp, Json]:
    """One pod of a StatefulSet, the only one with a way in from outside."""
    app = scene.app("shop", kind="StatefulSet", replicas=2, ingresses=("way",), annotations=QUICK)
    return app, selecting(app, "shop-first", {POD_NAME: "shop-0"})


def by_index(scene: Scene) -> tuple[StageApp, Json]:
    app = scene.app("shop", kind="StatefulSet", replicas=2, ingresses=("way",), annotations=QUICK)
    return app, selecting(app, "shop-first", {"apps.kubernetes.io/pod-index": "0", "app": "shop"})


def one_version(scene: Scene) -> tuple[StageApp, Json]:
    """One version of a Deployment, as blue/green tools select it."""
    app = scene.app("shop", ingresses=("way",), annotations=QUICK)
    (pod,) = until("its pod", lambda: scene.api.list("Pod", app.namespace, "app%3Dshop"))
    return app, selecting(app, "shop-v1", {TEMPLATE_HASH: pod["metadata"]["labels"][TEMPLATE_HASH]})


@every_controller
@pytest.mark.parametrize("made", [first_pod, by_index, one_version], ids=["pod-name", "pod-index", "template-hash"])
def test_pods_by_labels_of_kubernetes(scene: Scene, made: Any) -> None:
    """It stays awake while it is visited there, sleeps when nobody comes, and wakes there."""
    app, service = made(scene)
    host = way_in(scene, app, service)
    answers(scene, app, host)

    with Stream(scene.address, [load.curl(host, "shop")], every=IDLE / 4) as visitors:
        time.sleep(3 * IDLE)  # the claim is about time that passes

    assert all(answer.who is Who.APP for answer in visitors.answers), visitors.timeline()
    assert scene.history.replicas(app.kind, "shop") == [app.replicas]
    until("it is asleep", lambda: not replicas(scene, app), SETTLED)
    assert led_to(scene, app, "way") == names.WAKER_SERVICE
    page = scene.knock(app, host)
    assert page.who in (Who.WAKER, Who.APP), page  # pods of before may still be leaving, or the new one is quick
    scene.visit(app, host)
    until("its way is its own", lambda: led_to(scene, app, "way") == service["metadata"]["name"], SETTLED)
    assert replicas(scene, app) == app.replicas


# --- what people put on pods, and beside them -------------------------------------------------------------------------


def test_pods_that_a_person_has_labelled(scene: Scene) -> None:
    """As a tool that elects a primary does. It stays awake until nobody leads there any more."""
    app = scene.app("shop", replicas=2, annotations=QUICK)
    host = way_in(scene, app, selecting(app, "shop-primary", {"app": "shop", "role": "primary"}), "primary")
    pods = scene.api.list("Pod", app.namespace, "app%3Dshop")
    kubectl("label", "pod", "-n", app.namespace, pods[0]["metadata"]["name"], "role=primary")
    answers(scene, app, host)

    why = "Service shop-primary selects its pods by labels that are not in its pod template"
    refused(scene, app, why)
    assert scene.knock(app, host).who is Who.APP
    scene.api.call("DELETE", f"apis/networking.k8s.io/v1/namespaces/{app.namespace}/ingresses/primary")
    scene.sleep(app)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "another namespace"])
def test_an_external_name_for_its_service(scene: Scene, *, elsewhere: bool) -> None:
    app = scene.app("shop", annotations=QUICK)
    namespace = f"{scene.namespace}-2" if elsewhere else scene.namespace
    if elsewhere:
        scene.api.create_namespace(namespace)
    try:
        alias(scene, app, namespace, f"shop.{scene.namespace}.svc.cluster.local")
        refused(scene, app, f"Service {namespace}/alias is an ExternalName for Service shop")
        scene.api.call("DELETE", f"api/v1/namespaces/{namespace}/services/alias")
        scene.asleep(app)
        alias(scene, app, namespace, f"shop.{scene.namespace}.svc.cluster.local", ingress=False)
        if elsewhere:
            scene.visit(app)  # another tenant wakes nobody
        scene.awake(app)
    finally:
        if elsewhere:
            scene.api.delete_namespace(namespace)


@needs_bed("has no DNS, so that only there a controller takes an address for a name")
@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_visitors_through_an_external_name_are_served(scene: Scene) -> None:
    app = scene.app("shop", annotations=QUICK)
    address = scene.api.get("Service", app.namespace, "shop")["spec"]["clusterIP"]
    host = alias(scene, app, app.namespace, address)
    answers(scene, app, host)

    with Stream(scene.address, [load.curl(host, "shop")], every=IDLE / 4) as visitors:
        time.sleep(3 * IDLE)  # the claim is about time that passes

    assert all(answer.who is Who.APP for answer in visitors.answers), visitors.timeline()
    refused(scene, app, "is an ExternalName for Service shop")


@needs_bed("has no DNS, so that only there a controller asks an address")
@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_who_is_asked_for_a_login_stays_awake(scene: Scene) -> None:
    """While it slept, nobody would be let in where it is asked."""
    login = scene.app("login", annotations=QUICK)
    shop = scene.app("shop")
    address = scene.api.get("Service", login.namespace, "login")["spec"]["clusterIP"]
    asked = {"nginx.ingress.kubernetes.io/auth-url": f"http://{address}/verify"}
    scene.api.patch("Ingress", shop.namespace, "shop", {"metadata": {"annotations": asked}})
    refused(scene, login, "an annotation of Ingress")
    time.sleep(2 * IDLE)
    assert scene.knock(shop).who is Who.APP
    scene.sleep(shop)
    scene.visit(shop)
    scene.awake(shop)


def alias(scene: Scene, app: StageApp, namespace: str, name: str, *, ingress: bool = True) -> str:
    """An ExternalName Service, and an Ingress that leads to it. The host."""
    port = {"name": "http", "port": 80, "targetPort": 80}
    spec = {"type": "ExternalName", "externalName": name, "ports": [port]}
    scene.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": "alias"}, "spec": spec}
    )
    host = f"alias.{scene.namespace}.example.org"
    if ingress:
        found = apps.ingress(app, "alias", [Rule(host, "alias")])
        scene.create(found | {"metadata": {"namespace": namespace, "name": "alias"}})
    return host


def test_two_workloads_behind_one_service(scene: Scene) -> None:
    """Blue and green of one Service, both with pods: only both could sleep."""
    blue, green = two_versions(scene)
    service = selecting(blue, "web", {"web": "both"})
    host = way_in(scene, blue, service)
    answers_of(scene, host, {"blue", "green"})
    for app, other in ((blue, green), (green, blue)):
        refused(scene, app, f"Service web also selects the pods of Deployment {other.name}")
    scene.api.patch("Deployment", scene.namespace, "green", {"spec": {"replicas": 0}})
    until("blue sleeps", lambda: not replicas(scene, blue), SETTLED)


@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_a_canary_by_weight(scene: Scene) -> None:
    """The canary is refused. What it is a canary of sleeps and wakes, and loses no more to it than its user wants."""
    shop = scene.app("shop")
    canary = scene.app("canary", ingresses=("canary",), annotations=QUICK)
    found = apps.ingress(canary, "canary", [Rule(shop.host, "canary")])
    found["metadata"]["annotations"] = {
        "nginx.ingress.kubernetes.io/canary": "true",
        "nginx.ingress.kubernetes.io/canary-weight": "30",
    }
    scene.create(found)
    answers_of(scene, shop.host, {"shop", "canary"})
    refused(scene, canary, "a canary shares its paths with another Ingress")

    scene.sleep(shop)
    pages = [scene.knock(canary, shop.host).who for _ in range(20)]
    assert set(pages) <= {Who.APP, Who.WAKER}, pages
    scene.awake(shop)
    answers_of(scene, shop.host, {"shop", "canary"})
    assert replicas(scene, canary) == 1


# --- moved while asleep -----------------------------------------------------------------------------------------------


@every_controller
def test_a_service_that_is_given_to_other_pods(scene: Scene) -> None:
    """Blue sleeps, and its Service is pointed at green: the next visitor is green's, and blue is left alone."""
    blue, green = two_versions(scene, green={names.ENABLED: "false"})
    service = selecting(blue, "web", {"app": "blue"})
    host = way_in(scene, blue, service)
    answers_of(scene, host, {"blue"})
    until("blue sleeps", lambda: not replicas(scene, blue), SETTLED)

    scene.api.patch("Service", scene.namespace, "web", {"spec": {"selector": {"app": "green"}}})

    until("green answers", lambda: green_answers(scene, green, host), SETTLED)
    assert led_to(scene, blue, "way") == "web"
    assert replicas(scene, green) == 1


def green_answers(scene: Scene, green: StageApp, host: str) -> bool:
    return scene.knock(green, host).who is Who.APP


@pytest.mark.parametrize("how", ["port renamed", "deleted", "deleted and made again"])
def test_a_service_that_changes_while_its_app_sleeps(scene: Scene, how: str) -> None:
    app = scene.app("shop")
    before = scene.api.get("Ingress", app.namespace, "shop")["spec"]
    scene.sleep(app)
    if how == "port renamed":
        port = {"name": "web", "port": 80, "targetPort": "http"}
        scene.api.patch("Service", app.namespace, "shop", [{"op": "replace", "path": "/spec/ports/0", "value": port}])
    else:
        scene.api.call("DELETE", f"api/v1/namespaces/{app.namespace}/services/shop")
    if how == "deleted and made again":
        scene.create(apps.service(app))

    if how == "deleted and made again":
        scene.visit(app)
    until("it has its pods", lambda: replicas(scene, app) == 1, SETTLED)
    until("its Ingress is as it was", lambda: spec(scene, app) == before, SETTLED)
    if how == "port renamed":
        scene.api.patch("Service", app.namespace, "shop", {"spec": apps.service(app)["spec"]})
    elif how == "deleted":
        scene.create(apps.service(app))
    answers(scene, app, app.host)
    scene.sleep(app)
    scene.visit(app)
    scene.awake(app)


# --- what they share --------------------------------------------------------------------------------------------------


def two_versions(scene: Scene, **more: dict[str, str]) -> tuple[StageApp, StageApp]:
    """Two Deployments without a Service of their own; both are labelled `web: both`."""
    found = []
    for name in ("blue", "green"):
        app = StageApp(
            scene.namespace,
            name,
            scene.controller.ingress_class,
            ingresses=("way",),
            annotations=QUICK | more.get(name, {}),
        )
        workload = apps.workload(app)
        workload["spec"]["template"]["metadata"]["labels"]["web"] = "both"
        scene.create(workload)
        found.append(app)
    return found[0], found[1]


def answers_of(scene: Scene, host: str, wanted: set[str]) -> None:
    """Each of these answers there, once at least."""
    seen: set[str] = set()

    def asked() -> bool:
        body = load.ask_now(scene.address, load.browser(host, "")).body
        seen.update(name for name in wanted if f"<h1 id=app>{name}</h1>" in body)
        return wanted <= seen

    until(f"{host} is answered by {sorted(wanted)}", asked, SETTLED)


def refused(scene: Scene, app: StageApp, why: str) -> None:
    """It has pods when it could be asleep, its Event says why, and so does `waker explain`."""
    reasons = ("CannotSleep", "TrafficUnknown")  # the second where another tenant has made the way
    told = lambda line: why in line and any(each in line for each in reasons)  # noqa: E731
    until("an Event", lambda: any(map(told, scene.events(app.name))), SETTLED)
    assert replicas(scene, app)
    assert why in scene.waker.do("explain", app.name, "-n", app.namespace)


def led_to(scene: Scene, app: StageApp, ingress: str) -> str:
    """Where its only path leads."""
    (found,) = apps.backends(scene.api.get("Ingress", app.namespace, ingress)).values()
    return found


def spec(scene: Scene, app: StageApp) -> Json:
    found: Json = scene.api.get("Ingress", app.namespace, app.name)["spec"]
    return found


def replicas(scene: Scene, app: StageApp) -> int:
    return int(scene.api.get(app.kind, app.namespace, app.name)["spec"]["replicas"])
