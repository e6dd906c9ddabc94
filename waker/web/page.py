"""The waiting page: one HTML text, complete in itself, made from what is known of an app.

No IO after the start, and it knows nothing of requests. Template, style, script and languages are read once, so that a
broken one ends the start and not a visit. A page is made whole before a byte is sent. A crowd asks for the same page in
the same second: the last pages are kept; only nonce and query are put in anew.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined
from markupsafe import Markup

from waker.errors import ThemeError
from waker.web import files, languages, messages
from waker.web.apps import View
from waker.web.page_context import PageConstants, PageContext, Template, page_context

log = logging.getLogger(__name__)

KEPT: Final = 64  # pages, about 12 kB each
REFRESH: Final = 5  # s; without JavaScript the page asks again this often
BACK: Final = "/back"  # on the wait host: where the page goes when the way is open
API: Final = "/api/v1/app"  # on the wait host: what the page asks
COMPILED: Final = "compiled"  # folder beside the templates


class RenderedPage(NamedTuple):
    """A page, the nonce that its style and script carry, and the language it is in."""

    body: bytes
    nonce: str
    language: str = languages.DEFAULT

    @property
    def policy(self) -> str:
        """The Content-Security-Policy under which exactly this page works."""
        return (
            "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors 'self'; style-src 'nonce-{self.nonce}'; script-src 'nonce-{self.nonce}'"
        )


def environment() -> Environment:
    """What our own templates may do, and where their sources are."""
    return Environment(
        loader=FileSystemLoader(files.folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def load_template(template: str = "waiting.html") -> Template:
    """One of our own templates, compiled beforehand by `precompile` or now."""
    compiled = files.folder("templates") / COMPILED
    made = environment()
    if compiled.is_dir():
        made.loader = ModuleLoader(compiled)
    found = made.get_template(template)
    return lambda context: found.render(page=context)


class WaitingPage:
    """Makes pages. `wear` gives it the themes that there are."""

    def __init__(self, template: str = "waiting.html") -> None:
        # What stands in a kept page where each visitor's own will be; nobody can write it in a title.
        self._nonce, self._query = secrets.token_hex(16), secrets.token_hex(16)
        style = Markup(files.read("static", "waiting.css"))  # noqa: S704  # our own file
        script = Markup(files.read("static", "waiting.js"))  # noqa: S704
        self.constants = PageConstants(self._nonce, self._query, REFRESH, style, script)
        self._wait_host_constants = replace(self.constants, api=API, back=BACK)
        self.languages = languages.catalogues()
        self._tags = tuple(self.languages)
        self._template = load_template(template)
        self._themes: Mapping[str, Template] = {}
        self._cached: dict[tuple[View, str, int, bool], list[bytes]] = {}

    def use_themes(self, themes: Mapping[str, Template]) -> None:
        """From now on these are the themes, by name."""
        self._themes = themes
        self._cached.clear()

    def has_theme(self, theme: str) -> bool:
        """Whether there is such a theme; "" is the page as it comes."""
        return not theme or theme in self._themes

    def render(
        self, view: View, now: datetime, query: str = "", accepted: str = "", *, away: bool = False
    ) -> RenderedPage:
        """The page for this app at this moment, in the language that an Accept-Language header wants.

        `query` is that of the page's own address, as it was asked for: browsers take a refresh to an address with a
        fragment for a jump within the page; told the query, they go. `away`: on the wait host, see `wait_host`.
        """
        tag = languages.best_language(accepted, self._tags)
        elapsed = seconds_waited(view, now)
        pieces = self._cached.get((view, tag, elapsed, away))
        if pieces is None:
            if len(self._cached) >= KEPT:
                self._cached.clear()
            made = page_context(
                view, elapsed, tag, self.languages[tag], self._wait_host_constants if away else self.constants
            )
            pieces = self._cached[view, tag, elapsed, away] = self._make(view.theme, made)
        nonce = secrets.token_urlsafe(16)
        here = escape(query).encode("ascii", "ignore")
        return RenderedPage(nonce.encode().join(pieces).replace(self._query.encode(), here), nonce, tag)

    def sentence(self, view: View) -> str:
        """What is going on, for a program's reader: in English."""
        return messages.sentence(view, self.languages[languages.DEFAULT])

    def _make(self, theme: str, context: PageContext) -> list[bytes]:
        return self._text(theme, context).encode().split(self._nonce.encode())

    def _text(self, theme: str, context: PageContext) -> str:
        """A theme was tried on all that we could think of. If this is something else, there still is a page."""
        if theme in self._themes:
            try:
                return self._themes[theme](context)
            except ThemeError as error:
                log.warning("theme %s: %s", theme, error)
        return self._template(context)


def seconds_waited(view: View, now: datetime) -> int:
    """Whole seconds since this wake began."""
    return max(0, int((now - view.since).total_seconds())) if view.since else 0
