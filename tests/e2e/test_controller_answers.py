"""What a controller answers by itself is not the app: Ingresses as people write them sleep, and wake at the same address.

Regular expressions that rewrite, TLS alone, forced redirects, request limits, the PROXY protocol. In each case the app falls
asleep the first time that it is idle: routes that swing to and fro would be reloads, and waker in the way.
"""

import time
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.as_written import (
    ANOTHER_WAY_IN,
    EXPRESSION_IN_TRAEFIK,
    FORCED,
    FORCED_AND_REWRITTEN,
    LIMITED,
    LIMITED_BY_MIDDLEWARE,
    NO_PLAIN_HTTP,
    PLAIN,
    REWRITE,
    WEBSECURE,
)
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.controller_flags import with_middlewares, with_proxy_protocol
from tests.e2e.scene import Scene
from tests.e2e.written_ingress import BY_LAG, IDLE_AFTER, IngressVisitor, Written, opened, sleeps_once_and_wakes
from waker import names

pytestmark = needs_bed("asks a controller's pod at its own address, and changes how it listens")


AS_WRITTEN = [
    pytest.param("nginx", REWRITE, id="nginx-expression-with-rewrite"),
    pytest.param("traefik", EXPRESSION_IN_TRAEFIK, id="traefik-expression"),
    pytest.param("nginx", FORCED, id="nginx-force-ssl-redirect"),
    pytest.param("nginx", FORCED_AND_REWRITTEN, id="nginx-force-ssl-redirect-with-rewrite"),
    pytest.param("traefik", WEBSECURE, id="traefik-websecure-alone"),
    pytest.param("contour", NO_PLAIN_HTTP, id="contour-allow-http-false"),
    pytest.param("nginx", LIMITED, id="nginx-limit-rps"),
]


@pytest.mark.parametrize(("controller", "written"), AS_WRITTEN, indirect=["controller"])
def test_an_ingress_as_it_is_written(scene: Scene, written: Written, tmp_path: Path) -> None:
    visitor = opened(scene, written, tmp_path)
    sleeps_once_and_wakes(scene, visitor)


def test_a_request_limit_of_traefik(scene: Scene, tmp_path: Path) -> None:
    with with_middlewares(scene):
        sleeps_once_and_wakes(scene, opened(scene, LIMITED_BY_MIDDLEWARE, tmp_path))


@pytest.mark.parametrize("controller", ["nginx", "traefik", "contour"], indirect=True)
def test_listeners_with_the_proxy_protocol(scene: Scene, tmp_path: Path) -> None:
    """ingress-nginx and Envoy answer nobody who does not speak it; Traefik takes both."""
    kind = scene.controller.ingress_class
    written = Written(PLAIN.replace("CLASS", kind), shown="" if kind == "traefik" else BY_LAG)
    with with_proxy_protocol(scene):
        visitor = opened(scene, written, tmp_path, "--haproxy-protocol")
        sleeps_once_and_wakes(scene, visitor)


def landing_page(scene: Scene) -> None:
    """An app of somebody else, which never sleeps."""
    kind, never = scene.controller.ingress_class, {names.ENABLED: "false"}
    scene.create(*apps.objects(StageApp(scene.namespace, "landing", kind, annotations=never, ingresses=("landing",))))


@pytest.mark.parametrize("controller", ["nginx", "traefik", "contour"], indirect=True)
def test_a_landing_page_at_the_very_path(scene: Scene, tmp_path: Path) -> None:
    """It answers at `/`, and the app at all the rest of the host."""
    manifest = PLAIN.replace("CLASS", scene.controller.ingress_class)
    written = Written(manifest, visited="/cart", arrives="/cart", shown="was proved by a request below it")
    visitor = opened(scene, written, tmp_path)
    landing_page(scene)
    first = (
        "{name: landing, annotations: {traefik.ingress.kubernetes.io/router.priority: '9000'}}"  # else longer rules win
    )
    visitor.apply(manifest.replace("Prefix", "Exact").replace("shop", "landing").replace("{name: landing}", first, 1))
    until("the landing page is there", lambda: "<h1 id=app>landing</h1>" in visitor.ask("/"), 30)
    sleeps_once_and_wakes(scene, visitor)


def test_an_app_with_another_way_in_is_reported_and_left_alone(scene: Scene, tmp_path: Path) -> None:
    """What an IngressRoute takes never reaches waker: the app must not sleep, and its user should know why."""
    with with_middlewares(scene):
        visitor = opened(scene, Written(PLAIN.replace("CLASS", "traefik")), tmp_path)
        visitor.apply(ANOTHER_WAY_IN)
        turns_back_twice_and_is_left_alone(scene, visitor)


@pytest.mark.parametrize("controller", ["nginx"], indirect=True)
def test_an_app_whose_route_another_ingress_takes_is_reported_and_left_alone(scene: Scene, tmp_path: Path) -> None:
    """Of two Ingresses with one host and path the older one counts."""
    landing_page(scene)
    manifest = PLAIN.replace("CLASS", "nginx")
    with_cart = manifest.replace("paths: [{path: /,", "paths: [{path: /cart, PART {path: /,")
    part = "pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}},"
    written = Written(with_cart.replace("PART", part), visited="/cart", arrives="/cart")
    host = StageApp(scene.namespace, "shop", "nginx").host
    file = tmp_path / "landing.yaml"
    file.write_text(manifest.replace("shop", "landing").replace("$host", host))
    kubectl("apply", "-n", scene.namespace, "-f", str(file))
    time.sleep(1.1)  # an Ingress's age is in seconds
    visitor = opened(scene, written, tmp_path)
    turns_back_twice_and_is_left_alone(scene, visitor)


def turns_back_twice_and_is_left_alone(scene: Scene, visitor: IngressVisitor) -> None:
    visitor.becomes_idle()
    until("it is reported", lambda: reported(scene), 150, every=1)
    told = reported(scene)
    assert told.startswith("Warning CannotSleep: an ingress controller pod has not followed within 30s: pod ")
    assert f"{visitor.host}/ answered by somebody else than waker (HTTP 200)" in told
    scene.awake(visitor.app)
    time.sleep(3 * IDLE_AFTER)
    found = visitor.explained()
    assert (found["phase"], found["code"]) == ("Awake", "SleepPutOff")
    assert [each["kind"] for each in found["against"]] == ["turned-back"]
    assert found["against"][0]["fix"] == f"waker sleep deployment/shop -n {scene.namespace}"
    assert visitor.is_served()


def reported(scene: Scene) -> str:
    return next((each for each in scene.events("shop") if "turning back, 2 times in a row" in each), "")
