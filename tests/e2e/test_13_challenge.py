"""Scenario 13: a certificate is renewed while the app sleeps. Nobody wakes it for that, and nothing of the path is touched.

cert-manager's solver answers an ACME challenge on its own path of the app's host, for as long as the challenge takes:
in an Ingress of its own, or in the user's, edited in place. Either way the path is not the app's and stays the solver's.
"""

import json

import pytest

from tests.e2e import apps, load
from tests.e2e.apps import Rule, StageApp, annotations
from tests.e2e.cluster import Json, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

CHALLENGE = "/.well-known/acme-challenge/token-1"


@pytest.mark.parametrize("controller", ["traefik", "nginx"], indirect=True)
@pytest.mark.parametrize("in_place", [pytest.param(False, id="own-ingress"), pytest.param(True, id="edited-in-place")])
def test_a_challenge_is_answered_while_the_app_sleeps(scene: Scene, in_place: bool) -> None:
    shop = scene.app("shop")
    solver = scene.app("solver", ingresses=("solver",), annotations={names.ENABLED: "false"})
    scene.sleep(shop)

    begin(scene, shop, in_place)
    until("the solver answers", lambda: answered_by(scene, shop, solver), 30)
    assert scene.history.replicas(shop.kind, shop.name) == [1, 0]
    assert saved_routes(scene, shop) == ["/"]

    scene.visit(shop)  # the way back leaves the path alone, too
    scene.awake(shop)
    assert answered_by(scene, shop, solver)
    scene.sleep(shop)  # and so does the way down
    assert answered_by(scene, shop, solver)

    end(scene, shop, in_place)
    until("the path is the app's again", lambda: challenge(scene, shop, solver).who is Who.WAKER, 30)
    assert scene.history.replicas(shop.kind, shop.name) == [1, 0, 1, 0]
    scene.visit(shop)
    scene.awake(shop)


def begin(scene: Scene, shop: StageApp, in_place: bool) -> None:
    """What the solver does: its path first, exact, to its own Service."""
    path = {"path": CHALLENGE, "pathType": "Exact", "backend": {"service": {"name": "solver", "port": {"number": 80}}}}
    if not in_place:
        own = apps.ingress(shop, "solver", [Rule(shop.host, "solver")])
        own["spec"]["rules"][0]["http"]["paths"] = [path]
        scene.create(own)
        return
    found = scene.api.get("Ingress", shop.namespace, shop.name)
    paths: list[Json] = found["spec"]["rules"][0]["http"]["paths"]
    paths.insert(0, path)
    scene.api.patch("Ingress", shop.namespace, shop.name, {"spec": found["spec"]})


def end(scene: Scene, shop: StageApp, in_place: bool) -> None:
    """The challenge is over: its path goes."""
    if not in_place:
        scene.api.call("DELETE", f"apis/networking.k8s.io/v1/namespaces/{shop.namespace}/ingresses/solver")
        return
    found = scene.api.get("Ingress", shop.namespace, shop.name)
    paths: list[Json] = found["spec"]["rules"][0]["http"]["paths"]
    found["spec"]["rules"][0]["http"]["paths"] = [each for each in paths if each["path"] != CHALLENGE]
    scene.api.patch("Ingress", shop.namespace, shop.name, {"spec": found["spec"]})


def challenge(scene: Scene, shop: StageApp, solver: StageApp) -> load.LoadAnswer:
    """What the certificate authority sees."""
    agent = ("User-Agent", "Mozilla/5.0 (compatible; Let's Encrypt validation server)")
    return load.ask_now(scene.address, load.Request("acme", shop.host, solver.name, CHALLENGE, headers=(agent,)))


def answered_by(scene: Scene, shop: StageApp, solver: StageApp) -> bool:
    return challenge(scene, shop, solver).who is Who.APP


def saved_routes(scene: Scene, shop: StageApp) -> list[str]:
    text = annotations(scene.api.get("Ingress", shop.namespace, shop.name))[names.SAVED_BACKENDS]
    return [each["path"] for each in json.loads(text)["routes"]]
