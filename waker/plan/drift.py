"""Routes that somebody points back at the app while waker holds them, or wants to: mostly a tool that applies manifests.

Swapped again, but with growing pauses and not for ever: each swap is work for the controller, and who undoes it again and
again means it.
"""

from datetime import datetime, timedelta

from waker.plan.actions import Plan, Redirect
from waker.plan.codes import Code
from waker.plan.model import Phase
from waker.plan.state import State

MOST_SWAPS = 3  # in one sleep
BACKOFF = timedelta(seconds=5)  # doubled with each swap
LOOK_AGAIN = timedelta(seconds=1)
STUCK_AGAIN = timedelta(seconds=10)
ASTRAY = "a route leads to another door of waker than its own"


def persistent(state: State) -> bool:
    """Whether somebody has pointed a route back so often that it stays."""
    return any(route.swaps >= MOST_SWAPS for route in state.at_app)


def swap_again(state: State, phase: Phase, now: datetime) -> Plan:
    """What to do about routes that lead to the app: a new one is swapped at once, one that was pointed back after a while."""
    pointed_back = tuple(route for route in state.at_app if route.swaps)
    named = ", ".join(str(route.id) for route in pointed_back)
    if persistent(state):
        reason = f"somebody keeps pointing {named} back: configure that tool to leave Ingress backends alone"
        return Plan(Phase.STUCK, Code.ROUTE_KEPT_BACK, reason, requeue_after=STUCK_AGAIN, warning=True)
    added = tuple(route for route in state.at_app if not route.swaps)
    if added:
        return Plan(phase, Code.ROUTE_ADDED, "its owner has added a route", (Redirect(added),), LOOK_AGAIN)
    reason = f"{named} was pointed back by somebody else"
    left = max(route.swapped_at + BACKOFF * 2**route.swaps for route in pointed_back if route.swapped_at) - now
    if left > timedelta():
        return Plan(phase, Code.ROUTE_POINTED_BACK, reason, requeue_after=left, warning=True)
    return Plan(phase, Code.ROUTE_POINTED_BACK, reason, (Redirect(pointed_back),), LOOK_AGAIN, warning=True)
