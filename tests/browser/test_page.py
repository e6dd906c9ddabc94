"""The waiting page as Chromium shows it: accessible in every state, no wider than a phone, without motion if asked to."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import chromium
from tests.browser.chromium import BrowserPage, Heard
from waker.web.page import WaitingPage
from waker.web.samples import NOW, SAMPLES

PAGES = WaitingPage()
ADDRESS = "http://shop.example.org/"  # no request for it leaves the browser
SIZES = {"desktop": (1100, 760), "phone": (320, 640)}  # 320: WCAG 1.4.10, no scrolling in two directions
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = "rules => axe.run(document, {runOnly: rules}).then(found => found.violations.map(each => each.id + ': ' + each.help))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    how = chromium.launching()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 may be missing

    with sync_playwright() as play:
        program = play.chromium.launch(**how)
        yield program
        program.close()


def opened(browser: Any, size: str = "desktop", **options: Any) -> BrowserPage:
    """A browser page whose requests are all answered by `answer`. It never leaves the waiting page: no poll has news."""
    width, height = SIZES[size]
    page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
    page.route_web_socket("**/*", lambda socket: None)
    page.route("**/*", answer)
    return page


def answer(route: Any) -> None:
    """The waiting page in the state that the address names, under its own policy. To its polls: still waiting."""
    if route.request.method != "GET":
        route.fulfill(status=202, headers={"X-Kubesleeper": "waiting"})
        return
    rendered = PAGES.render(SAMPLES[route.request.url.rpartition("/")[2]], NOW)
    headers = {"Content-Security-Policy": rendered.policy, "Content-Type": "text/html; charset=utf-8"}
    route.fulfill(status=503, headers=headers, body=rendered.body)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible(browser: Any, scheme: str) -> None:
    script, heard = chromium.axe(), Heard()
    page = opened(browser, color_scheme=scheme, reduced_motion="reduce")
    heard.listen(page)
    for state in SAMPLES:
        page.goto(ADDRESS + state)
        page.evaluate(script)
        assert page.evaluate(CHECK, RULES) == [], state
    assert heard.errors == []  # style and script run under the policy
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(browser: Any, size: str) -> None:
    page = opened(browser, size, java_script_enabled=False)
    for language in PAGES.languages:
        for state in SAMPLES:
            page.set_content(PAGES.render(SAMPLES[state], NOW, accepted=language).body.decode())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, language)
    page.context.close()


def test_nothing_moves_for_visitors_who_want_no_motion(browser: Any) -> None:
    moving = "document.getAnimations().filter(each => each.playState === 'running').length"
    page = opened(browser, reduced_motion="reduce")
    page.goto(ADDRESS + "started")
    assert page.evaluate(moving) == 0
    page.context.close()
    page = opened(browser, reduced_motion="no-preference")
    page.goto(ADDRESS + "started")
    assert page.evaluate(moving) > 0
    page.context.close()
