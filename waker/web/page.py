"""The waiting page: one HTML document that needs nothing else, made from what is known of an app.

No IO after the start, and it knows nothing of requests. Template, style, script and languages are read once, so that a
broken one stops waker at the start and not at a visit. A page is rendered whole before a byte is sent. Many visitors ask
for the same page in the same second, so the last pages are cached; only nonce and query differ. `public_port` and
`wait_host` send pages, `observe.themes` sets the themes, `waker page` prints one.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined
from markupsafe import Markup

from waker.errors import ThemeError
from waker.web import files, languages, messages
from waker.web.apps import View
from waker.web.compact import compact_script, compact_style, compact_styles
from waker.web.page_context import PageConstants, PageContext, Template, page_context, script_words
from waker.web.request_lines import encoded

log = logging.getLogger(__name__)

CACHED: Final = 64  # pages, about 15 kB each
REFRESH: Final = 5  # s between reloads without JavaScript
BACK: Final = "/back"  # on the wait host: where the page goes when the app is ready
API: Final = "/api/v1/app"  # on the wait host: what the page polls
COMPILED: Final = "compiled"  # folder beside the templates
# The built-in themes and their templates.
BUILT_IN: Final = {
    "sunrise": "waiting.html",
    "card": "card.html",
    "terminal": "terminal.html",
    "paper": "paper.html",
    "bedtime": "bedtime.html",
}
USUAL: Final = "sunrise"  # the theme where nothing is said


class RenderedPage(NamedTuple):
    """A page, the nonce of its style and script, and its language."""

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


class CompactLoader(FileSystemLoader):
    """Loads our own templates with compact styles. A subclass, because the library offers no other way to say it."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, name, is_fresh = super().get_source(environment, template)
        return compact_styles(source), name, is_fresh


def environment() -> Environment:
    """Jinja's environment for the built-in templates."""
    return Environment(
        loader=CompactLoader(files.folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def load_template(name: str = "waiting.html") -> Template:
    """A built-in template, already compiled by `image.precompile` or compiled now."""
    compiled = files.folder("templates") / COMPILED
    loaded = environment()
    if compiled.is_dir():
        loaded.loader = ModuleLoader(compiled)
    template = loaded.get_template(name)
    return lambda context: template.render(page=context)


class WaitingPage:
    """Renders waiting pages, with the built-in template or the themes of `use_themes`."""

    def __init__(self, template: str = "waiting.html") -> None:
        # Placeholders in a cached page: each visitor's own nonce and query, and the app's picture. Random, so that no title
        # contains them.
        self._nonce, self._query = secrets.token_hex(16), secrets.token_hex(16)
        self._logo = "data:," + secrets.token_hex(16)
        style = Markup(compact_style(files.read("static", "waiting.css")))  # noqa: S704  # our own file
        script = Markup(compact_script(files.read("static", "waiting.js")))  # noqa: S704
        self.languages = languages.catalogues()
        words = {tag: script_words(texts) for tag, texts in self.languages.items()}
        self.constants = PageConstants(self._nonce, self._query, self._logo, REFRESH, style, script, words)
        self._wait_host_constants = replace(self.constants, api=API, back=BACK)
        self._tags = tuple(self.languages)
        self._built_in = {template: load_template(template)}  # the others when an app first asks for them
        self._themes: Mapping[str, Template] = {}
        self._cached: dict[tuple[View, str, int, bool], list[bytes]] = {}

    def use_themes(self, themes: Mapping[str, Template]) -> None:
        """Use these themes from now on, by name, and no others."""
        self._themes = themes
        self._cached.clear()

    def has_theme(self, theme: str) -> bool:
        """Whether there is such a theme, built-in ones included. "" is the usual one."""
        return not theme or theme in BUILT_IN or theme in self._themes

    def render(  # noqa: PLR0913 all in which the pages of one app differ
        self,
        view: View,
        now: datetime,
        query: str = "",
        accepted: str = "",
        *,
        logo: str = "",
        on_wait_host: bool = False,
    ) -> RenderedPage:
        """The page of this app at this moment, in the language that suits the Accept-Language header `accepted`.

        `logo` is the app's picture, a data URI that `settings.page_values` has passed; without it the page has none.

        `query` is the raw query of the page's own address. Without JavaScript the page refreshes to `?QUERY`, as browsers
        take a refresh to the address as it is, fragment included, for a jump within the page.
        """
        tag = languages.best_language(accepted, self._tags)
        view = view if logo or not view.has_logo else replace(view, has_logo=False)
        elapsed = seconds_waited(view, now)
        pieces = self._cached.get((view, tag, elapsed, on_wait_host))
        if pieces is None:
            if len(self._cached) >= CACHED:
                self._cached.clear()
            constants = self._wait_host_constants if on_wait_host else self.constants
            context = page_context(view, elapsed, tag, self.languages[tag], constants)
            pieces = self._text(view.theme or USUAL, context).encode().split(self._nonce.encode())
            self._cached[view, tag, elapsed, on_wait_host] = pieces
        nonce = secrets.token_urlsafe(16)
        escaped = escape(encoded(query.encode("utf-8", "ignore"))).encode()
        body = nonce.encode().join(pieces).replace(self._query.encode(), escaped)
        return RenderedPage(body.replace(self._logo.encode(), logo.encode()) if logo else body, nonce, tag)

    def sentence(self, view: View) -> str:
        """What is going on, in English, for answers that are not pages."""
        return messages.sentence(view, self.languages[languages.DEFAULT])

    def _text(self, theme: str, context: PageContext) -> str:
        """The HTML. A theme was tried on every sample; if it fails on something else, the built-in page is shown."""
        if theme in self._themes:
            try:
                return self._themes[theme](context)
            except ThemeError as error:
                log.warning("theme %s: %s", theme, error)
        file = BUILT_IN.get(theme, BUILT_IN[USUAL])
        if file not in self._built_in:
            self._built_in[file] = load_template(file)
        return self._built_in[file](context)


def seconds_waited(view: View, now: datetime) -> int:
    """Whole seconds since this wake began."""
    return max(0, int((now - view.since).total_seconds())) if view.since else 0
