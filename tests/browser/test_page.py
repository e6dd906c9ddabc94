"""The waiting page as Chromium shows it: accessible in every state, no wider than any screen, without motion if asked to."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import chromium
from tests.browser.chromium import BrowserPage, Heard
from waker.web import messages
from waker.web.apps import View
from waker.web.page import BUILT_IN, RenderedPage, WaitingPage
from waker.web.samples import DRESSED, LOGO, NOW, SAMPLES

PAGES = WaitingPage()
ENGLISH = PAGES.languages["en"]
THEMES = list(BUILT_IN)
STATES: dict[str, View] = {**SAMPLES, "dressed": DRESSED}
ADDRESS = "http://shop.example.org"  # no request for it leaves the browser
SIZES = {"desktop": (1100, 760), "phone": (320, 640), "landscape": (640, 320)}  # 320: WCAG 1.4.10
MOODS = ("started", "crash", "pinned", "dressed")  # the other states differ from one of these in their texts only
TITLES = ("The shop", "متجر الكتب 24", "Donaudampfschifffahrts" * 5, "🦉 A long name with many words in it " * 3)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = "rules => axe.run(document, {runOnly: rules}).then(found => found.violations.map(each => each.id + ': ' + each.help))"
UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true })"
WAKING = f"""\
- main:
  - heading "The shop is waking up" [level=1]
  - status: {ENGLISH["hint"]}
  - paragraph: about 5 s left
  - group: Details"""
TROUBLED = f"""\
- main:
  - heading "The shop has a problem" [level=1]
  - status: It starts but keeps stopping.
  - paragraph: {ENGLISH["hint.pinned"]}
  - paragraph:
    - text: "Contact:"
    - link "help@example.com":
      - /url: mailto:help@example.com?subject=The%20shop%20%287F3K-2M5Q%29
    - text: "Reference: 7F3K-2M5Q"
  - group: Details"""
# What is cut off or sticks out, apart from what only screen readers are to find.
TOO_WIDE = """() => document.documentElement.scrollWidth > innerWidth
    || [...document.querySelectorAll('h1, p, li, summary')].some(each => each.scrollWidth > each.clientWidth + 1)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    how = chromium.launching()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 may be missing

    with sync_playwright() as play:
        program = play.chromium.launch(**how)
        yield program
        program.close()


def rendered(theme: str, state: str, language: str = "en") -> RenderedPage:
    return PAGES.render(replace(STATES[state], theme=theme), NOW, accepted=language, logo=LOGO)


def opened(browser: Any, size: str = "desktop", **options: Any) -> BrowserPage:
    """A browser page whose requests are all answered by `answer`. It never leaves the waiting page: no poll has news."""
    width, height = SIZES[size]
    page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
    page.route_web_socket("**/*", lambda socket: None)
    page.route("**/*", answer)
    return page


def answer(route: Any) -> None:
    """The waiting page that the address names, under its own policy. To its polls: still waiting."""
    if route.request.method != "GET":
        route.fulfill(status=202, headers={"X-Kubesleeper": "waiting"})
        return
    found = rendered(*route.request.url.removeprefix(f"{ADDRESS}/").split("/"))
    headers = {"Content-Security-Policy": found.policy, "Content-Type": "text/html; charset=utf-8"}
    route.fulfill(status=503, headers=headers, body=found.body)


