"""Redirect mode: browsers are sent to a host of waker's own, wait there, and are sent back to the address they asked for.

On this host alone the paths are waker's. `/` is the waiting page, never a redirect. `/back` is where the page goes when
the app can be reached (without JavaScript: every few seconds): the redirect back, or the page again. So there is a page
between any two redirects, and a disagreement about the app's state (a controller that follows late, another replica)
costs time but never makes a loop. `/api/v1/app` is the app's state as JSON, for this page and for the apps' own pages.
`public_port` asks `is_for` of each request, and sends browsers here with `redirect_to_wait_host`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from waker import names
from waker.plan.model import Phase
from waker.settings.configmap import Live
from waker.web import hosts, responses, return_url
from waker.web.apps import Apps, View
from waker.web.page import API, BACK, WaitingPage, seconds_waited
from waker.web.return_url import ReturnUrl
from waker.web.visitor_kind import VisitorKind, visitor_kind

PAGE: Final = "/"
NOT_AT_WAKER: Final = frozenset({Phase.AWAKE, Phase.NOT_MANAGED})  # routes lead to the app, or wherever the user wants


def parse_setting(text: str) -> tuple[str, str, int]:
    """The setting `wait-host` as scheme ("": the visitor's own), host and port (0: the scheme's default)."""
    scheme, _, authority = text.rpartition("://")
    host, _, port = authority.partition(":")
    return scheme, host, int(port or 0)


def redirect_to_wait_host(apps: Apps, wait_host: str, request: web.Request) -> web.Response | None:
    """The redirect to the wait host; None if there is no wait host, or if it could not send the visitor back."""
    scheme, host, port = parse_setting(wait_host)
    url = requested_url(apps, request, port) if host else None
    if url is None or url.host == host:
        return None
    origin = f"{scheme or url.scheme}://{host}" + (f":{port}" if port else "")
    return responses.redirect(f"{origin}{PAGE}?{return_url.to_query(url)}")


def requested_url(apps: Apps, request: web.Request, port: int) -> ReturnUrl | None:
    """The address that a visitor has asked for, as their browser knows it. None if they could not be sent back to it."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
    scheme = forwarded if forwarded in return_url.DEFAULT_PORTS else request.scheme
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
    hold: Callable[[View], Awaitable[object]]  # returns when the app can be reached, or after a while

    def is_for(self, request: web.Request) -> bool:
        """Whether a request is for the wait host."""
        host = parse_setting(self.live().wait_host)[1]
        return bool(host) and host in hosts.requested_hosts(request.headers)

    async def answer(self, request: web.Request) -> tuple[str, web.Response]:
        """The kind of the answer, for the metrics, and the answer."""
        path = request.rel_url.path
        if path not in (PAGE, BACK, API):
            return "unknown", responses.no_such_app()
        origin = self._app_origin(request) if path == API else None
        if path == API and request.method == "OPTIONS":
            return "api", responses.with_cors(responses.preflight(), origin)
        if request.method not in ("GET", "HEAD"):
            return "api" if path == API else "wait", responses.method_not_allowed()
        url = return_url.from_query(request.rel_url.raw_query_string, parse_setting(self.live().wait_host)[2])
        view = self._find(url) if url else None
        if path == API:
            state = await self._state(request, url, view) if url and view else responses.bad_return_url_problem()
            return "api", responses.with_cors(state, origin)
        return "wait", self._page(request, url, view) if url and view else responses.bad_return_url()

    def _find(self, url: ReturnUrl) -> View | None:
        is_apps = self.apps.serves_host(url.host) and url.host != parse_setting(self.live().wait_host)[1]
        return self.apps.find(url.host, url.path) if is_apps else None

    def _app_origin(self, request: web.Request) -> str | None:
        """The origin of the page that asks, if an app has its host."""
        text = request.headers.get("Origin", "")
        url = return_url.parse(text, parse_setting(self.live().wait_host)[2])
        return text if url and url.origin == text and self.apps.serves_host(url.host) else None

    async def _state(self, request: web.Request, url: ReturnUrl, view: View) -> web.Response:
        """The app's state. A poll of the page is held until the app can be reached, or for a while."""
        if request.headers.get(names.MARKER) == names.MARK_POLL and not _may_go_back(view):
            self.apps.page_viewed(view.app)
            await self.hold(view)
            view = self._find(url) or view
        state = {
            "title": view.title,
            "phase": view.phase,
            "ready": _may_go_back(view),
            "elapsed": seconds_waited(view, self.clock()),
            "sentence": self.page.sentence(view),
        }
        return responses.app_state(view, state, ready=_may_go_back(view))

    def _page(self, request: web.Request, url: ReturnUrl, view: View) -> web.Response:
        if request.rel_url.path == BACK and _may_go_back(view):
            return responses.redirect(str(url))
        kind = visitor_kind(request.method, url.path, request.headers, view.visitors)
        if not kind.waits or names.MARKER in request.headers:
            return responses.come_back_later(view, kind)
        if not (view.pinned or _may_go_back(view)):
            self.apps.knock(view.app)
        if kind is VisitorKind.CLIENT:
            return responses.problem(view, self.page.sentence(view))
        self.apps.page_viewed(view.app)
        accepted = request.headers.get("Accept-Language", "")
        page = self.page.render(view, self.clock(), return_url.to_query(url), accepted, on_wait_host=True)
        return responses.waiting_page(page, view, self.live().page_status)


def _may_go_back(view: View) -> bool:
    """Whether a visitor who goes back now reaches the app, or at least not this page again."""
    return view.open or view.phase in NOT_AT_WAKER
