"""The public port: every request of an app that sleeps arrives here.

No path is ours: all of them belong to the apps (but on the wait host, see `wait_host`). For each request: whose is it,
who asks, is there a way already? Then one of: the page, or the way to it; held and passed on once; "come back later". A
knock is a wish and nothing more: it is noted in memory and the request goes on, so that neither a slow API server nor a
thousand visitors matter.

The order in `answer` is the promise. The subtle thing is that a request with the marker header never wakes anything:
waker's own probes and the page's own polls are not visits.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from aiohttp import ClientSession, web

from waker import names
from waker.metrics import Metrics
from waker.plan.model import Address, Phase
from waker.settings import Live
from waker.web import answers, forward, hosts, sockets
from waker.web.apps import Apps, View
from waker.web.audience import Audience, audience
from waker.web.crowd import Crowd
from waker.web.page import Page, sentence
from waker.web.wait_host import WaitHost, sent

log = logging.getLogger(__name__)

MAYBE_UP: Final = frozenset({Phase.FALLING, Phase.RISING, Phase.AWAKE})  # the pods may still or already be there
A_MOMENT: Final = timedelta(seconds=1)  # so that nobody sees a page flash
POLL: Final = timedelta(seconds=10)  # how long the page's question is held; below every proxy's read timeout
DRAIN: Final = 5  # s; how long requests under way may take when waker is told to leave
LONGEST_HEADER: Final = 64 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def now_utc() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


@dataclass
class Door:
    """What the public port needs to answer. Two crowds, as a page that polls must not take a client's place."""

    apps: Apps
    page: Page
    session: ClientSession
    metrics: Metrics
    live: Callable[[], Live] = Live
    clock: Callable[[], datetime] = now_utc
    held: Crowd = field(default_factory=Crowd)
    polls: Crowd = field(default_factory=Crowd)


def visitors(door: Door) -> web.Application:
    """The application of the public port. Serve it with `runner`."""

    wait_host = WaitHost(door.apps, door.page, door.live, door.clock, partial(wait_for_way, door))

    async def handle(request: web.Request) -> web.StreamResponse:
        kind, response = await (wait_host.answer(request) if wait_host.meant(request) else answer(door, request))
        door.metrics.answers.labels(kind).inc()
        log.debug("answered", extra={"kind": kind, "status": response.status})
        return response

    @web.middleware
    async def never_500(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:  # the router's: a target that is no path
            return answers.unknown()
        except Exception:
            log.exception("a request could not be answered")
            door.metrics.answers.labels("failed").inc()
            return answers.failed()

    app = web.Application(middlewares=[never_500])
    app.router.add_route("*", "/{tail:.*}", handle, expect_handler=_nothing_yet)
    app.on_response_prepare.append(forward.leave_as_it_came)
    return app


def runner(app: web.Application) -> web.AppRunner:
    """How the public port is served. Bodies are passed on as they are, so nothing unpacks them."""
    return web.AppRunner(
        app,
        access_log=None,
        logger=protocol_log(),
        auto_decompress=False,
        handler_cancellation=True,  # who has gone is no longer held
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
        shutdown_timeout=DRAIN,
    )


def protocol_log() -> logging.Logger:
    """Where the HTTP library complains of requests it cannot read. It would repeat them; only the kind is kept."""
    own = logging.getLogger(f"{__name__}.protocol")
    if not own.filters:
        own.addFilter(_unspoken)
    return own


def _unspoken(record: logging.LogRecord) -> bool:
    error = record.exc_info[0] if record.exc_info else None
    record.msg, record.args, record.exc_info = "a request could not be read: %s", (error and error.__name__,), None
    return log.isEnabledFor(logging.DEBUG)  # scanners do it all day


async def _nothing_yet(_request: web.Request) -> None:
    """`Expect: 100-continue` is answered when a pod is there to take the body, see `forward.body`."""


async def answer(door: Door, request: web.Request) -> tuple[str, web.StreamResponse]:
    """The answer, and a word for the metrics."""
    mark = request.headers.get(names.MARKER, "")
    if mark == names.MARK_PROBE:
        return "marker", answers.here()
    view = find(door.apps, request)
    if view is None:
        return "unknown", answers.unknown()
    if mark == names.MARK_POLL:
        return "poll", await poll(door, request, view)
    who = audience(request.method, request.rel_url.path, request.headers)
    if who is Audience.PROBE and not view.open:
        return "probe", answers.later(view)
    if view.pinned and not view.open:
        return "pinned", told(door, request, who, view, sentence(view))
    if who is not Audience.PROBE:
        door.apps.knock(view.app)
    return await visit(door, request, view, who)


def find(apps: Apps, request: web.Request) -> View | None:
    """Whose request it is. What a proxy says counts only if it names an app."""
    path = request.rel_url.path or "/"
    return next((view for host in hosts.asked(request.headers) if (view := apps.find(host, path))), None)


async def poll(door: Door, request: web.Request, view: View) -> web.Response:
    """Answer the page's question: not before the way is open, or after a while. Never a knock."""
    way = await wait_for_way(door, view)
    return answers.opened() if way else answers.waiting(find(door.apps, request) or view)


async def wait_for_way(door: Door, view: View) -> Address | None:
    """For a page that asks."""
    with door.polls.place(view.app) as place:
        return await door.apps.way(view, POLL if place else timedelta())


async def visit(door: Door, request: web.Request, view: View, who: Audience) -> tuple[str, web.StreamResponse]:
    """Wait for the way as long as this kind of visitor can wait, then pass on; else say that it is not yet open."""
    patience = A_MOMENT if view.open or view.phase in MAYBE_UP else timedelta()
    if who is Audience.CLIENT:
        patience = max(patience, view.reception.hold_for)
    if not patience:
        return "page", told(door, request, who, view, "")
    with door.held.place(view.app) if not view.open else nullcontext(enter_result=True) as place:
        if not place:
            return "crowded", told(door, request, who, view, "Too many requests wait for this app already.")
        with door.metrics.held.track_inprogress():
            way = await door.apps.way(view, patience, knocking=who is not Audience.PROBE)
    if way is None:
        late = find(door.apps, request) or view
        return "late" if who is Audience.CLIENT else "page", told(door, request, who, late, sentence(late))
    try:
        return "passed", await pass_on(door, request, view, way)
    except forward.Refused as error:
        return "refused", told(door, request, who, view, f"Not passed on: {error}.")
    except forward.Broken as error:
        return "broken", answers.problem(view, f"Passed on, but {error}.", status=502)


async def pass_on(door: Door, request: web.Request, view: View, way: Address) -> web.StreamResponse:
    """Once. A pod that cannot be reached has read nothing, so another one may be asked for, one time."""
    carry = sockets.once if sockets.wanted(request) else forward.once
    with door.apps.passing(view.app), door.metrics.passing.track_inprogress():
        try:
            response = await carry(door.session, request, way)
        except forward.Refused:
            again = await door.apps.way(view, A_MOMENT)
            if again is None:
                raise
            response = await carry(door.session, request, again)
    door.metrics.passed.inc()
    return response


def told(door: Door, request: web.Request, who: Audience, view: View, reason: str) -> web.Response:
    """That the app is not there yet, in the form that this visitor understands."""
    if who is Audience.BROWSER:
        away = sent(door.apps, door.live().wait_host, request) if view.reception.audience == "redirect" else None
        return away or answers.shown(
            door.page.render(view, door.clock(), request.rel_url.raw_query_string), view, door.live().page_status
        )
    return answers.problem(view, reason or sentence(view)) if who is Audience.CLIENT else answers.later(view)
