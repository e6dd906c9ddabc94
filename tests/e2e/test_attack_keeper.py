"""Attack: the keeper's host as a way in that has none of an app's annotations.

First by whoever knows how KubeSleeper names things, then by somebody who has read the keeper itself from the API. The latter is
outside of an attacker's power: its host and paths are secrets, and who may read Ingresses of that namespace needs no tricks.
Even so nothing but the exact paths may lead anywhere.
"""

import posixpath
import re
import time
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from tests.e2e import apps, controllers, intruder
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.intruder import ask, seen, whose
from tests.e2e.load import LoadAnswer
from tests.e2e.scene import Scene, every_controller
from waker import names

ALLOW_LIST = {"nginx.ingress.kubernetes.io/whitelist-source-range": "192.0.2.0/24"}  # the other two ignore it
BEFORE = ("/", "/..;/", "/..%2f", "/%2e%2e/", "/%252e%252e/", "//", "/./", "/x/../", "/x/..%2f")
BEHIND = ("", "/", "/secret", "/..;/", "/..%2f", "/%2e%2e/", "/%252e%252e/", "//", "%2f", "%00", "%0A", ";x", "?x", ".")

pytestmark = needs_bed("uses an image that writes down what it is sent")


def guarded(scene: Scene) -> StageApp:
    """An app that has slept and is awake again, so that the keeper is there and followed; on nginx nobody is let in."""
    shop = intruder.witness(scene, "shop")
    scene.sleep(shop)
    scene.waker.do("wake", "deployment/shop", "-n", scene.namespace)
    scene.awake(shop)
    scene.api.patch("Ingress", scene.namespace, shop.name, {"metadata": {"annotations": ALLOW_LIST}})
    if scene.controller is controllers.NGINX:
        until("nobody is let in", lambda: ask(scene, shop.host).status == 403)
    time.sleep(scene.controller.lag + 3)  # for whatever waker changes last, and for nginx's old workers to end
    return shop


def guesses(shop: StageApp) -> list[str]:
    """Paths that name the app's Service and port."""
    named = [f"{shop.name}/{port}" for port in ("http", "80", "8080")] + [shop.name, f"{shop.namespace}/{shop.name}/80"]
    return [before + name + behind for name in named for before in BEFORE for behind in ("", "/", "/secret", "/..;/")]


@every_controller
def test_its_host_and_paths_cannot_be_guessed(scene: Scene) -> None:
    shop = guarded(scene)
    hosts = [f"{scene.namespace}.kubesleeper.invalid", "kubesleeper.invalid", "x.kubesleeper.invalid"]

    answers = {(host, path): ask(scene, host, path) for host in hosts for path in guesses(shop)}

    assert not leaks(answers, shop)
    assert not [each for each in seen(scene, shop) if each["headers"].get("host") in hosts]


@every_controller
@pytest.mark.parametrize("state", ["awake", "asleep"])
def test_whoever_knows_it_gets_no_further(scene: Scene, state: str) -> None:
    shop = guarded(scene)
    if state == "asleep":
        scene.sleep(shop)
    known = list(keepers(scene))
    paths = {path for _, path in known}
    hosts = {host for host, _ in known}

    answers = {(host, path): ask(scene, host, path) for host in hosts for path in further(paths)}

    assert not leaks(answers, shop)
    if state == "asleep":
        intruder.stays_asleep(scene, shop)


def keepers(scene: Scene) -> Iterator[tuple[str, str]]:
    """Host and path of everything in Ingresses of waker's own; none where the controller needs no keeper."""
    for each in scene.api.list("Ingress", scene.namespace, f"{names.MANAGED_BY}%3D{names.MANAGER}"):
        yield from apps.backends(each)


def further(paths: set[str]) -> list[str]:
    """Everything near the known paths that is none of them, however a controller normalises it."""
    near = {before + path.lstrip("/") + behind for path in paths for before in BEFORE for behind in BEHIND}
    return sorted(each for each in near if not paths & {each.partition("?")[0], normalized(each)})


def normalized(path: str) -> str:
    """As the most eager controller does it: decoded, without parameters, dot segments and double slashes.

    The last slash stays. Envoy takes `/..;/x` for `/x`.
    """
    plain = re.sub(";[^/]*", "", unquote(path.partition("?")[0]))
    end = "/" if plain.endswith("/") else ""
    return (posixpath.normpath("/" + plain.lstrip("/")) + end).replace("//", "/")


def leaks(answers: dict[tuple[str, str], LoadAnswer], shop: StageApp) -> dict[tuple[str, str], str]:
    """Where the app, or its page, was the answer."""
    return {asked: f"{answer.status} {whose(answer, shop)}" for asked, answer in answers.items() if of(answer, shop)}


def of(answer: LoadAnswer, shop: StageApp) -> bool:
    return whose(answer, shop) == shop.name
