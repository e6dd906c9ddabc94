"""How long a request at a door waits for the app before it is answered without it.

A client waits for as long as its user says (`hold-for`), a browser hardly at all, a page's poll for some seconds. Whatever
it is, the controller in front of waker must not give up first: its client would get an error of the controller's own. So
every wait ends before the timeout of the way to this door, and of this request (`plan.hold_time`).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from waker.plan.hold_time import expected_timeout, hold_within
from waker.plan.model import Phase
from waker.web.apps import View
from waker.web.visitor_kind import VisitorKind

# The phases in which a pod may still, or already, be running.
PODS_MAY_BE_UP: Final = frozenset({Phase.FALLING_ASLEEP, Phase.RESTORING_ROUTES, Phase.AWAKE})
FLASH_GUARD: Final = timedelta(seconds=1)  # a browser is held for this long, so that the page does not just flash up
POLL_HOLD: Final = timedelta(seconds=10)  # how long a page's poll is held; well below most read timeouts
POLL_HOLD_ALONE: Final = timedelta(seconds=2)  # the same where the page has no WebSocket


def hold_time(view: View, kind: VisitorKind, headers: Mapping[str, str]) -> timedelta:
    """How long a request is held. Zero: not at all."""
    if kind is VisitorKind.CLIENT or (kind is VisitorKind.BROWSER and view.visitors.while_asleep == "hold"):
        return _shortened(view.visitors.hold_for, view, headers)
    return _shortened(FLASH_GUARD, view, headers) if view.open or view.phase in PODS_MAY_BE_UP else timedelta()


def poll_hold(view: View, headers: Mapping[str, str]) -> timedelta:
    """How long a page's poll is held."""
    return _shortened(POLL_HOLD if view.transport.push else POLL_HOLD_ALONE, view, headers)


def _shortened(wanted: timedelta, view: View, headers: Mapping[str, str]) -> timedelta:
    return min(wanted, hold_within(min(view.transport.timeout, expected_timeout(headers))))
