"""The public port: every request of an app that sleeps arrives here.

No path is ours: all of them belong to the apps (but on the wait host, see `wait_host`). For each request: whose is it,
who asks, is there a way already? Then one of: the page, or the way to it; held and passed on once; "come back later". A
knock is a wish and nothing more: it is noted in memory and the request goes on, so that neither a slow API server nor a
thousand visitors matter.

The order in `answer` is the promise. The subtle thing is that a request with the marker header never wakes anything:
waker's own probes and the page's own polls are not visits.
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
from waker.plan.model import Address, Phase
from waker.settings.live import Live
from waker.web import forward, hosts, page_socket, responses, tunnel
from waker.web.apps import Apps, View
from waker.web.concurrency import ConcurrencyLimit
from waker.web.connections import Connections
from waker.web.page import WaitingPage
from waker.web.visitor_kind import VisitorKind, visitor_kind
from waker.web.wait_host import WaitHost, redirect_to_wait_host

log = logging.getLogger(__name__)

PODS_MAY_BE_UP: Final = frozenset(
    {Phase.FALLING_ASLEEP, Phase.RESTORING_ROUTES, Phase.AWAKE}
)  # the pods may still or already be there
FLASH_GUARD: Final = timedelta(seconds=1)  # so that nobody sees a page flash
PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # s; until Kubernetes has told of a pod that was ended while asked for
SLOT_BYTES: Final = 16 * 1024  # bytes; measured, a request that waits costs 12 KiB
BODY_AHEAD: Final = 128 * 1024  # bytes; what Linux takes for a connection before anybody reads, measured 137 KiB in all
POLL: Final = timedelta(seconds=10)  # how long the page's question is held; below every proxy's read timeout
POLL_ALONE: Final = timedelta(seconds=2)  # where it is all that the page hears

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def now_utc() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


@dataclass
class PublicPort:
    """What the public port needs to answer. Two crowds, as a page that polls must not take a client's place."""

    apps: Apps
    page: WaitingPage
    session: ClientSession
    metrics: Metrics
    live: Callable[[], Live] = Live
    clock: Callable[[], datetime] = now_utc
    connections: Connections = field(default_factory=Connections)
    held: ConcurrencyLimit = field(default_factory=ConcurrencyLimit)  # and those that are being passed on
    polls: ConcurrencyLimit = field(default_factory=ConcurrencyLimit)


