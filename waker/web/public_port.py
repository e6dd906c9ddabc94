"""The doors: every request for a sleeping app arrives at that app's own port of waker.

The port alone says which app a request is for; its host, path and headers do not. All paths belong to the apps; waker has none
of its own, except on the wait host (`wait_host`), which is what the public port itself serves. For each request: what kind
of visitor sends it, is a pod ready? The answer is the waiting page (or a redirect to it), or the request
is held and forwarded once, or it is "come back later". A knock is only noted in memory and the request goes on, so neither
a slow API server nor a thousand visitors hold anybody up. `process` serves the application that `public_port` makes.

The order of checks in `answer` is the promise. The subtle thing is that a request with the marker header never wakes
anything: waker's own ownership checks and the waiting page's polls are not visits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from aiohttp import ClientSession, web

from waker import names
from waker.metrics import Metrics
from waker.plan.doors import DoorKey
from waker.plan.model import Address, AppId
from waker.settings.configmap import Live
from waker.web import forward, http_errors, page_socket, responses, tunnel
from waker.web.apps import Apps, View
from waker.web.concurrency import ConcurrencyLimit
from waker.web.connections import Connections
from waker.web.held_memory import slots_needed
from waker.web.hold_times import POLL_HOLD_ALONE, gives_way, hold_time, poll_hold
from waker.web.page import WaitingPage
from waker.web.passed_heads import is_loop
from waker.web.poll_pace import PollPace
from waker.web.visitor_kind import VisitorKind, visitor_kind
from waker.web.wait_host import WaitHost, redirect_to_wait_host

log = logging.getLogger(__name__)

FIRST_DECISION: Final = timedelta(seconds=10)  # a waker that has just begun may still list the cluster
RETRY_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # s; until Kubernetes reports that the pod we tried has ended

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def now_utc() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


async def no_route(_number: int, _key: DoorKey) -> bool:
    """No route leads to any door."""
    return False


async def no_logo(_app: AppId) -> str:
    """No app has a picture."""
    return ""


@dataclass
class PublicPort:
    """What the public port needs to answer. It has two limits, so that polls of pages never take a client's slot."""

    apps: Apps
    page: WaitingPage
    session: ClientSession
    metrics: Metrics
    live: Callable[[], Live] = Live
    clock: Callable[[], datetime] = now_utc
    door: Callable[[int], DoorKey | None] = lambda number: None  # whose door a port is
    door_named: Callable[[str], DoorKey | None] = lambda name: None
    proof: Callable[[int, str], str] = lambda number, nonce: ""  # that waker answers at this door, for this nonce
    route_leads_to: Callable[[int, DoorKey], Awaitable[bool]] = no_route  # asks the API server
    logo: Callable[[AppId], Awaitable[str]] = no_logo  # an app's picture, "" if there is none in time
    connections: Connections = field(default_factory=Connections)
    held: ConcurrencyLimit = field(default_factory=ConcurrencyLimit)  # held requests, and those being forwarded
    polls: ConcurrencyLimit = field(default_factory=ConcurrencyLimit)  # polls and WebSockets of pages
    pace: PollPace = field(default_factory=PollPace)  # how often pages poll
    leaving: bool = False  # every answer closes its connection: a controller must not send another request on it
    arrived_at: float = float("-inf")  # when the last request arrived, by the event loop's clock


