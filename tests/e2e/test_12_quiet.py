"""Scenario 12: who must not wake an app does not, however long it tries; and its own answers are what they should be.

QUIET_FOR makes it longer: `QUIET_FOR=600` is the ten minutes.
"""

import os
import time

import pytest

from tests.e2e import load
from tests.e2e.load import Request, Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

SECONDS = float(os.environ.get("QUIET_FOR", "4"))
EVERY = 0.1  # seconds
HTML = ("Accept", "text/html,*/*;q=0.8")


def quiet(host: str, app: str) -> list[Request]:
    """A crawler, the kubelet, a monitor, HEAD, favicon, prefetch, OPTIONS, an agent and a path of the app's own lists."""
    crawler, preview = "Mozilla/5.0 (compatible; Googlebot/2.1)", "facebookexternalhit/1.1"
    early = (("Sec-Purpose", "prefetch;prerender"), ("Sec-Fetch-Mode", "navigate"))
    return [
        Request("crawler", host, app, headers=(agent(crawler), HTML)),
        Request("preview", host, app, headers=(agent(preview), HTML)),
        Request("kubelet", host, app, headers=(agent("kube-probe/1.37"),)),
        Request("monitor", host, app, headers=(agent("UptimeRobot/2.0"), HTML)),
        Request("head", host, app, method="HEAD", headers=(agent("curl/8.14.1"), HTML)),
        Request("options", host, app, method="OPTIONS", headers=(agent("curl/8.14.1"),)),
        Request("favicon", host, app, "/favicon.ico", headers=(agent("Mozilla/5.0 Firefox/140.0"),)),
        Request("robots", host, app, "/robots.txt", headers=(agent("somebody"),)),
        Request("prefetch", host, app, headers=(*early, HTML)),
        Request("own agent", host, app, headers=(agent("Nightly/2"), HTML)),
        Request("own path", host, app, "/assets/a.css", headers=(agent("curl/8.14.1"),)),
    ]


def agent(name: str) -> tuple[str, str]:
    return ("User-Agent", name)


@pytest.mark.parametrize("controller", ["traefik", "contour"], indirect=True)
def test_nobody_of_these_wakes_it(scene: Scene) -> None:
    lists = {names.IGNORE_AGENTS: "nightly/", names.IGNORE_PATHS: "/assets/*", names.HEALTH_CHECK_RESPONSE: "200"}
    shop = scene.app("shop", annotations=lists)
    scene.sleep(shop)

    with Stream(scene.address, quiet(shop.host, shop.name), EVERY) as visitors:
        time.sleep(SECONDS)  # the claim is about time that passes

    green = {"kubelet", "monitor", "own agent", "own path"}
    assert {(answer.label, answer.who, answer.status) for answer in visitors.answers} == {
        (ask.label, Who.WAKER, 200 if ask.label in green else 503) for ask in quiet(shop.host, shop.name)
    }
    on_the_way = ("phase=Asleep", "phase=FallingAsleep")  # waker hears of its own scaling a moment later
    assert all(any(each in answer.marker for each in on_the_way) for answer in visitors.answers), visitors.timeline()
    assert not any(answer.body for answer in visitors.answers), visitors.timeline()
    assert scene.history.replicas(shop.kind, shop.name) == [1, 0]
    scene.visit(shop)  # and a person does
    scene.awake(shop)
    assert load.ask_now(scene.address, quiet(shop.host, shop.name)[2]).who is Who.APP
