"""No reload loop, ever: a person's browser in front of the embedded cluster, whose ingress controller is slow."""

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Heard
from tests.service.scene import SHOP, scene

LAG = 5.0  # seconds; of a slow ingress controller


async def test_no_reload_loop_with_a_controller_that_follows_five_seconds_late(tmp_path: Path) -> None:
    """In the embedded cluster. The page, the app, and nothing more; and nothing more once the controller has followed."""
    how = chromium.launching()
    from playwright.async_api import async_playwright  # noqa: PLC0415 may be missing

    heard, slow = Heard(), replace(SHOP, ready_after="1500ms")
    async with scene(tmp_path, slow) as it, it.waker(), async_playwright() as play:
        await it.put_to_sleep()
        it.cluster.ingress._lag = LAG
        program = await play.chromium.launch(**how)
        page = await program.new_page()
        heard.listen(page)
        url = it.cluster.ingress_url("shop.localhost") + "shelf?q=a%20b#reviews"
        await page.goto(url)
        assert "is waking up" in await page.title()
        await page.locator("#kubesleeper").wait_for(state="detached")
        followed = asyncio.create_task(it.awake())  # and the controller has caught up
        await asyncio.sleep(1)  # the claims are about time that passes
        assert not followed.done()
        await followed
        await asyncio.sleep(1)
        assert page.url == url
        await program.close()
    assert heard.loads == [url, url]
    assert [
        each for each in heard.errors if not each.startswith("WebSocket")
    ] == []  # the embedded ingress upgrades nothing
