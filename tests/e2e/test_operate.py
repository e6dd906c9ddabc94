"""What operators do by hand, on a real cluster: wait for a sleep and a wake, pause, look, and read what has happened."""

import json
from functools import partial

import pytest

from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene

TRAEFIK = pytest.mark.parametrize("controller", [pytest.param("traefik", id="traefik")], indirect=True)


def which(app: StageApp) -> tuple[str, ...]:
    return app.name, "-n", app.namespace


def rows(scene: Scene, *more: str) -> list[Json]:
    found: list[Json] = json.loads(scene.waker.do("status", "-n", scene.namespace, "-o", "json", *more))
    return found


@TRAEFIK
def test_down_and_up_again_and_what_is_told_of_it(scene: Scene) -> None:
    shop, blog = scene.app("shop", start_delay="2s"), scene.app("blog")
    assert scene.knock(shop).who is Who.APP
    until("its visits are known", lambda: all(each["idleFor"] for each in rows(scene)), 60)
    down = scene.waker.do("sleep", *which(shop), "--wait").splitlines()
    assert down[-1].startswith(f"deployment/shop in {shop.namespace} is asleep after ")
    assert [each["name"] for each in rows(scene, "--phase", "asleep")] == ["shop"]
    assert (
        scene.waker.do("status", "-n", scene.namespace, "--phase", "awake", "-o", "name") == f"deployment/{blog.name}\n"
    )
    up = scene.waker.do("wake", *which(shop), "--wait").splitlines()
    assert up[-1].startswith(f"deployment/shop in {shop.namespace} is awake after ")
    # Its routes may be back before the next look, so that the last stage is not always seen.
    assert "Getting ready" in {line.rpartition("s  ")[2] for line in up}, up
    assert scene.knock(shop).who is Who.APP
    story = until("it is told", partial(told, scene, shop), 30)
    (why,) = (each["why"] for each in story["moments"] if each["what"] == "Waking")
    assert why.startswith("a wake was asked for")
    took = {each["what"]: each["took"] for each in story["moments"]}
    assert float(took["RestoringRoutes"].removesuffix("s")) >= 2


def told(scene: Scene, app: StageApp) -> Json | None:
    found: Json = json.loads(scene.waker.do("history", *which(app), "-o", "json"))
    return found if "Awake" in {each["what"] for each in found["moments"]} else None


@TRAEFIK
def test_a_paused_namespace_does_not_sleep(scene: Scene) -> None:
    shop = scene.app("shop")
    said = scene.waker.do("pause", "-n", shop.namespace, "--for", "10m")
    assert said.startswith(f"namespace {shop.namespace} is paused until ")
    try:
        late = scene.waker.command("sleep", *which(shop), "--wait", "--timeout", "5s")
        assert late.returncode == 1
        assert "its namespace is paused until" in late.stderr
    finally:
        scene.waker.do("resume", "-n", shop.namespace)
    assert scene.waker.do("sleep", *which(shop), "--wait").splitlines()[-1].startswith("deployment/shop in ")