def every_pair() -> Iterator[tuple[str, str, str]]:
    """Every theme with every state, every theme in every language, every state in every language: themes x states."""
    languages = list(PAGES.languages)
    for (at, theme), (number, state) in product(enumerate(THEMES), enumerate(STATES)):
        yield theme, state, languages[(number + 2 * at) % len(languages)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_of_every_theme_is_accessible(browser: Any, scheme: str) -> None:
    script, heard = chromium.axe(), Heard()
    page = opened(browser, color_scheme=scheme, reduced_motion="reduce")
    heard.listen(page)
    for theme, state, language in every_pair():
        if theme != "sunrise" and state not in MOODS:
            continue
        page.goto(f"{ADDRESS}/{theme}/{state}/{language}")
        page.evaluate(UNFOLD)
        page.evaluate(script)
        assert page.evaluate(CHECK, RULES) == [], (theme, state, language)
    assert heard.errors == []  # style and script run under the policy
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(browser: Any, size: str) -> None:
    page = opened(browser, size, java_script_enabled=False)
    for number, (theme, state, language) in enumerate(every_pair()):
        view = replace(STATES[state], theme=theme, title=TITLES[number % len(TITLES)])
        page.set_content(
            PAGES.render(view, NOW, accepted=language, logo=LOGO).body.decode().replace("<details", "<details open")
        )
        assert not page.evaluate(TOO_WIDE), (theme, state, language, view.title)
    page.context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_moves_for_visitors_who_want_no_motion(browser: Any, theme: str) -> None:
    moving = "document.getAnimations().filter(each => each.playState === 'running').length"
    page = opened(browser, reduced_motion="reduce")
    page.goto(f"{ADDRESS}/{theme}/started")
    assert page.evaluate(moving) == 0
    page.context.close()
    if theme == "sunrise":
        page = opened(browser, reduced_motion="no-preference")
        page.goto(f"{ADDRESS}/{theme}/started")
        assert page.evaluate(moving) > 0
        page.context.close()


def test_the_page_as_a_screen_reader_finds_it(browser: Any) -> None:
    page = opened(browser)
    page.goto(f"{ADDRESS}/sunrise/started")
    assert page.locator("body").aria_snapshot() == WAKING
    page.goto(f"{ADDRESS}/sunrise/dressed")
    show = "phase=Waking; mood=troubled; step=3; say=crash"
    page.unroute("**/*")
    page.route("**/*", lambda route: route.fulfill(status=202, headers={"X-Kubesleeper": f"waiting; {show}"}))
    page.locator("html[data-mood=troubled]").wait_for()
    assert page.locator("body").aria_snapshot() == TROUBLED
    page.context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_the_page_follows_the_wake(browser: Any, theme: str) -> None:
    """The ring fills, the tab counts down, its icon follows. In trouble there is no countdown; afterwards all is as before."""
    page, marks = opened(browser), ["step=4; mood=waking; say=started"]
    page.clock.install(time=NOW)
    page.goto(f"{ADDRESS}/{theme}/started")
    page.unroute("**/*")
    head = {"X-Kubesleeper": ""}
    page.route(
        "**/*", lambda route: route.fulfill(status=202, headers=head | {"X-Kubesleeper": f"waiting; {marks[-1]}"})
    )
    assert page.title() == "(5 s) The shop"
    before, icon = percent(page), page.locator("link[rel=icon]").get_attribute("href")
    page.clock.run_for(3000)
    assert page.title() == "(2 s) The shop"
    assert percent(page) > before
    assert page.locator("link[rel=icon]").get_attribute("href") != icon
    page.clock.run_for(60_000)
    assert page.title() == "The shop is waking up"
    assert percent(page) < 100
    marks.append("step=2; mood=troubled; say=image")
    page.clock.run_for(20_000)
    page.locator("html[data-mood=troubled]").wait_for()
    assert page.title() == page.locator("h1").inner_text() == "The shop has a problem"
    assert page.locator("[data-tell=line]").inner_text() == "It cannot start: its software could not be downloaded."
    assert page.locator("[data-tell=left]").all_inner_texts() in ([], [""])
    assert page.get_by_text("7F3K-2M5Q").is_visible()
    marks.append("step=5; mood=waking; say=ready")
    page.clock.run_for(20_000)
    page.locator("html[data-mood=waking]").wait_for()
    assert page.locator("h1").inner_html() == "<bdi>The shop</bdi> is waking up"
    assert not page.get_by_text("7F3K-2M5Q").is_visible()
    page.context.close()


def percent(page: BrowserPage) -> float:
    return float(page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--percent')"))


def test_an_apps_picture_is_the_icon_of_the_tab(browser: Any) -> None:
    page = opened(browser)
    page.goto(f"{ADDRESS}/card/dressed")
    assert page.locator("link[rel=icon]").get_attribute("href") == LOGO
    assert page.evaluate("document.querySelector('[data-logo]').naturalWidth") > 0, "the policy lets it be shown"
    page.context.close()


WAITED = [
    (0, None), (75, None), (9, 14), (14, 14), (130, 14), (0, 90), (0, 150), (0, 3000), (0, 3569), (0, 3599), (0, 7559),
    (4000, 9000), (9000, 3600),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_script_says_what_the_page_said(browser: Any, language: str) -> None:
    """The texts that change every second are made twice, by waker and by the script."""
    page, words = opened(browser), PAGES.languages[language]
    for elapsed, usual in WAITED:
        typical = timedelta(seconds=usual) if usual else None
        view = replace(STATES["started"], since=NOW - timedelta(seconds=elapsed), typical=typical)
        STATES["waited"] = view
        page.goto(f"{ADDRESS}/sunrise/waited/{language}")
        assert page.title() == messages.tab(view, elapsed, words)
        assert text_of(page, "left") == messages.left(elapsed, typical, words)
        assert text_of(page, "timing") == messages.timing(elapsed, typical, words)
        assert text_of(page, "line") == messages.line(view, words)
        assert percent(page) == pytest.approx(messages.percent(view, elapsed), abs=1)
    del STATES["waited"]
    page.context.close()


def text_of(page: BrowserPage, what: str) -> str:
    return str(page.locator(f"[data-tell={what}]").text_content())


def test_the_tab_says_that_the_app_is_ready(browser: Any) -> None:
    page = opened(browser)
    page.add_init_script(
        "const note = () => sessionStorage.setItem('seen', `${sessionStorage.getItem('seen')};${document.title}`);"
        "new MutationObserver(note).observe(document, {subtree: true, childList: true})"
    )
    page.goto(f"{ADDRESS}/sunrise/started")
    page.unroute("**/*")
    page.route("**/*", lambda route: route.fulfill(status=200, content_type="text/html", body="<p id='app'>The app"))
    page.locator("#app").wait_for()
    assert ";The shop is ready" in page.evaluate("sessionStorage.getItem('seen')")
    page.context.close()


def test_a_page_that_leaves_does_not_turn_back(browser: Any) -> None:
    """Neither the clock nor an answer that was on its way changes it. Here its reload is a 204, so that it can be looked at."""
    page, sockets, polls, reloads = opened(browser), list[Any](), list[Any](), list[Any]()

    def keep(route: Any) -> None:
        if route.request.method == "HEAD":
            polls.append(route)
            return
        reloads.append(route)
        route.fulfill(status=204)

    page.route_web_socket("**/*", lambda socket: sockets.append(socket))  # noqa: PLW0108 Playwright marks it
    STATES["paid"] = replace(STATES["started"], title="Pay $& go $1 $$")
    page.clock.install(time=NOW)
    page.goto(f"{ADDRESS}/sunrise/paid")
    page.unroute("**/*")
    page.route("**/*", keep)
    page.clock.run_for(1000)
    wait_until(page, lambda: polls and sockets)
    sockets[0].send('{"open": true}')
    wait_until(page, lambda: reloads)
    polls[0].fulfill(status=202, headers={"X-Kubesleeper": "waiting; phase=Waking; mood=troubled; step=2; say=image"})
    page.wait_for_timeout(200)
    page.clock.run_for(3000)
    assert (percent(page), page.title()) == (100, "Pay $& go $1 $$ is ready")
    assert page.locator("html").get_attribute("data-mood") == "waking"
    del STATES["paid"]
    page.context.close()


def wait_until(page: BrowserPage, holds: Callable[[], object]) -> None:
    """Let Playwright's events in until something holds."""
    ends = monotonic() + 20
    while not holds():
        assert monotonic() < ends
        page.wait_for_timeout(20)


EVIL = ("</title></bdi><script>alert(1)</script>", "<img src=//evil.example/x onerror=alert(1)>\u202e{{ 7 * 7 }}")


def test_nothing_that_a_tenant_writes_runs_or_asks_anybody_else(browser: Any) -> None:
    """Not even a title as it came out of an annotation, in the hands of the script."""
    page, heard, asked = opened(browser, "phone"), Heard(), set[str]()
    heard.listen(page)
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("dialog", lambda dialog: heard.errors.append(dialog.message))
    for theme, title in product(THEMES, EVIL):
        STATES["evil"] = replace(DRESSED, title=title, since=NOW)
        page.goto(f"{ADDRESS}/{theme}/evil")
        assert page.locator("h1 bdi").text_content() == title
        assert page.locator("img").count() == 1
        assert not page.evaluate(TOO_WIDE)
    del STATES["evil"]
    assert (heard.errors, asked - {""}) == ([], {"shop.example.org"})
    page.context.close()
