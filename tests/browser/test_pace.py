"""How often the page asks: as seldom as waker says, and again and again when nobody answers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import chromium
from waker.web.page import WaitingPage
from waker.web.samples import NOW, SAMPLES

ADDRESS = "http://shop.example.org/started"  # no request for it leaves the browser
APP = "<!doctype html><title>The app</title>"
STILL = {"X-Kubesleeper": "waiting; phase=Waking; mood=waking; step=3; say=started"}


@pytest.fixture
def page() -> Iterator[Any]:
    how = chromium.launching()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 may be missing

    with sync_playwright() as play:
        program = play.chromium.launch(**how)
        found = program.new_page()
        found.route_web_socket("**/*", lambda socket: socket.close())
        yield found
        program.close()


class Polls:
    """What the page gets: itself when it is loaded, and to each poll whatever `answers` has next, the last one for ever."""

    def __init__(self, page: Any, *answers: dict[str, Any] | None) -> None:
        self.at: list[float] = []
        self._page = page
        self._answers = list(answers)
        self._loads = 0
        page.route("**/*", self._answer)
        page.goto(ADDRESS)

    def until(self, holds: Callable[[], bool]) -> None:
        ends = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < ends
            self._page.wait_for_timeout(50)

    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False)]

    def _answer(self, route: Any) -> None:
        if route.request.method != "GET":
            self.at.append(time.monotonic())
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            route.fulfill(**answer) if answer else route.abort()
            return
        self._loads += 1
        rendered = WaitingPage().render(SAMPLES["started"], NOW)
        headers = {"Content-Security-Policy": rendered.policy, "Content-Type": "text/html; charset=utf-8"}
        first = {"status": 503, "headers": headers, "body": rendered.body}
        route.fulfill(**first if self._loads == 1 else {"status": 200, "body": APP, "content_type": "text/html"})


def still(after: int) -> dict[str, Any]:
    """Not yet; ask again after so many seconds."""
    return {"status": 202, "headers": STILL | {"Retry-After": str(after)}}


def test_it_asks_once_a_second_among_few_and_as_seldom_as_it_is_told_among_many(page: Any) -> None:
    polls = Polls(page, still(1), still(1), still(1), still(3), still(1))
    polls.until(lambda: len(polls.at) == 6)
    assert [round(each) for each in polls.gaps()] == [1, 1, 1, 3, 1]


def test_it_comes_back_when_its_server_went_away(page: Any) -> None:
    nobody = {"status": 503, "headers": {"Retry-After": "600"}}
    polls = Polls(page, still(2), None, None, nobody, {"status": 200})
    polls.until(lambda: page.title() == "The app")
    assert len(polls.at) == 5
    assert max(polls.gaps()) < 6.5  # not ten minutes: that was not waker's
