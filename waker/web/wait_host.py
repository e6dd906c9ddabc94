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
from waker.plan.doors import DoorKey, port_name
from waker.plan.model import AppId, Phase
from waker.settings.configmap import Live
from waker.web import responses, return_url
from waker.web.apps import Apps, View
from waker.web.hosts import normalized_host
from waker.web.page import API, BACK, WaitingPage, seconds_waited
from waker.web.passed_heads import target
from waker.web.request_lines import encoded
from waker.web.return_url import ReturnUrl, WaitQuery
from waker.web.visitor_kind import VisitorKind, visitor_kind

PAGE: Final = "/"
NOT_AT_WAKER: Final = frozenset({Phase.AWAKE, Phase.NOT_MANAGED})  # routes lead to the app, or wherever the user wants


def parse_setting(text: str) -> tuple[str, str, int]:
    """The setting `wait-host` as scheme ("": the visitor's own), host and port (0: the scheme's default)."""
    scheme, _, authority = text.rpartition("://")
    host, _, port = authority.partition(":")
    return scheme, host, int(port or 0)


def redirect_to_wait_host(apps: Apps, live: Live, request: web.Request, view: View) -> web.Response | None:
    """The redirect to the wait host; None if there is no wait host, or if it could not send the visitor back."""
    scheme, host, port = parse_setting(live.wait_host)
    url = requested_url(request, port) if host else None
    if url is None or url.host == host or not return_url.may_return(url, apps.hosts(view.app), live.wait_domains):
        return None
    origin = f"{scheme or url.scheme}://{host}" + (f":{port}" if port else "")
    wanted = WaitQuery(port_name(DoorKey(view.app, view.backend)), url)
    return responses.redirect(f"{origin}{PAGE}?{return_url.to_query(wanted)}")


def requested_url(request: web.Request, port: int) -> ReturnUrl | None:
    """The address that a visitor has asked for, as their browser knows it. None if they could not be sent back to it."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
    scheme = forwarded if forwarded in return_url.DEFAULT_PORTS else request.scheme
    path = encoded(target(request.raw_path))
    return return_url.parse(f"{scheme}://{request.headers.get('Host', '').strip()}{path}", port)


@dataclass(frozen=True, slots=True)
class WaitHost:
    """What the wait host needs to answer."""

    apps: Apps
    page: WaitingPage
    live: Callable[[], Live]
    clock: Callable[[], datetime]
    hold: Callable[[View], Awaitable[object]]  # returns when the app can be reached, or after a while
    door: Callable[[str], DoorKey | None]  # by the name of its port
    again: Callable[[View], int]  # in how many seconds whoever asks now should ask again
    logo: Callable[[AppId], Awaitable[str]]  # an app's picture, "" if there is none in time
    is_decided: Callable[[web.Request, AppId], Awaitable[bool]]  # whether it is known how the app stands

    def is_for(self, request: web.Request) -> bool:
        """Whether a request is for the wait host."""
        host = parse_setting(self.live().wait_host)[1]
        return bool(host) and normalized_host(request.headers.get("Host", "")) == host

    async def answer(self, request: web.Request) -> tuple[str, web.Response]:
        """The kind of the answer, for the metrics, and the answer."""
        path = request.rel_url.path
        if path not in (PAGE, BACK, API):
            return "unknown", responses.misdirected()
        wanted = return_url.from_query(request.rel_url.raw_query_string, parse_setting(self.live().wait_host)[2])
        key = self._door(wanted) if wanted else None
        if key and not await self.is_decided(request, key.app):
            return "late", responses.not_known_yet()
        view = self._view(wanted, key) if wanted and key else None
        origin = self._app_origin(request, view) if path == API and view else None
        if path == API and request.method == "OPTIONS":
            return "api", responses.with_cors(responses.preflight(), origin)
        if request.method not in ("GET", "HEAD"):
            return "api" if path == API else "wait", responses.method_not_allowed()
        if path == API:
            state = await self._state(request, view) if view else responses.bad_return_url_problem()
            return "api", responses.with_cors(state, origin)
        return "wait", await self._page(request, wanted, view) if wanted and view else responses.bad_return_url()

    def _door(self, wanted: WaitQuery) -> DoorKey | None:
        """The door that the visitor has come from."""
        return None if wanted.url.host == parse_setting(self.live().wait_host)[1] else self.door(wanted.door)

    def _view(self, wanted: WaitQuery, key: DoorKey) -> View | None:
        """The app that the visitor waits for, if the address is one of its own."""
        may = return_url.may_return(wanted.url, self.apps.hosts(key.app), self.live().wait_domains)
        return self.apps.view(*key) if may else None

    def _app_origin(self, request: web.Request, view: View) -> str | None:
        """The origin of the page that asks, if it is one of this very app's."""
        text, live = request.headers.get("Origin", ""), self.live()
        url = return_url.parse(text, parse_setting(live.wait_host)[2])
        own = url and url.origin == text and return_url.may_return(url, self.apps.hosts(view.app), live.wait_domains)
        return text if own else None

    async def _state(self, request: web.Request, view: View) -> web.Response:
        """The app's state. A poll of the page is held until the app can be reached, or for a while."""
        if request.headers.get(names.MARKER) == names.MARK_POLL and not _may_go_back(view):
            self.apps.page_viewed(view.app)
            await self.hold(view)
            view = self.apps.view(view.app, view.backend) or view
        state = {
            "title": view.title,
            "phase": view.phase,
            "ready": _may_go_back(view),
            "elapsed": seconds_waited(view, self.clock()),
            "sentence": self.page.sentence(view),
        }
        return responses.app_state(view, state, self.again(view), ready=_may_go_back(view))

    async def _page(self, request: web.Request, wanted: WaitQuery, view: View) -> web.Response:
        url = wanted.url
        if request.rel_url.path == BACK and _may_go_back(view):
            return responses.redirect(str(url))
        kind = visitor_kind(request.method, url.path, request.headers, view.visitors)
        if not kind.waits or names.MARKER in request.headers:
            return responses.come_back_later(view, kind)
        if not (view.pinned or _may_go_back(view)):
            self.apps.knock(view.app, kind)
        if kind is VisitorKind.CLIENT:
            return responses.problem(view, self.page.sentence(view))
        self.apps.page_viewed(view.app)
        accepted = request.headers.get("Accept-Language", "")
        logo = await self.logo(view.app) if view.has_logo else ""
        query = return_url.to_query(wanted)
        page = self.page.render(view, self.clock(), query, accepted, logo=logo, on_wait_host=True)
        return responses.waiting_page(page, view, self.live().page_status)


def _may_go_back(view: View) -> bool:
    """Whether a visitor who goes back now reaches the app, or at least not this page again."""
    return view.open or view.phase in NOT_AT_WAKER
