"""Redirect mode in Chromium: a deep link with query and fragment, to the wait host and back.

Steps that ask by themselves come before the browser is opened: Playwright's loop and theirs do not mix in one thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e import waiting_host
from tests.e2e.load import VisitorAddress
from tests.e2e.scene import Scene
from tests.e2e.waiting_host import DEEP, WAIT
from tests.web.browser import goes_to
from tests.web.tricks import TRICKS

sync_api: Any = pytest.importorskip("playwright.sync_api", reason="needs Playwright for Python")

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE = 30_000  # ms
ADDRESS = """text => {
    try { const url = new URL(text, "https://wait.example.com/"); return [url.protocol, url.hostname] } catch { return null }
}"""

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}")


@contextmanager
def browser(to: VisitorAddress) -> Iterator[Any]:
    """Chromium, for which every host is the ingress controller."""
    with sync_api.sync_playwright() as playwright:
        mapped = f"--host-resolver-rules=MAP * {to.host}:{to.port}"
        program = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*QUIET, mapped])
        try:
            yield program
        finally:
            program.close()


def test_it_ends_where_it_wanted_to_go(scene: Scene, tmp_path: Path) -> None:
    shop = waiting_host.sleeping(scene, "2s")
    url = f"http://{shop.host}{DEEP}#part"
    with waiting_host.wait_host(scene, tmp_path), browser(scene.address) as chromium:
        page, seen, complaints = opened(chromium.new_page())

        page.goto(url)
        assert urlsplit(page.url).hostname == WAIT
        assert page.url.endswith("#part")
        assert "waking up" in page.inner_text("h1")
        page.wait_for_selector("#app", timeout=PATIENCE)

        assert page.url == url
        assert [urlsplit(each).hostname for each in seen] == [WAIT, shop.host], "one page in between, and no other"
        assert [each for each in complaints if "503" not in each] == [], (
            "the page itself is a 503, and Chromium says so"
        )
        scene.awake(shop)


def test_it_comes_back_without_javascript(scene: Scene, tmp_path: Path) -> None:
    shop = waiting_host.sleeping(scene, "0s")
    with waiting_host.wait_host(scene, tmp_path), browser(scene.address) as chromium:
        page, seen, _ = opened(chromium.new_context(java_script_enabled=False).new_page())

        page.goto(f"http://{shop.host}{DEEP}")
        page.wait_for_url(f"http://{shop.host}{DEEP}", timeout=PATIENCE)

        assert page.inner_text("#app") == shop.name
        assert len(seen) < 5


def test_the_suites_opinion_of_addresses_is_a_browsers() -> None:
    with browser(VisitorAddress("127.0.0.1", 9)) as chromium:
        page = chromium.new_page()
        for trick, text in TRICKS.items():
            real = page.evaluate(ADDRESS, text)
            if real and real[0] in ("http:", "https:") and real[1][0].isalpha():  # IP addresses are written anew
                assert (real[0].removesuffix(":"), real[1].removesuffix(".")) == goes_to(text), trick


def opened(page: Any) -> tuple[Any, list[str], list[str]]:
    """The page, the addresses that it showed, and what its console complained of."""
    seen: list[str] = []
    complaints: list[str] = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, seen, complaints
