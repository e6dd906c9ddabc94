"""Redirect mode with the whole service: to the wait host through an Ingress of waker's own, and back."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from waker import names
from waker.plan.doors import DoorKey, port_name
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend

from .scene import BROWSER, SHOP, SceneVisit, ServiceScene, scene
from .test_service import own

WAIT = "wait.localhost"
SENDING = {"while-asleep": "redirect"}


def wait_host(it: ServiceScene) -> None:
    """As k8s/wait-host makes it, but for the host."""
    own(it.cluster, 1, it.port)
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "waker", "port": {"name": "http"}}}}
    there = {"name": "waker", "namespace": "kubesleeper"}
    service = {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    it.cluster.load([
        {"apiVersion": "v1", "kind": "Service", "metadata": there, "spec": service},
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": there,
         "spec": {"rules": [{"host": WAIT, "http": {"paths": [path]}}]}},
    ])  # fmt: skip
    it.configure(wait_host=f"{WAIT}:{it.cluster.ingress.port}", scrape_interval="1s", idle_after="1d")


async def follow(it: ServiceScene, url: str) -> tuple[str, SceneVisit]:
    """One navigation, with all its redirects; the address of the last answer."""
    headers = dict(BROWSER)
    for _ in range(20):  # as many as a browser takes
        authority, _, path = url.removeprefix("http://").partition("/")
        headers["Host"] = authority
        target = f"{it.cluster.ingress_url()}{path}"
        async with it.session.get(target, headers=headers, allow_redirects=False) as answer:
            visit = SceneVisit(answer.status, await answer.text(), answer.headers)
        if visit.status != 302:
            return url, visit
        url = visit.headers["Location"]
    raise AssertionError("redirected too often")


def shop(it: ServiceScene) -> str:
    return f"http://shop.localhost:{it.cluster.ingress.port}/deep?a=1&b=%22"


def wait_url(it: ServiceScene) -> str:
    """Where the shop's visitors are sent."""
    door = port_name(DoorKey(AppId(Kind.DEPLOYMENT, "default", "shop"), Backend("shop", "http")))
    return f"http://{WAIT}:{it.cluster.ingress.port}/?app={door}&url={quote(shop(it), safe='')}"


async def test_there_and_back(tmp_path: Path) -> None:
    async with scene(tmp_path, **SENDING) as it:
        wait_host(it)
        await it.cluster.ingress.caught_up()
        before = it.cluster.get("Ingress", "kubesleeper", "waker")
        async with it.waker():
            await it.put_to_sleep()
            url, visit = await follow(it, shop(it))
            assert url == wait_url(it)
            assert visit.page
            assert "waking up" in visit.body
            url, visit = await let_it_open(it, url)
            assert url == shop(it)
            assert visit.headers["X-Pod"].startswith("shop")
            await it.awake()
        assert it.cluster.get("Ingress", "kubesleeper", "waker") == before, "it is no app's, so nobody touches it"
        assert it.cluster.objects("Deployment", "kubesleeper") == []


async def let_it_open(it: ServiceScene, url: str) -> tuple[str, SceneVisit]:
    """What the page does, by its API, and without JavaScript in the end."""
    ask = url.replace("/?", "/api/v1/app?")
    headers = {names.MARKER: names.MARK_POLL}
    while True:
        _, state = await asked(it, ask, headers)
        if state["ready"]:
            return await follow(it, url.replace("/?", "/back?"))
        assert state["phase"] in ("Asleep", "Waking", "RestoringRoutes")


async def asked(
    it: ServiceScene, url: str, headers: dict[str, str]
) -> tuple[aiohttp.ClientResponse, dict[str, object]]:
    authority, _, path = url.removeprefix("http://").partition("/")
    target = f"{it.cluster.ingress_url()}{path}"
    async with it.session.get(target, headers=headers | {"Host": authority}) as answer:
        return answer, dict(await answer.json())


async def test_whoever_opens_the_wait_page_knocks(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        wait_host(it)
        await it.cluster.ingress.caught_up()
        async with it.waker():
            await it.put_to_sleep()
            url = wait_url(it)
            await asked(it, url.replace("/?", "/api/v1/app?"), {})
            assert it.replicas() == 0, "a question is no knock"
            await follow(it, url)
            await it.awake()
            url, visit = await follow(it, url)
            assert visit.page, "there is a page between any two redirects"
            url, visit = await follow(it, url.replace("/?", "/back?"))
            assert (url, visit.page) == (shop(it), False)


async def test_without_a_wait_host_there_is_the_page_and_a_word_to_the_user(tmp_path: Path) -> None:
    async with scene(tmp_path, **SENDING) as it, it.waker():
        await it.put_to_sleep()
        assert "waking up" in (await it.visit()).body
        await it.until(lambda: "NoWaitHost" in dict(it.events()))
        assert "wait-host is not set" in dict(it.events())["NoWaitHost"]


@pytest.mark.parametrize("asking", [1, 8], ids=["one", "a crowd"])
async def test_a_controller_that_follows_late_makes_no_loop(tmp_path: Path, asking: int) -> None:
    """The way is open for waker and not for the ingress: what comes back is forwarded and not sent away again."""
    async with scene(tmp_path, SHOP, **SENDING) as it:
        wait_host(it)
        await it.cluster.ingress.caught_up()
        async with it.waker() as running:
            await it.put_to_sleep()
            url, _ = await follow(it, shop(it))
            it.cluster.ingress._lag = 1.0
            for end, visit in await asyncio.gather(*(let_it_open(it, url) for _ in range(asking))):
                assert (end, visit.page) == (shop(it), False)
            passed = "kubesleeper_requests_forwarded_total"
            assert f"{passed} {asking}.0" in (await it.private(running, "/metrics")).body
            await it.awake()
