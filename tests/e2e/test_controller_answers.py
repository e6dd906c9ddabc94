"""What a controller answers by itself is not the app: Ingresses as people write them sleep, and wake at the same address.

Regular expressions that rewrite, TLS alone, forced redirects, request limits, the PROXY protocol. In each case the app falls
asleep the first time that it is idle: routes that swing to and fro would be reloads, and waker in the way.
"""

import time
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.controller_flags import with_middlewares, with_proxy_protocol
from tests.e2e.scene import Scene
from tests.e2e.written_ingress import BY_LAG, IDLE_AFTER, Written, opened, sleeps_once_and_wakes
from waker import names

PROVED = "was proved by a newer path of waker's own"

pytestmark = needs_bed("asks a controller's pod at its own address, and changes how it listens")


REWRITE = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/use-regex: "true"
    nginx.ingress.kubernetes.io/rewrite-target: /$$2
spec:
  ingressClassName: nginx
  rules:
  - host: $host
    http:
      paths:
      - path: /something(/|$$)(.*)
        pathType: ImplementationSpecific
        backend: {service: {name: shop, port: {number: 80}}}
""",
    visited="/something/new?a=1",
    arrives="/new?a=1",
    path="/something(/|$)(.*)",
    shown=PROVED,
)
EXPRESSION_IN_TRAEFIK = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    traefik.ingress.kubernetes.io/router.pathmatcher: PathRegexp
spec:
  ingressClassName: traefik
  rules:
  - host: $host
    http:
      paths:
      - path: /item/[0-9]+
        pathType: ImplementationSpecific
        backend: {service: {name: shop, port: {name: http}}}
""",
    visited="/item/17",
    arrives="/item/17",
    path="/item/[0-9]+",
    shown=PROVED,
)
FORCED = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
spec:
  ingressClassName: nginx
  tls: [{hosts: [$host], secretName: shop-tls}]
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    over_tls=True,
)
FORCED_AND_REWRITTEN = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
    nginx.ingress.kubernetes.io/use-regex: "true"
    nginx.ingress.kubernetes.io/rewrite-target: /$$1
spec:
  ingressClassName: nginx
  tls: [{hosts: [$host], secretName: shop-tls}]
  rules:
  - host: $host
    http:
      paths:
      - {path: /app/?(.*), pathType: ImplementationSpecific, backend: {service: {name: shop, port: {name: http}}}}
""",
    visited="/app/cart",
    arrives="/cart",
    path="/app/?(.*)",
    over_tls=True,
    shown=PROVED,
)
WEBSECURE = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    traefik.ingress.kubernetes.io/router.entrypoints: websecure
    traefik.ingress.kubernetes.io/router.tls: "true"
spec:
  ingressClassName: traefik
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    over_tls=True,
)
NO_PLAIN_HTTP = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    kubernetes.io/ingress.allow-http: "false"
spec:
  ingressClassName: contour
  tls: [{hosts: [$host], secretName: shop-tls}]
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    over_tls=True,
)
LIMITED = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/limit-rps: "1"
    nginx.ingress.kubernetes.io/limit-burst-multiplier: "1"
spec:
  ingressClassName: nginx
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    every=2,
)
LIMITED_BY_MIDDLEWARE = Written(
    """
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: limit}
spec: {rateLimit: {average: 1, period: 2s, burst: 1}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    traefik.ingress.kubernetes.io/router.middlewares: $namespace-limit@kubernetescrd
spec:
  ingressClassName: traefik
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    every=3,
)
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


PLAIN = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: CLASS
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
"""


@pytest.mark.parametrize("controller", ["nginx", "traefik", "contour"], indirect=True)
def test_listeners_with_the_proxy_protocol(scene: Scene, tmp_path: Path) -> None:
    """ingress-nginx and Envoy answer nobody who does not speak it; Traefik takes both."""
    kind = scene.controller.ingress_class
    written = Written(PLAIN.replace("CLASS", kind), shown="" if kind == "traefik" else BY_LAG)
    with with_proxy_protocol(scene):
        visitor = opened(scene, written, tmp_path, "--haproxy-protocol")
        sleeps_once_and_wakes(scene, visitor)


@pytest.mark.parametrize("controller", ["nginx", "traefik"], indirect=True)
def test_an_app_that_cannot_be_proved_asleep_is_reported_and_left_alone(scene: Scene, tmp_path: Path) -> None:
    """Somebody else's route takes the very request that shows where its own leads."""
    kind = scene.controller.ingress_class
    written = Written(PLAIN.replace("CLASS", kind), visited="/cart", arrives="/cart")
    visitor = opened(scene, written, tmp_path)
    landing = StageApp(scene.namespace, "landing", kind, annotations={names.ENABLED: "false"}, ingresses=("landing",))
    scene.create(*apps.objects(landing))
    exact = PLAIN.replace("CLASS", kind).replace("Prefix", "Exact").replace("shop", "landing")
    visitor.apply(exact)
    until("the landing page is there", lambda: "landing" in visitor.ask("/"), 30)

    visitor.becomes_idle()
    until("it is reported", lambda: any("turning back, 2 times in a row" in each for each in scene.events("shop")), 150)
    (told,) = (each for each in scene.events("shop") if "turning back, 2 times" in each)
    assert told.startswith("Warning CannotSleep: an ingress controller pod has not followed within 30s: pod ")
    assert f"{visitor.host}/ answered by somebody else than waker (HTTP 200)" in told
    scene.awake(visitor.app)
    time.sleep(3 * IDLE_AFTER)
    found = visitor.explained()
    assert (found["phase"], found["code"]) == ("Awake", "SleepPutOff")
    assert [each["kind"] for each in found["against"]] == ["turned-back"]
    assert "shop" in visitor.ask("/cart")
