"""The answers that waker gives itself: the page, "come back later", and why. All of them carry the marker.

Nothing of the request is repeated in them, but its query in the page, escaped: see `Page.render`.
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

PAGE_AGAIN: Final = 5  # s; a wake of a small app
CLIENT_AGAIN: Final = 10  # s; a client that was held already
PROBE_AGAIN: Final = 60  # s; nothing will have changed sooner, as a probe wakes nothing
BAD_RETURN_URL: Final = "The address in url= is none of an app that is waited for here."


def marker_headers(view: View | None = None, again: int = PROBE_AGAIN) -> dict[str, str]:
    """The headers of every answer of ours."""
    mark = f"{names.MARK_PAGE}; phase={view.phase}" if view else names.MARK_PAGE
    return {
        names.MARKER: mark,
        "Retry-After": str(again),
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }


def ownership_proof() -> web.Response:
    """To waker's own probe: yes, it is waker who answers. No error, for some controllers would answer those themselves."""
    return web.Response(status=204, headers=marker_headers())


def no_such_app() -> web.Response:
    """The host, or the path of it, is none that sleeps here."""
    return web.Response(status=404, text="Nothing sleeps here under this address.\n", headers=marker_headers())


def internal_error() -> web.Response:
    """Something went wrong in here. The log knows what."""
    return web.Response(status=503, text="Please try again.\n", headers=marker_headers(again=PAGE_AGAIN))


def too_many_connections() -> web.Response:
    """To anybody, while more are connected than can be served."""
    response = web.Response(status=503, headers=marker_headers(again=CLIENT_AGAIN))
    response.force_close()
    return response


def come_back_later(view: View, who: VisitorKind) -> web.Response:
    """To a probe: not now. A monitor hears what its owner wants it to hear; the marker says that it is not the app."""
    status = view.visitors.health_check_response if who is VisitorKind.HEALTH_CHECK else 503
    return web.Response(status=status, headers=marker_headers(view))


def still_waiting(view: View) -> web.Response:
    """To the page's own poll: not yet, and how it goes. No error: see `ownership_proof`, and browsers would log each one."""
    return web.Response(status=202, headers=_going(view))


def reload_now() -> web.Response:
    """To the page's own poll: load again. No marker, as from here on it is the app who answers."""
    return web.Response(status=204, headers={"Cache-Control": "no-store"})


def problem(view: View, reason: str, status: int = 503) -> web.Response:
    """To a client: RFC 9457, with a plain reason and the phase."""
    told = {"type": "about:blank", "title": "The app is not available", "status": status, "detail": reason}
    text = json.dumps(told | {"app": view.title, "phase": view.phase}) + "\n"
    return web.Response(
        status=status, text=text, content_type="application/problem+json", headers=marker_headers(view, CLIENT_AGAIN)
    )


def waiting_page(page: RenderedPage, view: View, status: int) -> web.Response:
    """The waiting page."""
    headers = marker_headers(view, PAGE_AGAIN) | {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": page.policy,
        "Content-Language": page.language,
        "Vary": "Accept-Language",
        "Referrer-Policy": "same-origin",
    }
    return web.Response(status=status, body=page.body, headers=headers)


# --- on the wait host ---------------------------------------------------------------------------------------------


def redirect(to: str) -> web.Response:
    """To the wait host, or back from it. Without a fragment of its own, so that the browser keeps the visitor's."""
    headers = {names.MARKER: names.MARK_PAGE, "Cache-Control": "no-store", "Location": to}
    return web.Response(status=302, headers=headers | {"Referrer-Policy": "no-referrer"})


def bad_return_url() -> web.Response:
    """To a browser: nobody is sent there."""
    return web.Response(status=400, text=BAD_RETURN_URL + "\n", headers=_plain())


def bad_return_url_problem() -> web.Response:
    """The same, as RFC 9457 has it."""
    told = {"type": "about:blank", "title": "No such app", "status": 400, "detail": BAD_RETURN_URL}
    text = json.dumps(told) + "\n"
    return web.Response(status=400, text=text, content_type="application/problem+json", headers=_plain())


def method_not_allowed() -> web.Response:
    """The wait host only answers questions."""
    return web.Response(status=405, headers=_plain() | {"Allow": "GET, HEAD"})


def app_state(view: View, told: Mapping[str, object], *, ready: bool) -> web.Response:
    """How an app stands, as JSON. With the marker for as long as it is to be waited for."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.json_response(told, headers=headers if ready else _going(view))


def preflight() -> web.Response:
    """What a page of another host may ask the API."""
    return web.Response(status=204, headers=_plain())


def with_cors(answer: web.Response, origin: str | None) -> web.Response:
    """The same answer, readable by pages of this origin only."""
    answer.headers["Vary"] = "Origin"
    if origin:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Methods"] = "GET, HEAD"
        answer.headers["Access-Control-Allow-Headers"] = names.MARKER
        answer.headers["Access-Control-Max-Age"] = "600"
    return answer


def _going(view: View) -> dict[str, str]:
    """The marker with all that the page shows."""
    headers = marker_headers(view, again=PAGE_AGAIN)
    headers[names.MARKER] += f"; mood={messages.mood(view)}; step={int(view.step)}; say={messages.message_key(view)}"
    return headers


def _plain() -> dict[str, str]:
    headers = marker_headers()
    del headers["Retry-After"]  # it will be the same later
    return headers
