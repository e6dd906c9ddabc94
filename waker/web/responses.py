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
from waker.web.page import Rendered
from waker.web.visitor_kind import Audience

PAGE_AGAIN: Final = 5  # s; a wake of a small app
CLIENT_AGAIN: Final = 10  # s; a client that was held already
PROBE_AGAIN: Final = 60  # s; nothing will have changed sooner, as a probe wakes nothing
NO_WAY_BACK: Final = "The address in url= is none of an app that is waited for here."


def marked(view: View | None = None, again: int = PROBE_AGAIN) -> dict[str, str]:
    """The headers of every answer of ours."""
    mark = f"{names.MARK_PAGE}; phase={view.phase}" if view else names.MARK_PAGE
    return {
        names.MARKER: mark,
        "Retry-After": str(again),
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }


def here() -> web.Response:
    """To waker's own probe: yes, it is waker who answers. No error, for some controllers would answer those themselves."""
    return web.Response(status=204, headers=marked())


def unknown() -> web.Response:
    """The host, or the path of it, is none that sleeps here."""
    return web.Response(status=404, text="Nothing sleeps here under this address.\n", headers=marked())


def failed() -> web.Response:
    """Something went wrong in here. The log knows what."""
    return web.Response(status=503, text="Please try again.\n", headers=marked(again=PAGE_AGAIN))


def crowded() -> web.Response:
    """To anybody, while more are connected than can be served."""
    response = web.Response(status=503, headers=marked(again=CLIENT_AGAIN))
    response.force_close()
    return response


def later(view: View, who: Audience) -> web.Response:
    """To a probe: not now. A monitor hears what its owner wants it to hear; the marker says that it is not the app."""
    status = view.reception.probe_response if who is Audience.MONITOR else 503
    return web.Response(status=status, headers=marked(view))


def waiting(view: View) -> web.Response:
    """To the page's own poll: not yet, and how it goes. No error: see `here`, and browsers would log each one."""
    return web.Response(status=202, headers=_going(view))


def opened() -> web.Response:
    """To the page's own poll: load again. No marker, as from here on it is the app who answers."""
    return web.Response(status=204, headers={"Cache-Control": "no-store"})


def problem(view: View, reason: str, status: int = 503) -> web.Response:
    """To a client: RFC 9457, with a plain reason and the phase."""
    told = {"type": "about:blank", "title": "The app is not available", "status": status, "detail": reason}
    text = json.dumps(told | {"app": view.title, "phase": view.phase}) + "\n"
    return web.Response(
        status=status, text=text, content_type="application/problem+json", headers=marked(view, CLIENT_AGAIN)
    )


def shown(page: Rendered, view: View, status: int) -> web.Response:
    """The waiting page."""
    headers = marked(view, PAGE_AGAIN) | {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": page.policy,
        "Content-Language": page.language,
        "Vary": "Accept-Language",
        "Referrer-Policy": "same-origin",
    }
    return web.Response(status=status, body=page.body, headers=headers)


# --- on the wait host ---------------------------------------------------------------------------------------------


def moved(to: str) -> web.Response:
    """To the wait host, or back from it. Without a fragment of its own, so that the browser keeps the visitor's."""
    headers = {names.MARKER: names.MARK_PAGE, "Cache-Control": "no-store", "Location": to}
    return web.Response(status=302, headers=headers | {"Referrer-Policy": "no-referrer"})


def no_way_back() -> web.Response:
    """To a browser: nobody is sent there."""
    return web.Response(status=400, text=NO_WAY_BACK + "\n", headers=_plain())


def no_way_back_told() -> web.Response:
    """The same, as RFC 9457 has it."""
    told = {"type": "about:blank", "title": "No such app", "status": 400, "detail": NO_WAY_BACK}
    text = json.dumps(told) + "\n"
    return web.Response(status=400, text=text, content_type="application/problem+json", headers=_plain())


def no_method() -> web.Response:
    """The wait host only answers questions."""
    return web.Response(status=405, headers=_plain() | {"Allow": "GET, HEAD"})


def state(view: View, told: Mapping[str, object], *, ready: bool) -> web.Response:
    """How an app stands, as JSON. With the marker for as long as it is to be waited for."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.json_response(told, headers=headers if ready else _going(view))


def preflight() -> web.Response:
    """What a page of another host may ask the API."""
    return web.Response(status=204, headers=_plain())


def allowed(answer: web.Response, origin: str | None) -> web.Response:
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
    headers = marked(view, again=PAGE_AGAIN)
    headers[names.MARKER] += f"; mood={messages.mood(view)}; step={int(view.step)}; say={messages.saying(view)}"
    return headers


def _plain() -> dict[str, str]:
    headers = marked()
    del headers["Retry-After"]  # it will be the same later
    return headers
