"""A person's visit in Chromium, from a link to the app: with the back button, a second tab, a form, and without JavaScript."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.chromium import Heard
from tests.service.scene import SHOP, ServiceScene, scene
from waker import names
from waker.web import languages

SLOW = replace(SHOP, ready_after="1500ms")
FAST = replace(SHOP, ready_after="100ms")
DEEP = "shelf?q=a%20b&page=2#reviews"
PATIENCE = 30_000  # ms


@asynccontextmanager
async def visiting(tmp_path: Path, app: Any, **options: Any) -> AsyncIterator[tuple[ServiceScene, Any, str]]:
    """The scene with the app asleep, a browser that looks at something else, and the app's address."""
    how = chromium.launching()
    from playwright.async_api import async_playwright  # noqa: PLC0415 may be missing

    async with scene(tmp_path, app) as it, it.waker(), async_playwright() as play:
        await it.put_to_sleep()
        program = await play.chromium.launch(**how)
        page = await (await program.new_context(**options)).new_page()
        await page.goto("data:text/html,<title>Elsewhere</title>")
        yield it, page, it.cluster.ingress_url("shop.localhost")
        await program.close()


async def shows_app(page: Any) -> None:
    await page.locator("small", has_text="served by").wait_for(timeout=PATIENCE)


async def test_a_slow_app_is_the_page_and_then_the_app_at_the_same_address(tmp_path: Path) -> None:
    async with visiting(tmp_path, SLOW) as (_, page, url):
        heard = Heard()
        heard.listen(page)
        await page.goto(url + DEEP)
        assert await page.locator("[data-tell=line]").inner_text() == languages.catalogues()["en"]["hint"]
        await shows_app(page)
        assert page.url == url + DEEP
        assert heard.loads == [url + DEEP] * 2, "the page, then the app"
        await page.go_back()
        assert await page.title() == "Elsewhere", "no entry in the history but the visit itself"
        await page.go_forward()
        await shows_app(page)
        assert page.url == url + DEEP


async def test_who_goes_back_to_the_page_is_taken_to_the_app(tmp_path: Path) -> None:
    async with visiting(tmp_path, SLOW) as (_, page, url):
        await page.goto(url + DEEP)
        assert await page.locator("[data-tell=line]").is_visible()
        await page.goto("data:text/html,<title>Elsewhere</title>")
        await page.go_back()
        await shows_app(page)
        assert page.url == url + DEEP


async def test_a_duplicated_tab_ends_at_the_app_as_well(tmp_path: Path) -> None:
    async with visiting(tmp_path, SLOW) as (_, page, url):
        await page.goto(url + DEEP)
        async with page.expect_popup() as popup:  # gets a copy of the first one's storage, as a duplicate does
            await page.evaluate("void window.open(location.href)")
        second, heard = await popup.value, Heard()
        heard.listen(second)
        await asyncio.gather(shows_app(page), shows_app(second))
        assert page.url == second.url == url + DEEP
        assert len(heard.loads) <= 2, "the page, then the app"


async def test_a_form_gets_the_apps_answer_and_no_page(tmp_path: Path) -> None:
    async with visiting(tmp_path, SLOW) as (_, page, url):
        form = f'<form method="post" action="{url}order"><input name="book" value="Emma"><button>Buy</button></form>'
        await page.set_content(form)
        heard = Heard()
        heard.listen(page)
        await page.locator("button").click()
        await shows_app(page)
        assert heard.loads == [f"{url}order"]


async def test_without_javascript(tmp_path: Path) -> None:
    async with visiting(tmp_path, SLOW, java_script_enabled=False, locale="ar") as (_, page, url):
        await page.goto(url + DEEP)
        assert await page.locator("html").get_attribute("dir") == "rtl"
        assert await page.locator("h1 bdi").inner_text() == "shop"
        await shows_app(page)
        assert page.url.partition("#")[0] == (url + DEEP).partition("#")[0]


async def test_a_fast_app_shows_no_page_at_all(tmp_path: Path) -> None:
    async with visiting(tmp_path, FAST) as (it, page, url):
        it.annotate(names.TYPICAL_WAKE, "300ms")  # what its wakes so far have taught
        heard = Heard()
        heard.listen(page)
        await page.goto(url + DEEP)
        await shows_app(page)
        assert heard.loads == [url + DEEP], "the app, and nothing before it"
        assert heard.errors == []
