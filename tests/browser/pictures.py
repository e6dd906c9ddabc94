"""`python -m tests.browser.pictures`: the pictures of the waiting page in docs/, made anew.

Look at each before you commit it. With a palette of 128 colours they are a third as long.
"""

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from waker.plan.model import PageLook
from waker.web.page import BUILT_IN, WaitingPage
from waker.web.samples import DRESSED, LOGO, NOW, SAMPLES

DOCS = Path(__file__).parents[2] / "docs"
DESKTOP, PHONE, LANDSCAPE = (800, 540), (340, 670), (660, 330)
PAGES = WaitingPage()


class Picture(NamedTuple):
    """One picture: `page-NAME.png`."""

    name: str
    state: str = "started"
    theme: str = ""
    size: tuple[int, int] = DESKTOP
    dark: bool = False
    language: str = "en"
    title: str = "The bookshop"
    unfolded: bool = False
    dressed: bool = False


PICTURES = (
    Picture("light"),
    Picture("dark", dark=True),
    Picture("light-phone", size=PHONE, dressed=True),
    Picture("dark-phone", size=PHONE, dark=True, unfolded=True),
    Picture("landscape", size=LANDSCAPE),
    Picture("arabic", size=LANDSCAPE, dark=True, language="ar", title="متجر الكتب"),
    Picture("trouble", state="crash", dressed=True),
)
# Side by side for each theme: theme-NAME.png.
SHEET = (
    Picture("light"),
    Picture("dark", dark=True),
    Picture("trouble", state="crash", dressed=True),
    Picture("arabic", dark=True, language="ar", title="متجر الكتب"),
    Picture("landscape", size=LANDSCAPE, dressed=True),
    Picture("phone", size=PHONE, unfolded=True),
)
SCALE = 0.45


def html_of(picture: Picture) -> str:
    look = DRESSED.look if picture.dressed else PageLook()
    view = replace(
        SAMPLES[picture.state], theme=picture.theme, title=picture.title, look=look, has_logo=picture.dressed
    )
    html = PAGES.render(view, NOW, accepted=picture.language, logo=LOGO).body.decode()
    return html.replace("<details", "<details open") if picture.unfolded else html


def take(program: Any, picture: Picture) -> None:
    """Write one."""
    width, height = picture.size
    scheme = "dark" if picture.dark else "light"
    viewport = {"width": width, "height": height}
    page = program.new_context(viewport=viewport, color_scheme=scheme, java_script_enabled=False).new_page()
    page.set_content(html_of(picture))
    page.screenshot(path=DOCS / f"page-{picture.name}.png", animations="disabled")
    page.context.close()


def frame(picture: Picture) -> str:
    """A picture as a part of a sheet."""
    width, height = picture.size
    box = f"width: {width * SCALE}px; height: {height * SCALE}px"
    inner = f"width: {width}px; height: {height}px; color-scheme: {'dark' if picture.dark else 'light'}"
    return f'<div style="{box}"><iframe sandbox="" style="{inner}" srcdoc="{escape(html_of(picture))}"></iframe></div>'


def take_sheet(program: Any, theme: str) -> None:
    """Write all pictures of one theme as one."""
    frames = "".join(frame(picture._replace(theme=theme)) for picture in SHEET)
    style = f"""body {{ margin: 0; width: max-content; background: #888; display: grid; gap: 8px; padding: 8px;
        grid-template: auto auto auto / repeat(2, {DESKTOP[0] * SCALE}px); }}
        iframe {{ border: 0; transform: scale({SCALE}); transform-origin: 0 0; }}
        div {{ overflow: hidden; border-radius: 6px; }} div:nth-child(6) {{ grid-row: 1 / 4; grid-column: 3; }}"""
    page = program.new_context(viewport={"width": 920, "height": 680}, color_scheme="null").new_page()
    page.set_content(f"<!doctype html><style>{style}</style>{frames}")
    page.wait_for_timeout(300)
    page.locator("body").screenshot(path=DOCS / f"theme-{theme}.png", animations="disabled")
    page.context.close()


def main() -> None:
    with sync_playwright() as play:
        program = play.chromium.launch(**chromium.launching())
        for picture in PICTURES:
            take(program, picture)
        for theme in BUILT_IN:
            take_sheet(program, theme)
        program.close()


if __name__ == "__main__":
    main()
