"""A snapshot's facts under the names that `decide` thinks in."""

from dataclasses import dataclass

from waker.plan.model import Pin
from waker.plan.notes import NONE, Unreadable, readable
from waker.plan.routes.route import Route, RouteId, is_astray, is_held
from waker.plan.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class State:
    """What waker holds of an app. `saved` is None if nothing readable is saved."""

    saved: int | None
    unreadable: bool
    at_waker: tuple[Route, ...]
    at_app: tuple[Route, ...]
    astray: tuple[Route, ...]  # of those at waker: not at their own door
    stale: tuple[RouteId, ...]  # saved entries that hold nothing any more
    stopped: bool  # somebody has scaled it to 0 during a wake
    marked: bool  # waker has left a note on the workload
    held: bool  # something is left to be given back


def state_of(seen: Snapshot) -> State:
    """The snapshot, sorted."""
    notes = seen.workload.notes
    at_waker = tuple(route for route in seen.routes if is_held(route))
    at_app = tuple(route for route in seen.routes if not is_held(route))
    pods = seen.workload.replicas > 0
    saved = readable(notes.saved_replicas)
    reverted = tuple(route.id for route in at_app if route.swapped_at) if pods or saved is None else ()
    stale = seen.orphans + reverted
    return State(
        saved=saved,
        unreadable=isinstance(notes.saved_replicas, Unreadable),
        at_waker=at_waker,
        at_app=at_app,
        astray=tuple(filter(is_astray, at_waker)),
        stale=stale,
        stopped=notes.stopped_at is not None or (not pods and notes.scaled_up_at is not None),
        marked=notes != NONE,
        held=bool(notes.saved_replicas is not None or at_waker or stale or (pods and _left_over(seen))),
    )


def _left_over(seen: Snapshot) -> bool:
    """Notes of a wake or a sleep that is over, or a request for sleep that a pin has overtaken: the next wake ends them."""
    notes, pinned_awake = seen.workload.notes, seen.policy is not None and seen.policy.pin is Pin.AWAKE
    over = (notes.wake_requested_at, notes.asleep_since, notes.scaled_up_at, notes.stopped_at)
    return any(each is not None for each in over) or (pinned_awake and notes.sleep_requested_at is not None)
