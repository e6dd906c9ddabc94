"""The waiting page: one HTML text, complete in itself, made from what is known of an app.

No IO after the start, and it knows nothing of requests. Template, style and script are read and compiled once, so that
a broken one ends the start and not a visit. A page is made whole before a byte is sent. A crowd asks for the same page
in the same second: the last pages are kept; only nonce and query are put in anew.
"""

import secrets
from datetime import datetime
from html import escape
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined
from markupsafe import Markup

from waker.plan.model import Phase
from waker.web import files
from waker.web.apps import View

KEPT: Final = 64  # pages, about 6 kB each
REFRESH: Final = 5  # s; without JavaScript the page asks again this often

SENTENCES: Final = {
    Phase.ASLEEP: "It was asleep and has just been asked to wake up.",
    Phase.WAKING: "It was asleep and is starting now.",
    Phase.RISING: "It is up. Opening the way to it.",
    Phase.AWAKE: "It is up. Opening the way to it.",
    Phase.FALLING: "It was about to sleep and is turning back.",
    Phase.STUCK: "Starting takes longer than it should.",
    Phase.UNMANAGED: "Opening the way to it.",
}

BACK: Final = "/back"  # on the wait host: where the page goes when the way is open
API: Final = "/api/v1/app"  # on the wait host: what the page asks
COMPILED: Final = "compiled"  # folder beside the templates


class Rendered(NamedTuple):
    """A page, and the nonce that its style and script carry."""

    body: bytes
    nonce: str

    @property
    def policy(self) -> str:
        """The Content-Security-Policy under which exactly this page works."""
        return (
            "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors 'self'; style-src 'nonce-{self.nonce}'; script-src 'nonce-{self.nonce}'"
        )


def environment() -> Environment:
    """What templates may do, and where their sources are."""
    return Environment(
        loader=FileSystemLoader(files.folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Page:
    """Makes pages."""

    def __init__(self, template: str = "waiting.html") -> None:
        self._query = secrets.token_hex(16)  # likewise, for the visitor's query
        self._blank = secrets.token_hex(16)  # stands where the nonce will; nobody can write it in a title
        compiled = files.folder("templates") / COMPILED
        made = environment()
        if compiled.is_dir():  # by `precompile`
            made.loader = ModuleLoader(compiled)
        self._template = made.get_template(template)
        self._style = Markup(files.read("static", "waiting.css"))  # noqa: S704  # our own file
        self._script = Markup(files.read("static", "waiting.js"))  # noqa: S704
        self._kept: dict[tuple[View, int, bool], list[bytes]] = {}

    def render(self, view: View, now: datetime, query: str = "", *, away: bool = False) -> Rendered:
        """The page for this app at this moment. `query` is that of the page's own address, as it was asked for.

        `away`: on the wait host, see `wait_host`.

        Browsers take a refresh to an address with a fragment for a jump within the page; told the query, they go.
        """
        elapsed = waited(view, now)
        pieces = self._kept.get((view, elapsed, away))
        if pieces is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            pieces = self._kept[view, elapsed, away] = self._make(view, elapsed, away=away)
        nonce = secrets.token_urlsafe(16)
        here = escape(query).encode("ascii", "ignore")
        return Rendered(nonce.encode().join(pieces).replace(self._query.encode(), here), nonce)

    def _make(self, view: View, elapsed: int, *, away: bool) -> list[bytes]:
        text = self._template.render(
            title=view.title,
            heading=heading(view),
            sentence=sentence(view),
            pinned=view.pinned,
            calm=not (view.pinned or view.stuck or view.phase is Phase.STUCK),
            elapsed=elapsed,
            refresh=REFRESH,
            api=API if away else "",
            back=BACK if away else "",
            query=self._query,
            style=self._style,
            script=self._script,
            nonce=self._blank,
        )
        return text.encode().split(self._blank.encode())


def waited(view: View, now: datetime) -> int:
    """Whole seconds since this wake began."""
    return max(0, int((now - view.since).total_seconds())) if view.since else 0


def heading(view: View) -> str:
    """The first line a visitor reads."""
    if view.pinned:
        return f"{view.title} is switched off"
    return f"{view.title} needs attention" if view.stuck or view.phase is Phase.STUCK else f"{view.title} is waking up"


def sentence(view: View) -> str:
    """What is going on, for a person who knows nothing of clusters."""
    if view.pinned:
        return "Its owner has put it to sleep for now. It will be back when they wake it."
    return view.stuck or SENTENCES[view.phase]
