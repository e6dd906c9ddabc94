"""Attack: a path that the controller and waker read differently.

The law: whose app answers when all are awake, its page a browser sees when all sleep. Controllers rewrite and normalise paths,
and read `Prefix`, `ImplementationSpecific` and regular expressions each in its own way; waker must not have an opinion.
Traefik and Contour rewrite by objects of their own only (Middleware, HTTPProxy), not by an annotation of an Ingress.
"""

import time
from dataclasses import dataclass

import pytest

from tests.e2e import controllers, intruder
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.intruder import NOBODY, ask, send, whose
from tests.e2e.scene import Scene, every_controller

INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: $app, annotations: {$annotations}}
spec:
  ingressClassName: $class
  rules:
  - host: $host
    http:
      paths:
      - {path: '$path', pathType: $type, backend: {service: {name: $app, port: {name: http}}}}
"""
NGINX = "nginx.ingress.kubernetes.io"
ALLOW = f"{NGINX}/whitelist-source-range: 192.0.2.0/24"
REGEX = f'{NGINX}/use-regex: "true"'
STRIP = f"{REGEX}, {NGINX}/rewrite-target: /$2"
MATCHER = "traefik.ingress.kubernetes.io/router.pathmatcher: PathRegexp"
SPECIFIC = "ImplementationSpecific"

pytestmark = needs_bed("uses an image that says who it is whatever the path")


@dataclass(frozen=True, slots=True)
class OneHost:
    """Two apps of one host, each with its own Ingress; `alpha` has the annotations `guard`, both have `annotations`."""

    alpha: str
    beta: str
    type: str = "Prefix"
    annotations: str = ""
    guard: str = ""
    paths: tuple[str, ...] = ()  # worth trying here, beside TRICKS


TRICKS = (
    "/", "//", "/nothing", "/%2e%2e/", "/..%2f..%2f", "/a%0Ab", "/a%0D%0AHost:x", "/a%00b", "/a;b=c/..;/d", "/a\\b",
    "/%61dmin", "/ADMIN", "//admin", "/./admin", "/admin", "/admin/", "/admin//x", "/adminx", "/admin%2fx", "/admin%0A",
    "/admin/..%2fpublic", "/public/..%2fadmin", "/public/../admin", "/public/%2e%2e/admin", "/public/..;/admin",
    "/public/%252e%252e/admin", "/public%2f..%2fadmin", "/public", "/public/x?y=/admin", "/x/..//admin", "/public/%0A",
)  # fmt: skip
TWO_AREAS = OneHost("/admin", "/public", guard=ALLOW)
PREFIX_AS_TEXT = OneHost("/app", "/", SPECIFIC, paths=("/app", "/apple", "/app/x", "/ap", "/App", "/app%2fx", "/x/app"))
ITEMS = ("/item/1", "/item/12/x", "/item/x", "/item/", "/item", "/ITEM/1", "/x/item/1", "/item%2f1", "/item/1%0A")
CASES = [
    *(pytest.param(each, TWO_AREAS, id=f"{each}-two-areas") for each in controllers.ALL),
    *(pytest.param(each, PREFIX_AS_TEXT, id=f"{each}-prefix-as-text") for each in controllers.ALL),
    pytest.param("nginx", OneHost("/item/[0-9]+", "/", SPECIFIC, REGEX, paths=ITEMS), id="nginx-expression"),
    pytest.param("contour", OneHost("/item/[0-9]+", "/", SPECIFIC, paths=ITEMS), id="contour-expression"),
    pytest.param("traefik", OneHost("/item/[0-9]+", "/", SPECIFIC, guard=MATCHER, paths=ITEMS), id="traefik-expression"),
    pytest.param(
        "nginx",
        OneHost("/admin(/|$)(.*)", "/public(/|$)(.*)", SPECIFIC, STRIP, paths=("/public/admin", "/admin/public", "/PUBLIC")),
        id="nginx-captures",
    ),
    pytest.param("nginx", OneHost("/admin(/|$)(.*)", "/()(.*)", SPECIFIC, STRIP), id="nginx-captures-and-a-rest"),
    pytest.param(
        "nginx",
        OneHost("/admin", "/public", annotations=f"{NGINX}/rewrite-target: /", paths=("/admin/x/y", "/public/admin")),
        id="nginx-rewrites-to-the-root",
    ),
    pytest.param(
        "nginx",
        OneHost("/admin", "/public", annotations=f"{NGINX}/rewrite-target: /public"),
        id="nginx-rewrites-to-a-neighbour",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("controller", "layout"), CASES, indirect=["controller"])
def test_asleep_it_is_the_app_that_it_is_awake(scene: Scene, layout: OneHost) -> None:
    host = f"{scene.namespace}.example.org"
    for name, path, guard in (("alpha", layout.alpha, layout.guard), ("beta", layout.beta, "")):
        annotations = ", ".join(filter(None, (layout.annotations, guard)))
        intruder.write(scene, INGRESS, annotations=annotations, app=name, host=host, path=path, type=layout.type)
    alpha, beta = (
        intruder.witness(scene, name, ingresses=(name,), path=path)
        for name, path in (("alpha", layout.alpha), ("beta", layout.beta))
    )
    tried = (*layout.paths, *TRICKS)

    def answers() -> dict[str, str]:
        return {path: whose(ask(scene, host, path), alpha, beta) for path in tried}

    def settled() -> dict[str, str]:
        """The same twice: a controller follows each object by itself, and nginx has old workers for a while."""
        time.sleep(scene.controller.lag)
        return until("the controller has settled", lambda: once if (once := answers()) == answers() else None, 30)

    served = {beta.name} if layout.guard == ALLOW else {alpha.name, beta.name}
    until("the controller serves them", lambda: served <= set(answers().values()), 30)
    awake = settled()
    intruder.pin_asleep(scene, alpha, beta)
    asleep = settled()

    assert {path: (asleep[path], awake[path]) for path in tried if asleep[path] != awake[path]} == {}


@pytest.mark.parametrize("path", ["/a%0Ab", "/%0A", "/a%0D%0Ab", "/a%00b"])
@every_controller
def test_an_encoded_control_character_is_no_lost_request(scene: Scene, path: str) -> None:
    """What a controller itself refuses, it refuses in both cases."""
    shop = intruder.witness(scene, "shop")
    awake = whose(send(scene, shop.host, path), shop)
    scene.sleep(shop)

    answer = send(scene, shop.host, path)

    assert (answer.header("x-app") or NOBODY) == awake, answer
