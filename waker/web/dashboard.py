"""The page for operators at the private port: what sleeps and why, live. Imported when somebody first asks for it.

| path                  | answer                                                                                              |
| --------------------- | --------------------------------------------------------------------------------------------------- |
| GET /dashboard        | the page; `?q=` and `?phase=` filter it                                                             |
| GET /dashboard/events | what has changed, as server-sent events, for as long as the page is open                            |
| POST /dashboard/act   | sleep, wake, pause, resume, unpin; only with `--dashboard-actions`, never without a token |

Reading is for whom `/apps` is. What acts needs a bearer token of somebody who may patch that very workload, from the pod's own
address, too: whoever forwards the port may be asked by any page of their browser. The token comes in a header that only
the page's own script sets, never in a cookie, so no other site can send it. A name that leads to the loopback address
(DNS rebinding) is no name of this page, so it is refused. The subtle thing: pages with one filter share one look at the
service, and their number is bounded.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from waker.errors import ClusterError, NotFound, WakerError
from waker.plan.access import Right
from waker.web import callers
from waker.web.dashboard_parts import DashboardPage, State, row_id
from waker.web.private_port import Act

log = logging.getLogger(__name__)

MOST_PAGES: Final = 8  # that are open at once
LOOK_EVERY: Final = 2.0  # s; a look at 1,000 apps takes some 30 ms
ALIVE_EVERY: Final = 15.0  # s; an empty event, so that a page that has gone is noticed
LONGEST_QUERY: Final = 200  # characters
LONGEST_BODY: Final = 4096  # bytes
OWN_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
ACTIONS: Final = ("sleep", "wake", "pause", "resume", "auto")

Look = Callable[[str, str], State]


@dataclass(slots=True)
class Dashboard:
    """The page. `act` is None without `--dashboard-actions`."""

    look: Look
    review: callers.Review
    act: Act | None = None
    page: DashboardPage = field(init=False)
    _open: int = 0
    _looked: dict[tuple[str, str], tuple[float, State]] = field(
        default_factory=dict
    )  # by filter: when, and what was seen

    def __post_init__(self) -> None:
        self.page = DashboardPage(actions=self.act is not None)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The page."""
        refused = await self._refusal(request)
        if refused is not None:
            return refused
        words, tile = asked_for(request)
        nonce = secrets.token_urlsafe(16)
        text = self.page.page(self._state(words, tile), nonce, words, tile)
        policy = (
            f"default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
            f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'"
        )
        headers = callers.FIXED_HEADERS | {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What has changed since, until the page is closed."""
        refused = await self._refusal(request)
        if refused is not None:
            return refused
        if self._open >= MOST_PAGES:
            return callers.problem(503, "Unavailable", f"{MOST_PAGES} pages are open already.", {"Retry-After": "30"})
        response = web.StreamResponse(
            headers=callers.FIXED_HEADERS | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        self._open += 1
        try:
            await response.prepare(request)
            async for text in self._changes(*asked_for(request)):
                await response.write(text.encode())
        except ConnectionError:
            log.debug("a page for operators is closed")
        finally:
            self._open -= 1
        return response

    async def do(self, request: web.Request) -> web.StreamResponse:
        """Carry out what a button says."""
        if self.act is None:
            return callers.problem(404, "Not Found", "waker runs without --dashboard-actions.")
        asked = await wanted_action(request)
        if isinstance(asked, web.Response):
            return asked
        namespace, kind, name, action = asked
        right = Right("patch", callers.RESOURCES[kind], namespace, name)
        refused = foreign(request) or await callers.refusal_of_credential(request, right, self.review)
        if refused is not None:
            return refused
        try:
            said = await self.act(namespace, kind, name, action)
        except NotFound as error:
            return callers.problem(404, "Not Found", str(error))
        except ClusterError as error:
            return callers.problem(502, "Bad Gateway", f"The API server did not take it: {error}")
        except WakerError as error:
            return callers.problem(409, "Conflict", str(error))
        log.info("an operator has asked for it", extra={"app": f"{namespace}/{name}", "kind": kind, "action": action})
        return web.json_response({"detail": said}, headers=callers.FIXED_HEADERS)

    def _state(self, words: str, tile: str) -> State:
        """What there is to see, looked at once for all pages with this filter."""
        now = asyncio.get_running_loop().time()
        self._looked = {asked: found for asked, found in self._looked.items() if now - found[0] < LOOK_EVERY / 2}
        if (words, tile) not in self._looked:
            self._looked[words, tile] = now, self.look(words, tile)
        return self._looked[words, tile][1]

    async def _refusal(self, request: web.Request) -> web.Response | None:
        return foreign(request) or await callers.refusal(request, Right("list", "deployments"), self.review)

    async def _changes(self, words: str, tile: str) -> AsyncIterator[str]:
        """Events: first everything, then what is new. The rows are compared as data, so what is as before is not rendered."""
        sent: dict[str, int] = {}
        parts: dict[str, str] = {}
        silent = 0.0
        while True:
            state = self._state(words, tile)
            rows = {row_id(each): each for each in state["apps"]}
            marks = {id: hash(json.dumps(each)) for id, each in rows.items()}
            news: dict[str, Any] = {}
            if list(marks) != list(sent):
                news["order"] = list(marks)
            changed = {id: self.page.row(rows[id]) for id, mark in marks.items() if sent.get(id) != mark}
            new = self.page.parts(state)
            news |= {"rows": changed} if changed else {}
            news |= (
                {"parts": found} if (found := {name: new[name] for name in new if parts.get(name) != new[name]}) else {}
            )
            sent, parts = marks, new
            if news:
                silent = 0.0
                yield f"data: {json.dumps(news)}\n\n"
            elif silent >= ALIVE_EVERY:
                silent = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(LOOK_EVERY)
            silent += LOOK_EVERY


def foreign(request: web.Request) -> web.Response | None:
    """The refusal of a request by a page of another site, or under a name that is not this page's; None if it is neither."""
    local = callers.is_the_pod_itself(request)
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if local and (request.url.host or "").strip("[]").lower() not in OWN_NAMES:
        return callers.problem(421, "Misdirected Request", "Ask for it at localhost.")
    if site not in ("same-origin", "none") or (origin is not None and origin.partition("://")[2] != request.host):
        return callers.problem(403, "Forbidden", "Another site has sent this request.")
    return None


def asked_for(request: web.Request) -> tuple[str, str]:
    """The filter: words, and a tile."""
    return request.query.get("q", "")[:LONGEST_QUERY], request.query.get("phase", "")[:LONGEST_QUERY]


async def wanted_action(request: web.Request) -> tuple[str, str, str, str] | web.Response:
    """Namespace, kind, name and action of a request, or why it is none."""
    if request.content_type != "application/json" or (request.content_length or 0) > LONGEST_BODY:
        return callers.problem(415, "Unsupported Media Type", f"Send JSON of at most {LONGEST_BODY} bytes.")
    try:
        body = json.loads((await request.content.read(LONGEST_BODY)).decode())
        found = tuple(str(body[key]) for key in ("namespace", "kind", "name", "action"))
    except (ValueError, KeyError, TypeError):
        return callers.problem(400, "Bad Request", "Send namespace, kind, name and action.")
    if found[1] not in callers.RESOURCES or found[3] not in ACTIONS:
        return callers.problem(
            400,
            "Bad Request",
            f"The action is one of {', '.join(ACTIONS)}, the kind one of {', '.join(callers.RESOURCES)}.",
        )
    return found[0], found[1], found[2], found[3]