def public_port(port: PublicPort) -> web.Application:
    """The application of the public port and of all doors. Serve it with `connections.runner`."""

    hold = partial(wait_for_pod, port, within=POLL_HOLD_ALONE)
    again = partial(poll_again, port)
    wait_host = WaitHost(
        port.apps, port.page, partial(_live, port), port.clock, hold, port.door_named, again, port.logo,
        partial(is_decided, port),
    )  # fmt: skip

    async def answer_any(request: web.Request) -> tuple[str, web.StreamResponse]:
        if port.connections.over_limit:
            return "crowded", responses.too_many_connections()
        number = local_port(request)
        key = port.door(number)
        if key:
            return await answer(port, request, number, key)
        return await wait_host.answer(request) if wait_host.is_for(request) else ("unknown", responses.misdirected())

    async def handle(request: web.Request) -> web.StreamResponse:
        port.arrived_at = asyncio.get_running_loop().time()
        kind, response = await answer_any(request)
        port.metrics.responses.labels(kind).inc()
        log.debug("answered", extra={"kind": kind, "status": response.status})
        return response

    @web.middleware
    async def never_500(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever the library's router makes of a target: each request here is for an app."""
        try:
            return await handle(request)
        except Exception:
            log.exception("a request could not be answered")
            port.metrics.responses.labels("failed").inc()
            return responses.internal_error()

    app = web.Application(middlewares=[never_500])
    app.router.add_route("*", "/{tail:.*}", handle, expect_handler=_continue_later)

    async def close_if_leaving(_request: web.Request, response: web.StreamResponse) -> None:
        if port.leaving and response.status != forward.SWITCHING_PROTOCOLS:
            response.headers["Connection"] = "close"  # the library has made the headers already
            response.force_close()

    app.on_response_prepare.append(close_if_leaving)
    app.on_response_prepare.append(http_errors.no_server_header)
    return app


def _live(port: PublicPort) -> Live:
    return port.live()


async def _continue_later(_request: web.Request) -> None:
    """Do not answer `Expect: 100-continue` yet: `forward.body` does, when there is a pod to take the body."""


def local_port(request: web.BaseRequest) -> int:
    """The port of waker at which a request has arrived, 0 if its connection is gone."""
    address = request.transport.get_extra_info("sockname") if request.transport else None
    return int(address[1]) if address else 0


async def answer(port: PublicPort, request: web.Request, number: int, key: DoorKey) -> tuple[str, web.StreamResponse]:
    """The kind of the answer at a door, for the metrics, and the answer."""
    mark = request.headers.get(names.MARKER, "")
    if mark == names.MARK_OWNERSHIP_CHECK:
        return "ownership-check", responses.ownership_proof(port.proof(number, request.headers.get(names.NONCE, "")))
    if not await is_decided(port, request, key.app):
        return "late", responses.not_known_yet()
    view = port.apps.view(*key)
    if view is None or not (port.apps.is_open(*key) or await port.route_leads_to(number, key)):
        return "unknown", responses.misdirected()
    if mark == names.MARK_POLL:
        return "poll", await answer_poll(port, request, view)
    if page_socket.is_page_socket(request):
        return "push", await serve_page_socket(port, request, view)
    kind = visitor_kind(request.method, request.rel_url.path, request.headers, view.visitors)
    said, response = await answer_visitor(port, request, view, kind)
    port.metrics.door_requests.labels(kind.value, "later" if said == kind.value else said).inc()
    return said, response


async def is_decided(port: PublicPort, request: web.Request, app: AppId) -> bool:
    """Whether it is known how the app stands. A waker that has just begun listens before it has decided on every app."""
    if port.apps.is_decided(app):
        return True
    with port.held.slots(app, slots_needed(request)) as free:
        return free and await port.apps.wait_until_decided(app, FIRST_DECISION)


async def answer_visitor(
    port: PublicPort, request: web.Request, view: View, kind: VisitorKind
) -> tuple[str, web.StreamResponse]:
    """The same for a visitor of this kind."""
    if not kind.waits and not view.open:
        return kind.value, responses.come_back_later(view, kind)
    if view.pinned and not view.open:
        return "pinned", await not_ready_response(port, request, view, kind)
    if kind.waits:
        port.apps.knock(view.app, kind)
    return await hold_and_forward(port, request, view, kind)


def latest(port: PublicPort, view: View) -> View:
    """The same app as it stands now."""
    return port.apps.view(view.app, view.backend) or view


async def answer_poll(port: PublicPort, request: web.Request, view: View) -> web.Response:
    """Answer a page's poll as soon as the app can be reached, or after a while. Never a knock."""
    port.apps.page_viewed(view.app)
    address = await wait_for_pod(port, view, poll_hold(view, request.headers))
    return responses.reload_now() if address else responses.still_waiting(latest(port, view), poll_again(port, view))


def poll_again(port: PublicPort, view: View) -> int:
    """In how many seconds the page that is answered now should ask again."""
    return port.pace.again(view.app, asyncio.get_running_loop().time())


async def wait_for_pod(port: PublicPort, view: View, within: timedelta) -> Address | None:
    """Wait for a ready pod on behalf of a page. Without a free slot, the answer is what is known now."""
    with port.polls.slots(view.app) as free:
        return await port.apps.wait_for_address(view, within if free else timedelta())


async def serve_page_socket(port: PublicPort, request: web.Request, view: View) -> web.StreamResponse:
    """Serve the page's WebSocket for as long as it is open. If a proxy does not upgrade it, the page polls. Never a knock."""
    if not tunnel.is_websocket(request):
        return responses.still_waiting(view)
    slot = port.polls.slots(view.app)
    return await page_socket.serve(port.apps, request, lambda: port.apps.view(view.app, view.backend), slot)


async def hold_and_forward(
    port: PublicPort, request: web.Request, view: View, kind: VisitorKind
) -> tuple[str, web.StreamResponse]:
    """Hold the request for as long as this visitor can wait, then forward it, or answer that the app is not ready."""
    if is_loop(request.headers):
        return "loop", responses.problem(view, "The request has come back to waker, again and again.", status=508)
    if request.raw_path == "*":
        return "refused", responses.problem(view, "A request for * is for no path of the app.", status=400)
    within = hold_time(view, kind, request.headers, port.clock())
    if not within:
        return "page", await not_ready_response(port, request, view, kind)
    loop = asyncio.get_running_loop()
    end = loop.time() + within.total_seconds()
    most = port.held.counts.share if gives_way(view, kind) else None
    with port.held.slots(view.app, slots_needed(request), most) as free:
        if not free and most is not None:
            return "page", await not_ready_response(port, request, view, kind)
        if not free:
            reason = "Too many requests are already waiting."
            return "crowded", await not_ready_response(port, request, view, kind, reason)
        with port.metrics.held.track_inprogress(), port.metrics.hold_seconds.time():
            address = await port.apps.wait_for_address(view, within, knocking=kind.waits)
        if address is None:
            late = "late" if kind is VisitorKind.CLIENT else "page"
            return late, await not_ready_response(port, request, latest(port, view), kind)
        try:
            return "forwarded", await forward_request(port, request, view, address, end)
        except forward.ForwardRefused as error:
            reason = f"The request was not forwarded: {error}."
            return "refused", await not_ready_response(port, request, view, kind, reason)
        except forward.ForwardBroken as error:
            return "broken", responses.problem(view, f"The request was forwarded, but {error}.", status=502)


async def forward_request(
    port: PublicPort, request: web.Request, view: View, address: Address, end: float
) -> web.StreamResponse:
    """Forward once. A pod that refuses the connection has read nothing and is about to go, so wait for another one.

    `end`: until when, by the event loop's clock. It was held before, and whoever is in front of waker waits no longer.
    """
    loop = asyncio.get_running_loop()
    for pause in RETRY_PAUSES:
        try:
            return await forward_to(port, request, view, address)
        except forward.ForwardRefused:
            left = end - loop.time() - pause
            if left <= 0:
                raise
            await asyncio.sleep(pause)
            another = await port.apps.wait_for_address(view, timedelta(seconds=left))
            if another is None:
                raise
            address = another
    return await forward_to(port, request, view, address)


async def forward_to(port: PublicPort, request: web.Request, view: View, address: Address) -> web.StreamResponse:
    """One try at one pod, counted."""
    with port.apps.forwarding(view.app, view.backend), port.metrics.forwarding.track_inprogress():
        response = await forward.forward(port.session, request, address)
    port.metrics.forwarded.inc()
    return response


async def not_ready_response(
    port: PublicPort, request: web.Request, view: View, kind: VisitorKind, reason: str = ""
) -> web.Response:
    """That the app is not ready, in the form that suits this visitor. `reason`: for clients, instead of the page's."""
    if kind is VisitorKind.BROWSER:
        redirect = (
            redirect_to_wait_host(port.apps, port.live(), request, view)
            if view.visitors.while_asleep == "redirect"
            else None
        )
        return redirect or await page_response(port, request, view)
    if kind is VisitorKind.CLIENT:
        return responses.problem(view, reason or port.page.sentence(view))
    return responses.come_back_later(view, kind)


async def page_response(port: PublicPort, request: web.Request, view: View) -> web.Response:
    """The waiting page, in the visitor's language."""
    port.apps.page_viewed(view.app)
    accepted = request.headers.get("Accept-Language", "")
    logo = await port.logo(view.app) if view.has_logo else ""
    page = port.page.render(view, port.clock(), request.rel_url.raw_query_string, accepted, logo=logo)
    return responses.waiting_page(page, view, view.transport.status(port.live().page_status))
