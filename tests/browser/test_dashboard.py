"""The page for operators in Chromium: accessible, light and dark, live, filtered as one types, and usable without a mouse.

`DASHBOARD_SCREENSHOTS=FOLDER` has it drawn, for the documents.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium
from tests.browser.chromium import BrowserPage, Heard
from tests.browser.test_page import CHECK, RULES
from tests.web.dashboard_states import NOW, app
from tests.web.test_dashboard import DashboardUnderTest, served
from waker.web import dashboard

SHOWN = "[...document.querySelectorAll('#rows tr')].filter(row => !row.hidden).map(row => row.dataset.id.split('/')[2])"
CLOCK = f"Date.now = () => {int(NOW.timestamp() * 1000)}"


@asynccontextmanager
async def browser() -> AsyncIterator[Any]:
    """Chromium."""
    how = chromium.launching()
    from playwright.async_api import async_playwright  # noqa: PLC0415 may be missing

    async with async_playwright() as play:
        program = await play.chromium.launch(**how)
        yield program
        await program.close()


@asynccontextmanager
async def opened(
    monkeypatch: pytest.MonkeyPatch, *, actions: bool = True, **options: Any
) -> AsyncIterator[tuple[BrowserPage, DashboardUnderTest, Heard]]:
    """The page in a browser whose clock stands still, the service behind it, and what was heard of errors."""
    monkeypatch.setattr(dashboard, "LOOK_EVERY", 0.05)
    async with AsyncExitStack() as stack:
        it = await served(stack, actions=actions)
        program = await stack.enter_async_context(browser())
        page, heard = await show(program, it, **options)
        yield page, it, heard
        assert heard.errors == []


async def show(program: Any, it: DashboardUnderTest, **options: Any) -> tuple[BrowserPage, Heard]:
    """The page, live."""
    context = await program.new_context(viewport={"width": 1200, "height": 1000}, **options)
    page, heard = await context.new_page(), Heard()
    await page.add_init_script(CLOCK)
    heard.listen(page)
    await page.goto(f"http://127.0.0.1:{it.address.port}/dashboard")
    await until(lambda: page.inner_text("#live"), "live")
    return page, heard


async def until(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Wait until it is what is wanted."""
    found = None
    try:
        async with asyncio.timeout(10):
            while (found := await look()) != wanted:  # noqa: ASYNC110 - the browser tells nobody
                await asyncio.sleep(0.02)
    except TimeoutError:
        assert found == wanted


async def test_it_is_accessible_and_fits_a_phone() -> None:
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(browser())
        for actions in (False, True):
            it = await served(stack, actions=actions)
            for scheme in ("light", "dark"):
                page, heard = await show(program, it, color_scheme=scheme)
                await page.evaluate(chromium.axe())
                assert await page.evaluate(CHECK, RULES) == []
                if not actions and (folder := os.environ.get("DASHBOARD_SCREENSHOTS")):
                    await page.screenshot(path=Path(folder) / f"dashboard-{scheme}.png", full_page=True)
                await page.set_viewport_size({"width": 320, "height": 640})
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert heard.errors == []
                await page.context.close()


async def test_it_filters_as_one_types(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(monkeypatch) as (page, it, _):
        await page.get_by_label("Filter", exact=True).first.fill("shops kio")
        assert await page.evaluate(SHOWN) == ["kiosk"]
        assert await page.inner_text("#count") == "1 of 10 apps"
        it.state["apps"].insert(0, app("another"))
        await until(lambda: page.inner_text("#count"), "1 of 11 apps")
        await page.get_by_label("Filter", exact=True).first.fill("")
        await page.get_by_label("Phase").select_option("asleep")
        assert await page.evaluate(SHOWN) == ["blog", "books", "ledger", "wiki"]
        await page.get_by_label("Filter", exact=True).first.press("Enter")
        await page.wait_for_url("**/dashboard?q=&phase=asleep")
        assert ("", "asleep") in it.filters


async def test_it_is_live_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(monkeypatch) as (page, it, _):
        row = '#rows tr[data-id="shops/Deployment/kiosk"]'
        assert "3m ago" in await page.inner_text(row)
        it.state["apps"][4] = app("kiosk", "Asleep", "Asleep", "asleep until visited")
        it.state["tiles"] |= {"awake": 2, "asleep": 5}
        await until(lambda: page.get_attribute(row, "data-phase"), "Asleep")
        assert await page.inner_text(".tiles .asleep dd") == "5"


async def test_buttons_without_a_mouse(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(monkeypatch) as (page, it, _):
        button = page.get_by_role("button", name="sleep shops/kiosk")
        await button.focus()
        await page.keyboard.press("Enter")
        await until(lambda: page.inner_text("#said"), "A token is needed.")
        assert it.acts == []
        await page.keyboard.type("secret")
        await button.focus()
        await page.keyboard.press("Enter")
        await until(lambda: page.inner_text("#said"), "done.")
        assert it.acts == [("shops", "Deployment", "kiosk", "sleep")]
        assert [credential.token for credential, _ in it.review.asked] == ["secret"]
        it.state["apps"][4] = app("kiosk", "Asleep", "Asleep", "asleep until visited")
        wake = page.get_by_role("button", name="wake shops/kiosk")
        await wake.wait_for()
        assert await page.evaluate("document.activeElement.dataset.do") == "wake", "the focus stays in its row"


async def test_without_script_it_is_a_page_all_the_same() -> None:
    async with AsyncExitStack() as stack:
        it = await served(stack, actions=False)
        program = await stack.enter_async_context(browser())
        page = await (await program.new_context(java_script_enabled=False)).new_page()
        await page.goto(f"http://127.0.0.1:{it.address.port}/dashboard")
        assert "kiosk" in await page.inner_text("#rows")
        await page.get_by_label("Filter", exact=True).first.fill("blog")
        await page.get_by_role("button", name="Filter").click()
        assert ("blog", "") in it.filters
