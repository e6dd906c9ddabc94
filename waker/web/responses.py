"""The answers that waker gives itself: the waiting page, "come back later", and errors.

Each has the marker, which says that waker answers and not the app. Only the two by which the waiting page learns that the
app can be reached have none. Nothing of a request is repeated except its query in the page, escaped (`WaitingPage.render`).
`public_port` and `wait_host` decide which answer is due; nothing here decides anything.
"""

import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from waker import names
from waker.web import messages
from waker.web.apps import View
from waker.web.page import RenderedPage
from waker.web.visitor_kind import VisitorKind

PAGE_RETRY_AFTER: Final = 5  # s; the wake of a small app
CLIENT_RETRY_AFTER: Final = 10  # s; this client was held already
BACKGROUND_RETRY_AFTER: Final = 60  # s; such a request wakes nothing, so nothing will have changed sooner
BAD_RETURN_URL: Final = "The address in url= does not belong to an app that you can wait for here."


def marker_headers(view: View | None = None, retry_after: int = BACKGROUND_RETRY_AFTER) -> dict[str, str]:
    """The headers of every answer of waker's own."""
    mark = f"{names.MARK_PAGE}; phase={view.phase}" if view else names.MARK_PAGE
    return {
        names.MARKER: mark,
        "Retry-After": str(retry_after),
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }


def ownership_proof(proof: str) -> web.Response:
    """To an ownership check: it is waker who answers, at this door. Not an error status: some controllers replace those."""
    return web.Response(status=204, headers=marker_headers() | ({names.PROOF: proof} if proof else {}))


def misdirected() -> web.Response:
    """To a request at a door to which no route leads (RFC 9110, section 15.5.20)."""
    return web.Response(status=421, text="No sleeping app has this address.\n", headers=marker_headers())


def foreign_origin() -> web.Response:
    """To a page of another origin that asks for the waiting page's WebSocket."""
    headers = _headers_without_retry()
    return web.Response(status=403, text="Only the waiting page itself gets its WebSocket.\n", headers=headers)


def internal_error() -> web.Response:
    """To a request on which waker itself failed. The log has the error."""
    headers = marker_headers(retry_after=PAGE_RETRY_AFTER)
    return web.Response(status=503, text="Something went wrong. Please try again.\n", headers=headers)


def not_known_yet() -> web.Response:
    """To any request for an app of which this waker knows nothing yet."""
    headers = marker_headers(retry_after=PAGE_RETRY_AFTER)
    return web.Response(status=503, text="This app is not known yet. Please try again.\n", headers=headers)


def too_many_connections() -> web.Response:
    """To any request while there are more connections than waker serves."""
    response = web.Response(status=503, headers=marker_headers(retry_after=CLIENT_RETRY_AFTER))
    response.force_close()
    return response


def come_back_later(view: View, kind: VisitorKind) -> web.Response:
    """To a request that wakes nothing. A health check gets the status that the app's user has chosen for it."""
    status = view.visitors.health_check_response if kind is VisitorKind.HEALTH_CHECK else 503
    return web.Response(status=status, headers=marker_headers(view))


def still_waiting(view: View, again: int = PAGE_RETRY_AFTER) -> web.Response:
    """To a poll of the page: not yet, how far the wake has come, and in how many seconds to ask again.

    Not an error status: browsers would log each one.
    """
    return web.Response(status=202, headers=_state_headers(view, again))


def reload_now() -> web.Response:
    """To a poll of the page: reload. Without the marker, as it is the app that answers from now on."""
    return web.Response(status=204, headers={"Cache-Control": "no-store"})


def problem(view: View, reason: str, status: int = 503) -> web.Response:
    """To a client: a problem of RFC 9457 with a sentence and the phase."""
    fields = {"type": "about:blank", "title": "The app is not available", "status": status, "detail": reason}
    text = json.dumps(fields | {"app": view.title, "phase": view.phase}) + "\n"
    headers = marker_headers(view, CLIENT_RETRY_AFTER)
    return web.Response(status=status, text=text, content_type="application/problem+json", headers=headers)


def waiting_page(page: RenderedPage, view: View, status: int) -> web.Response:
    """To a browser: the waiting page."""
    headers = marker_headers(view, PAGE_RETRY_AFTER) | {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": page.policy,
        "Content-Language": page.language,
        "Vary": "Accept-Language",
        "Referrer-Policy": "same-origin",
    }
    return web.Response(status=status, body=page.body, headers=headers)


# --- on the wait host ---------------------------------------------------------------------------------------------


def redirect(target: str) -> web.Response:
    """To the wait host, or back from it. `target` needs no fragment: the browser keeps the visitor's."""
    headers = {names.MARKER: names.MARK_PAGE, "Cache-Control": "no-store", "Location": target}
    return web.Response(status=302, headers=headers | {"Referrer-Policy": "no-referrer"})


def bad_return_url() -> web.Response:
    """To a browser with an address that waker sends nobody back to."""
    return web.Response(status=400, text=BAD_RETURN_URL + "\n", headers=_headers_without_retry())


def bad_return_url_problem() -> web.Response:
    """To a program with an address that waker sends nobody back to: a problem of RFC 9457."""
    fields = {"type": "about:blank", "title": "No such app", "status": 400, "detail": BAD_RETURN_URL}
    text = json.dumps(fields) + "\n"
    headers = _headers_without_retry()
    return web.Response(status=400, text=text, content_type="application/problem+json", headers=headers)


def method_not_allowed() -> web.Response:
    """To any method but GET and HEAD on the wait host."""
    return web.Response(status=405, headers=_headers_without_retry() | {"Allow": "GET, HEAD"})


def app_state(view: View, state: Mapping[str, object], again: int, *, ready: bool) -> web.Response:
    """The state of an app as JSON. It has the marker until the app is ready. `again`: when to ask for it again, in seconds."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.json_response(state, headers=headers if ready else _state_headers(view, again))


def preflight() -> web.Response:
    """To a CORS preflight for the API. `with_cors` adds what is allowed."""
    return web.Response(status=204, headers=_headers_without_retry())


def with_cors(response: web.Response, origin: str | None) -> web.Response:
    """The same response, readable by pages of this origin only."""
    response.headers["Vary"] = "Origin"
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD"
        response.headers["Access-Control-Allow-Headers"] = names.MARKER
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _state_headers(view: View, again: int) -> dict[str, str]:
    """The marker with all that the page shows."""
    headers = marker_headers(view, again)
    headers[names.MARKER] += f"; mood={messages.mood(view)}; step={int(view.step)}; say={messages.message_key(view)}"
    return headers


def _headers_without_retry() -> dict[str, str]:
    headers = marker_headers()
    del headers["Retry-After"]  # the answer will be the same later
    return headers
