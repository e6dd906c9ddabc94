"""Chromium for the tests, if this machine has it: found on PATH, driven by Playwright, cut off from other machines."""

import shutil
from dataclasses import dataclass, field
from importlib import resources
from importlib.util import find_spec
from typing import Any

import pytest

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE_STATUS = "Failed to load resource: the server responded with a status of 503"

BrowserPage = Any  # Playwright's, which need not be installed


def launching() -> dict[str, Any]:
    """The arguments for Playwright's `launch`. Skips the test, with the reason, if there is no browser."""
    if find_spec("playwright") is None:
        pytest.skip("needs a browser: the package playwright is not installed")
    if PROGRAM is None:
        pytest.skip("needs a browser: there is no chromium on PATH")
    return {"executable_path": PROGRAM, "args": list(ARGUMENTS)}


def axe() -> str:
    """The script of axe-core. Skips the test, with the reason, if it is not installed."""
    if find_spec("axe_playwright_python") is None:
        pytest.skip("needs axe-core: the package axe-playwright-python is not installed")
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@dataclass  # no slots: Playwright sets attributes on it
class Heard:
    """The errors in a page's console, and the addresses that it has loaded."""

    errors: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def listen(self, page: BrowserPage) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("framenavigated", lambda frame: self.loads.append(frame.url))

    def _on_console(self, message: Any) -> None:
        """Keep errors and warnings, but not that the waiting page itself is a 503: that is its status."""
        if message.type in ("error", "warning") and not message.text.startswith(PAGE_STATUS):
            self.errors.append(f"{message.text} ({message.location.get('url')})")
