"""No reload loop, ever: a person's browser before the embedded cluster, whose ingress controller is slow."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.chromium import Heard
from tests.service.scene import scene
from waker.plan.model import AppId, Kind, Phase
from waker.plan.routes.route import Backend
from waker.web.registry import AppRegistry

SHOP_ID = AppId(Kind.DEPLOYMENT, "default", "shop")
LATE = 5.0  # seconds for which the controller goes on sending requests to waker


async def until_asleep(registry: AppRegistry) -> None:
    """Wait until waker knows it. Before that it holds a browser for a second, in which the app may come up again."""
    async with asyncio.timeout(10):
        while (view := registry.view(SHOP_ID, Backend("shop", "http"))) and view.phase is not Phase.ASLEEP:
            await registry.wait_for_change(view.app, timedelta(seconds=1))
    assert view


async def test_no_reload_loop_while_the_controller_does_not_follow(tmp_path: Path) -> None:
    """The waiting page, the app, and nothing more; and nothing more once the controller has followed."""
    how = chromium.launching()
    from playwright.async_api import async_playwright  # noqa: PLC0415 may be missing

    heard, seen = Heard(), asyncio.Event()

    async def hold_polls(route: Any) -> None:
        """The page polls before it leaves, so while its polls are held it stays."""
        if route.request.method == "HEAD":
            await seen.wait()
        await route.continue_()

    async with scene(tmp_path) as it, it.waker() as running, async_playwright() as play:
        await it.put_to_sleep()
        await until_asleep(running.service.registry)
        it.cluster.ingress.following.clear()
        program = await play.chromium.launch(**how)
        page = await program.new_page()
        heard.listen(page)
        await page.route("**/*", hold_polls)
        url = it.cluster.ingress_url("shop.localhost") + "shelf?q=a%20b#reviews"
        await page.goto(url)
        assert "is waking up" in await page.title()
        seen.set()
        await page.locator("#kubesleeper").wait_for(state="detached")
        followed = asyncio.create_task(it.awake())  # done once the controller has caught up
        await asyncio.sleep(LATE)  # the claims are about time that passes
        assert not followed.done()
        assert heard.loads == [url, url]
        it.cluster.ingress.following.set()
        await followed
        await asyncio.sleep(1)
        assert page.url == url
        await program.close()
    assert heard.loads == [url, url]
    # The embedded ingress upgrades nothing.
    assert [each for each in heard.errors if not each.startswith("WebSocket")] == []
