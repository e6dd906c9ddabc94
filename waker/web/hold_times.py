"""How long a request at a door waits for the app before it is answered without it.

A client waits for as long as its user says (`hold-for`), a browser hardly at all, or for a second or two where the app
wakes as fast as that (`page-after`), a page's poll for some seconds. Whatever it is, the controller in front of waker must
not give up first: its client would get an error of the controller's own. So every wait ends before the timeout of the way to
this door, and of this request (`plan.hold_time`).

A browser that waits could as well be shown the page, a client could not. So a crowd of browsers must not take the places of
clients: `gives_way` says whose requests are held only while few are.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from waker.plan.hold_time import expected_timeout, hold_within
from waker.plan.model import Phase
from waker.web.apps import View
from waker.web.visitor_kind import VisitorKind

# The phases in which a pod may still, or already, be running.
PODS_MAY_BE_UP: Final = frozenset({Phase.FALLING_ASLEEP, Phase.RESTORING_ROUTES, Phase.AWAKE})
FLASH_GUARD: Final = timedelta(seconds=1)  # a browser is held for this long, so that the page does not just flash up
PATIENCE: Final = 2  # times `page-after`: if a fast app is not there by then, today is different, and the page is shown
POLL_HOLD: Final = timedelta(seconds=10)  # how long a page's poll is held; well below most read timeouts
POLL_HOLD_ALONE: Final = timedelta(seconds=2)  # the same where the page has no WebSocket


def hold_time(view: View, kind: VisitorKind, headers: Mapping[str, str], now: datetime) -> timedelta:
    """How long a request is held. Zero: not at all."""
    if kind is VisitorKind.CLIENT or (kind is VisitorKind.BROWSER and view.visitors.while_asleep == "hold"):
        return _shortened(view.visitors.hold_for, view, headers)
    guard = FLASH_GUARD if view.open or view.phase in PODS_MAY_BE_UP else timedelta()
    return _shortened(max(guard, _without_page(view, now)), view, headers)


def gives_way(view: View, kind: VisitorKind) -> bool:
    """Whether a request is held only so that no page flashes up: a browser, unless the app is there or its user says hold."""
    return kind is VisitorKind.BROWSER and view.visitors.while_asleep != "hold" and not view.open


def _without_page(view: View, now: datetime) -> timedelta:
    """How long a browser is held because the app will be there before a page could be read. Zero: it is not that fast."""
    most = view.visitors.page_after
    if view.typical is None or view.typical >= most or view.trouble or view.phase is Phase.STUCK:
        return timedelta()
    waited = now - view.since if view.since else timedelta()
    return max(PATIENCE * most - waited, timedelta())


def poll_hold(view: View, headers: Mapping[str, str]) -> timedelta:
    """How long a page's poll is held."""
    return _shortened(POLL_HOLD if view.transport.push else POLL_HOLD_ALONE, view, headers)


def _shortened(wanted: timedelta, view: View, headers: Mapping[str, str]) -> timedelta:
    return min(wanted, hold_within(min(view.transport.timeout, expected_timeout(headers))))
