"""The answers that waker gives itself: the page, "come back later", and why. All of them carry the marker.

Nothing of the request is repeated in them, but its query in the page, escaped: see `Page.render`.
"""

import json
from typing import Final

from aiohttp import web

from waker import names
from waker.web.apps import View
from waker.web.page import Rendered

PAGE_AGAIN: Final = 5  # s; a wake of a small app
CLIENT_AGAIN: Final = 10  # s; a client that was held already
PROBE_AGAIN: Final = 60  # s; nothing will have changed sooner, as a probe wakes nothing


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
    """To waker's own probe: yes, it is waker who answers."""
    return web.Response(status=503, headers=marked())


def unknown() -> web.Response:
    """The host, or the path of it, is none that sleeps here."""
    return web.Response(status=404, text="Nothing sleeps here under this address.\n", headers=marked())


def failed() -> web.Response:
    """Something went wrong in here. The log knows what."""
    return web.Response(status=503, text="Please try again.\n", headers=marked(again=PAGE_AGAIN))


def later(view: View) -> web.Response:
    """To a probe: not now."""
    return web.Response(status=503, headers=marked(view))


def waiting(view: View) -> web.Response:
    """To the page's own poll: not yet."""
    return web.Response(status=503, headers=marked(view, again=PAGE_AGAIN))


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
        "Referrer-Policy": "same-origin",
    }
    return web.Response(status=status, body=page.body, headers=headers)
