"""Redirect mode: a browser is sent to waker's own host, waits there, and is sent back to where it wanted to go.

The only host whose paths are waker's. `/` is the waiting page and never anything else; `/back`, which the page asks for
when the way is open (without JavaScript: every few seconds), answers with the redirect back, or is the page again. So
there is a page between any two redirects, and whoever disagrees about an app (a controller that follows late, another
replica) costs time and never a loop. `/api/v1/app` tells the page, and the apps' own pages, how an app stands.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from waker import names
from waker.plan.model import Phase
from waker.settings.live import Live
from waker.web import hosts, responses, return_url
from waker.web.apps import Apps, View
from waker.web.page import API, BACK, WaitingPage, seconds_waited
from waker.web.return_url import ReturnUrl
from waker.web.visitor_kind import VisitorKind, visitor_kind

PAGE: Final = "/"
RELEASED: Final = frozenset({Phase.AWAKE, Phase.NOT_MANAGED})  # routes lead to the app, or wherever its owner said


def parse_setting(text: str) -> tuple[str, str, int]:
    """The setting `wait-host` as scheme ("" for the visitor's own), host and port (0 for the usual one)."""
    scheme, _, authority = text.rpartition("://")
    host, _, port = authority.partition(":")
    return scheme, host, int(port or 0)


def redirect_to_wait_host(apps: Apps, wait_host: str, request: web.Request) -> web.Response | None:
    """The redirect to the wait host; None if there is none that would lead back here."""
    scheme, host, port = parse_setting(wait_host)
    back = requested_url(apps, request, port) if host else None
    if back is None or back.host == host:
        return None
    where = f"{scheme or back.scheme}://{host}" + (f":{port}" if port else "")
    return responses.redirect(f"{where}{PAGE}?{return_url.to_query(back)}")


def requested_url(apps: Apps, request: web.Request, port: int) -> ReturnUrl | None:
    """The address that a visitor has asked for, as their browser knows it."""
    said = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
    scheme = said if said in return_url.DEFAULT_PORTS else request.scheme
    path = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    for name in ("X-Forwarded-Host", "Host"):
        text = request.headers.get(name, "").partition(",")[0].strip()
        if apps.serves_host(hosts.normalized_host(text)):
            return return_url.parse(f"{scheme}://{text}{path}", port)
    return None


@dataclass(frozen=True, slots=True)
class WaitHost:
    """What the wait host needs to answer."""

    apps: Apps
    page: WaitingPage
    live: Callable[[], Live]
    clock: Callable[[], datetime]
    hold: Callable[[View], Awaitable[object]]  # returns when the way is open, or after a while

    def is_for(self, request: web.Request) -> bool:
        """Whether a request is for the wait host."""
        host = parse_setting(self.live().wait_host)[1]
        return bool(host) and host in hosts.requested_hosts(request.headers)

    async def answer(self, request: web.Request) -> tuple[str, web.Response]:
        """The answer, and a word for the metrics."""
        path = request.rel_url.path
        if path not in (PAGE, BACK, API):
            return "unknown", responses.no_such_app()
        origin = self._origin(request) if path == API else None
        if path == API and request.method == "OPTIONS":
            return "api", responses.with_cors(responses.preflight(), origin)
        if request.method not in ("GET", "HEAD"):
            return "api" if path == API else "wait", responses.method_not_allowed()
        back = return_url.from_query(request.rel_url.raw_query_string, parse_setting(self.live().wait_host)[2])
        view = self._find(back) if back else None
        if path == API:
            told = await self._state(request, back, view) if back and view else responses.bad_return_url_problem()
            return "api", responses.with_cors(told, origin)
        return "wait", self._page(request, back, view) if back and view else responses.bad_return_url()

    def _find(self, back: ReturnUrl) -> View | None:
        held = self.apps.serves_host(back.host) and back.host != parse_setting(self.live().wait_host)[1]
        return self.apps.find(back.host, back.path) if held else None

    def _origin(self, request: web.Request) -> str | None:
        """Whose page asks, if it is a page of a host that we hold."""
        text = request.headers.get("Origin", "")
        found = return_url.parse(text, parse_setting(self.live().wait_host)[2])
        return text if found and found.origin == text and self.apps.serves_host(found.host) else None

    async def _state(self, request: web.Request, back: ReturnUrl, view: View) -> web.Response:
        """How the app stands; to the page's own question when it changes for good, or after a while."""
        if request.headers.get(names.MARKER) == names.MARK_POLL and not _released(view):
            self.apps.page_viewed(view.app)
            await self.hold(view)
            view = self._find(back) or view
        told = {
            "title": view.title,
            "phase": view.phase,
            "ready": _released(view),
            "elapsed": seconds_waited(view, self.clock()),
            "sentence": self.page.sentence(view),
        }
        return responses.app_state(view, told, ready=_released(view))

    def _page(self, request: web.Request, back: ReturnUrl, view: View) -> web.Response:
        if request.rel_url.path == BACK and _released(view):
            return responses.redirect(str(back))
        who = visitor_kind(request.method, back.path, request.headers, view.visitors)
        if not who.waits or names.MARKER in request.headers:
            return responses.come_back_later(view, who)
        if not (view.pinned or _released(view)):
            self.apps.knock(view.app)
        if who is VisitorKind.CLIENT:
            return responses.problem(view, self.page.sentence(view))
        self.apps.page_viewed(view.app)
        accepted = request.headers.get("Accept-Language", "")
        page = self.page.render(view, self.clock(), return_url.to_query(back), accepted, away=True)
        return responses.waiting_page(page, view, self.live().page_status)


def _released(view: View) -> bool:
    """Whether a visitor who goes back now meets the app, or at least not this page."""
    return view.open or view.phase in RELEASED
