"""The page as Chromium shows it: accessible in every state, light and dark,."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import chromium
from tests.browser.chromium import BrowserPage, Heard
from waker.web.page import WaitingPage as Maker
from waker.web.samples import NOW, SAMPLES

MAKER = Maker()
WHERE = "http://shop.example.org/"  # nobody is there
SIZES = {"desktop": (1100, 760), "phone": (320, 640)}  # 320: WCAG 1.4.10, no scrolling in two directions
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ASK = "rules => axe.run(document, {runOnly: rules}).then(found => found.violations.map(each => each.id + ': ' + each.help))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    how = chromium.launching()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 may be missing

    with sync_playwright() as play:
        program = play.chromium.launch(**how)
        yield program
        program.close()


def opened(browser: Any, size: str = "desktop", **options: Any) -> BrowserPage:
    """A window in which nothing is reached but the page of the state that its address names, under its own policy."""
    width, height = SIZES[size]
    page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
    page.route_web_socket("**/*", lambda socket: None)
    page.route("**/*", answer)
    return page


def answer(route: Any) -> None:
    """To the page's polls: nothing new."""
    if route.request.method != "GET":
        route.fulfill(status=202, headers={"X-Kubesleeper": "waiting"})
        return
    made = MAKER.render(SAMPLES[route.request.url.rpartition("/")[2]], NOW)
    headers = {"Content-Security-Policy": made.policy, "Content-Type": "text/html; charset=utf-8"}
    route.fulfill(status=503, headers=headers, body=made.body)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(browser: Any, scheme: str) -> None:
    script, heard = chromium.axe(), Heard()
    page = opened(browser, color_scheme=scheme, reduced_motion="reduce")
    heard.listen(page)
    for state in SAMPLES:
        page.goto(WHERE + state)
        page.evaluate(script)
        assert page.evaluate(ASK, RULES) == [], state
    assert heard.errors == []  # style and script run under the policy
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(browser: Any, size: str) -> None:
    page = opened(browser, size, java_script_enabled=False)
    for language in MAKER.languages:
        for state in SAMPLES:
            page.set_content(MAKER.render(SAMPLES[state], NOW, accepted=language).body.decode())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, language)
    page.context.close()


def test_who_wants_no_motion_sees_none(browser: Any) -> None:
    moving = "document.getAnimations().filter(each => each.playState === 'running').length"
    page = opened(browser, reduced_motion="reduce")
    page.goto(WHERE + "started")
    assert page.evaluate(moving) == 0
    page.context.close()
    page = opened(browser, reduced_motion="no-preference")
    page.goto(WHERE + "started")
    assert page.evaluate(moving) > 0
    page.context.close()
