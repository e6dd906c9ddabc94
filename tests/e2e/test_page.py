"""A person with a real browser: a deep link to a sleeping app shows the page, and then the app at the same address."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium
from tests.browser.chromium import BrowserPage, Heard
from tests.e2e import load
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.scene import Scene
from waker.settings.durations import parse_exact

DEEP = "/shelf/7?q=a%20b&page=2#reviews"
SHOTS = os.environ.get("SCREENSHOTS")  # a folder to leave pictures in
two_controllers = pytest.mark.parametrize("controller", ["traefik", "contour"], indirect=True)


@contextmanager
def browser(scene: Scene, **options: Any) -> Iterator[BrowserPage]:
    """A fresh browser for which every name is the ingress controller."""
    how = chromium.launching()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 may be missing

    how["args"].append(f"--host-resolver-rules=MAP * {scene.address.host}")
    with sync_playwright() as play:
        program = play.chromium.launch(**how)
        yield program.new_context(**options).new_page()
        program.close()


def link(scene: Scene, app: StageApp, path: str) -> str:
    return f"http://{app.host}:{scene.address.port}{path}"


def shows_app(page: BrowserPage, within: float = 60) -> None:
    page.locator("#app").wait_for(timeout=within * 1000)


def shot(page: BrowserPage, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


@two_controllers
def test_a_deep_link_is_kept(scene: Scene) -> None:
    shop = scene.app("shop", start_delay="3s", annotations={"kubesleeper.io/title": "The bookshop"})
    scene.sleep(shop)
    heard = Heard()
    with browser(scene, locale="en") as page:
        heard.listen(page)
        page.goto(link(scene, shop, DEEP))
        assert page.locator("h1").inner_text() == "The bookshop is waking up"
        page.locator("html[data-step='4']").wait_for(timeout=30_000)
        page.locator("summary").click()
        assert page.locator("[aria-current=step]").inner_text().startswith("Getting ready")
        shot(page, f"{scene.controller.ingress_class}-started")
        shows_app(page)
        assert page.url == link(scene, shop, DEEP)
        assert "GET" in page.locator("p").inner_text()
        assert page.evaluate("history.length") <= 2, "no entry in the history but the visit itself"
        scene.awake(shop)
        time.sleep(1)  # nothing more happens
    assert heard.errors == []
    assert heard.loads == [link(scene, shop, DEEP)] * 2, "the page, then the app"
    found = scene.api.get(shop.kind, shop.namespace, shop.name)
    assert found["metadata"]["annotations"]["kubesleeper.io/typical-wake"].endswith("s")


@two_controllers
def test_the_wake_of_a_fast_app_shows_no_page(scene: Scene) -> None:
    shop = scene.app("shop", annotations={"kubesleeper.io/page-after": "4s"})  # a second, on a machine that is busy
    scene.sleep(shop)
    scene.visit(shop)  # which teaches how long its wakes take
    scene.awake(shop)
    assert typical(scene, shop) < 4
    scene.sleep(shop)
    heard = Heard()
    with browser(scene) as page:
        heard.listen(page)
        page.goto(link(scene, shop, DEEP))
        shows_app(page)
        assert heard.loads == [link(scene, shop, DEEP)], "the app, and nothing before it"
        assert page.url == link(scene, shop, DEEP)
    assert heard.errors == []
    scene.awake(shop)


def typical(scene: Scene, app: StageApp) -> float:
    """How long its wakes take, in seconds, as waker has written it down."""
    found = scene.api.get(app.kind, app.namespace, app.name)
    return parse_exact(found["metadata"]["annotations"]["kubesleeper.io/typical-wake"]).total_seconds()


@two_controllers
def test_without_javascript(scene: Scene) -> None:
    shop = scene.app("shop", start_delay="1s")
    scene.sleep(shop)
    with browser(scene, java_script_enabled=False, locale="de") as page:
        page.goto(link(scene, shop, DEEP))
        assert page.locator("h1").inner_text() == "shop wacht gerade auf"
        shows_app(page)
        assert page.url.split("#")[0] == link(scene, shop, DEEP).split("#")[0]


@needs_bed("asks the bed's sample app how often it was asked")
@two_controllers
def test_a_form_arrives_once_with_its_body(scene: Scene) -> None:
    shop = scene.app("shop", start_delay="1s")
    scene.sleep(shop)
    # Into a frame: for a page of its own the browser would ask the app for an icon, too, and that would be counted.
    where = link(scene, shop, "/echo")
    form = f'<form method="post" action="{where}" target="answer"><input name="book" value="Emma"><button>Buy</button></form>'
    with browser(scene) as page:
        page.set_content(f'{form}<iframe name="answer"></iframe>')
        page.locator("button").click()
        page.frame_locator("iframe").get_by_text("book=Emma").wait_for(timeout=60_000)
    # The form, and waker's one check that the controller's only pod sends requests to the app again.
    until("waker knows that its controller follows", lambda: _count(scene, shop) == "2", within=10)
    time.sleep(2)
    assert _count(scene, shop) == "2"


def _count(scene: Scene, shop: StageApp) -> str:
    """How many requests the app has had, but for those that ask for this."""
    return load.ask_now(scene.address, load.curl(shop.host, shop.name, "/count")).body.split()[0]


@needs_bed("freezes the process of Contour")
@pytest.mark.parametrize("controller", ["contour"], indirect=True)
def test_no_reload_loop_while_the_controller_sleeps_itself(scene: Scene) -> None:
    """Contour tells Envoy; stopped for 5 s, Envoy goes on with what it knew: every request still comes to waker."""
    shop = scene.app("shop")
    scene.sleep(shop)
    heard = Heard()
    with browser(scene) as page:
        heard.listen(page)
        with stopped(process(scene.api, "projectcontour", "app%3Dcontour")):
            page.goto(link(scene, shop, DEEP))
            shows_app(page)  # forwarded by waker
            time.sleep(5)
            page.reload()
            shows_app(page)
        scene.awake(shop)
        page.reload()
        shows_app(page)
    assert heard.errors == []
    assert len(heard.loads) <= 4, "the page, the app, and twice because we asked"


@needs_bed("changes the arguments of the bed's Traefik")
@pytest.mark.parametrize("controller", ["traefik"], indirect=True)
def test_no_reload_loop_where_changes_are_followed_5_s_late(scene: Scene) -> None:
    """The pod's own slices spend Traefik's token, so the way back waits: what comes meanwhile is forwarded by waker."""
    heard = Heard()
    with throttled(scene, "5s"):
        shop = scene.app("shop")
        scene.sleep(shop)
        with browser(scene) as page:
            heard.listen(page)
            page.goto(link(scene, shop, DEEP))
            shows_app(page)
            time.sleep(6)
            assert heard.loads == [link(scene, shop, DEEP)] * 2, "the page, then the app"
            page.reload()
            shows_app(page)
        scene.awake(shop)
    assert heard.errors == []
    assert len(heard.loads) == 3, "once more because we asked"


@pytest.mark.parametrize("controller", ["nginx"], indirect=True)
def test_an_ingress_that_replaces_503(scene: Scene) -> None:
    shop = scene.app("shop", start_delay="2s")
    annotations = {"nginx.ingress.kubernetes.io/custom-http-errors": "502,503"}
    scene.api.patch("Ingress", shop.namespace, "shop", {"metadata": {"annotations": annotations}})
    time.sleep(scene.controller.lag)
    scene.sleep(shop)
    page = scene.knock(shop)
    assert (page.who, page.status) == (load.Who.WAKER, 202)
    assert "is waking up" in page.body
    scene.visit(shop)


@contextmanager
def throttled(scene: Scene, pause: str) -> Iterator[None]:
    """Traefik follows changes no sooner than `pause` after the one before."""
    where = ("-n", scene.controller.namespace, f"deployment/{scene.controller.deployment}")

    def rolled_out(*how: str) -> None:
        kubectl(*how)
        kubectl("rollout", "status", *where, "--timeout=60s")
        scene.address = until("its new pod", lambda: scene.controller.address(scene.api))

    argument = f"--providers.providersThrottleDuration={pause}"
    patch = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": argument}]
    rolled_out("patch", *where, "--type=json", "-p", json.dumps(patch))
    try:
        yield
    finally:
        rolled_out("rollout", "undo", *where)


def process(api: ClusterApi, namespace: str, selector: str) -> int:
    """The process of the one container that runs there."""

    def found() -> int | None:
        for pod in api.list("Pod", namespace, selector):
            for one in pod["status"].get("containerStatuses", []):
                return int(one["containerID"].removeprefix("ground://"))
        return None

    return until("its process", found)


@contextmanager
def stopped(process_id: int) -> Iterator[None]:
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)
