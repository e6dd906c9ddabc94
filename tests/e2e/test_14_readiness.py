"""Scenario 14: a wake waits for the app's own word that it is ready, and for nothing else.

kubelet takes long to call these pods ready: it wants many successes, half a second apart. waker asks the same as often.
"""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.e2e import apps, load
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

SUCCESSES = 14  # of kubelet: 7 s; a client is held for 10 s
WARM = 4.0  # seconds


@pytest.fixture
def _left_to_kubernetes(scene: Scene) -> Iterator[None]:
    settings = scene.waker.settings
    scene.waker.settings = {**settings, "early-readiness": "false"}
    scene.waker.ensure()
    yield
    scene.waker.settings = {**settings, "early-readiness": "true"}
    scene.waker.ensure()
    scene.waker.settings = settings


def test_nobody_waits_for_kubernetes_to_look(scene: Scene) -> None:
    shop = scene.app("shop", probe={"successThreshold": SUCCESSES})
    scene.sleep(shop)
    answer = load.ask_now(scene.address, load.curl(shop.host, shop.name))
    ready = apps.listed_ready(scene.api, shop)
    assert answer.who is Who.APP, answer
    assert not ready, "it was answered by a pod that Kubernetes had not called ready yet"
    assert load.ask_now(scene.address, load.browser(shop.host, shop.name)).who is Who.APP
    routes = scene.api.get("Ingress", shop.namespace, shop.name)["metadata"]["annotations"]
    assert names.SAVED_BACKENDS in routes, "the routes wait for Kubernetes"
    scene.awake(shop)


def test_nobody_is_let_in_before_the_app_says_that_it_is_ready(scene: Scene) -> None:
    shop = scene.app("shop", ready_delay=f"{WARM:g}s")
    scene.sleep(shop)
    answer = load.ask_now(scene.address, load.curl(shop.host, shop.name))
    answered_at = datetime.now().astimezone()
    (pod,) = scene.api.list("Pod", shop.namespace, f"app={shop.name}")
    (container,) = pod["status"]["containerStatuses"]
    started_at = datetime.fromisoformat(container["state"]["running"]["startedAt"])
    assert answer.who is Who.APP, answer
    assert (answered_at - started_at).total_seconds() >= WARM
    scene.awake(shop)


@pytest.mark.usefixtures("_left_to_kubernetes")
def test_it_can_be_left_to_kubernetes(scene: Scene) -> None:
    shop = scene.app("shop", probe={"successThreshold": SUCCESSES})
    scene.sleep(shop)
    answer = load.ask_now(scene.address, load.curl(shop.host, shop.name))
    assert answer.who is Who.APP, answer
    assert apps.listed_ready(scene.api, shop)
    scene.awake(shop)