def public_port(door: PublicPort) -> web.Application:
    """The application of the public port. Serve it with `port.runner`."""

    wait_host = WaitHost(door.apps, door.page, door.live, door.clock, partial(wait_for_pod, door, within=POLL_ALONE))

    async def received(request: web.Request) -> tuple[str, web.StreamResponse]:
        if door.connections.crowded:
            return "crowded", responses.too_many_connections()
        return await (wait_host.answer(request) if wait_host.is_for(request) else answer(door, request))

    async def handle(request: web.Request) -> web.StreamResponse:
        door.connections.brought_request(request)
        kind, response = await received(request)
        door.metrics.answers.labels(kind).inc()
        log.debug("answered", extra={"kind": kind, "status": response.status})
        return response

    @web.middleware
    async def never_500(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:  # the router's: a target that is no path
            return responses.no_such_app()
        except Exception:
            log.exception("a request could not be answered")
            door.metrics.answers.labels("failed").inc()
            return responses.internal_error()

    app = web.Application(middlewares=[never_500])
    app.router.add_route("*", "/{tail:.*}", handle, expect_handler=_nothing_yet)
    app.on_response_prepare.append(forward.no_added_headers)
    return app


async def _nothing_yet(_request: web.Request) -> None:
    """`Expect: 100-continue` is answered when a pod is there to take the body, see `forward.body`."""


async def answer(door: PublicPort, request: web.Request) -> tuple[str, web.StreamResponse]:
    """The answer, and a word for the metrics."""
    mark = request.headers.get(names.MARKER, "")
    if mark == names.MARK_OWNERSHIP_CHECK:
        return "marker", responses.ownership_proof()
    view = find(door.apps, request)
    if view is None:
        return "unknown", responses.no_such_app()
    if mark == names.MARK_POLL:
        return "poll", await poll(door, request, view)
    if page_socket.is_page_socket(request):
        return "push", await serve_page_socket(door, request, view)
    who = visitor_kind(request.method, request.rel_url.path, request.headers, view.visitors)
    if not who.waits and not view.open:
        return who.value, responses.come_back_later(view, who)
    if view.pinned and not view.open:
        return "pinned", not_ready_response(door, request, who, view, "")
    if who.waits:
        door.apps.knock(view.app)
    return await hold_and_forward(door, request, view, who)


def find(apps: Apps, request: web.Request) -> View | None:
    """Whose request it is. What a proxy says counts only if it names an app."""
    path = request.rel_url.path or "/"
    return next((view for host in hosts.requested_hosts(request.headers) if (view := apps.find(host, path))), None)


async def poll(door: PublicPort, request: web.Request, view: View) -> web.Response:
    """Answer the page's question: not before the way is open, or after a while. Never a knock."""
    door.apps.page_viewed(view.app)
    way = await wait_for_pod(door, view, POLL if view.transport.push else POLL_ALONE)
    return responses.reload_now() if way else responses.still_waiting(find(door.apps, request) or view)


async def wait_for_pod(door: PublicPort, view: View, within: timedelta) -> Address | None:
    """For a page that asks."""
    with door.polls.slot(view.app) as place:
        return await door.apps.wait_for_address(view, within if place else timedelta())


async def serve_page_socket(door: PublicPort, request: web.Request, view: View) -> web.StreamResponse:
    """Tell the page for as long as it listens. Where a proxy does not upgrade, it goes on asking. Never a knock."""
    if not tunnel.is_websocket(request):
        return responses.still_waiting(view)
    return await page_socket.serve(door.apps, request, lambda: find(door.apps, request), door.polls.slot(view.app))


async def hold_and_forward(
    door: PublicPort, request: web.Request, view: View, who: VisitorKind
) -> tuple[str, web.StreamResponse]:
    """Wait for the way as long as this visitor can wait, then pass on; else say that it is not yet open."""
    patience = hold_time(view, who)
    if not patience:
        return "page", not_ready_response(door, request, who, view, "")
    with door.held.slot(view.app, slots(request)) as place:
        if not place:
            return "crowded", not_ready_response(
                door, request, who, view, "Too many requests wait for this app already."
            )
        with door.metrics.held.track_inprogress():
            way = await door.apps.wait_for_address(view, patience, knocking=who.waits)
        if way is None:
            late = find(door.apps, request) or view
            return "late" if who is VisitorKind.CLIENT else "page", not_ready_response(door, request, who, late, "")
        try:
            return "passed", await pass_on(door, request, view, way, patience)
        except forward.ForwardRefused as error:
            return "refused", not_ready_response(door, request, who, view, f"Not passed on: {error}.")
        except forward.ForwardBroken as error:
            return "broken", responses.problem(view, f"Passed on, but {error}.", status=502)


def hold_time(view: View, who: VisitorKind) -> timedelta:
    """How long a visitor is held before it is told anything. Zero: not at all."""
    if who is VisitorKind.CLIENT or (who is VisitorKind.BROWSER and view.visitors.while_asleep == "hold"):
        return view.visitors.hold_for
    return FLASH_GUARD if view.open or view.phase in PODS_MAY_BE_UP else timedelta()


def slots(request: web.Request) -> int:
    """How many places of the crowd a request takes: one, and more for a body that may be read ahead."""
    length = BODY_AHEAD if request.content_length is None else request.content_length
    return 1 + (min(length, BODY_AHEAD) // SLOT_BYTES if request.body_exists else 0)


async def pass_on(
    door: PublicPort, request: web.Request, view: View, way: Address, patience: timedelta
) -> web.StreamResponse:
    """Once. A pod that cannot be reached has read nothing: it is about to go, and another one is waited for."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience.total_seconds()
    for pause in PAUSES:
        try:
            return await forward_once(door, request, view, way)
        except forward.ForwardRefused:
            left = end - loop.time() - pause
            if left <= 0:
                raise
            await asyncio.sleep(pause)
            again = await door.apps.wait_for_address(view, timedelta(seconds=left))
            if again is None:
                raise
            way = again
    return await forward_once(door, request, view, way)


async def forward_once(door: PublicPort, request: web.Request, view: View, way: Address) -> web.StreamResponse:
    """One try, counted."""
    with door.apps.passing(view.app), door.metrics.passing.track_inprogress():
        response = await forward.forward(door.session, request, way)
    door.metrics.passed.inc()
    return response


def not_ready_response(
    door: PublicPort, request: web.Request, who: VisitorKind, view: View, reason: str
) -> web.Response:
    """That the app is not there yet, in the form that this visitor understands."""
    if who is VisitorKind.BROWSER:
        away = (
            redirect_to_wait_host(door.apps, door.live().wait_host, request)
            if view.visitors.while_asleep == "redirect"
            else None
        )
        return away or page_response(door, request, view)
    if who is VisitorKind.CLIENT:
        return responses.problem(view, reason or door.page.sentence(view))
    return responses.come_back_later(view, who)


def page_response(door: PublicPort, request: web.Request, view: View) -> web.Response:
    """The page, in the visitor's language."""
    door.apps.page_viewed(view.app)
    accepted = request.headers.get("Accept-Language", "")
    page = door.page.render(view, door.clock(), request.rel_url.raw_query_string, accepted)
    return responses.waiting_page(page, view, view.transport.status(door.live().page_status))
