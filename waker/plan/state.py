"""A snapshot's facts under the names that `decide` thinks in."""

import re
from dataclasses import dataclass

from waker import names
from waker.plan.model import Holder, Route, RouteId, Snapshot
from waker.plan.workload_patches import NOTES


@dataclass(frozen=True, slots=True)
class State:
    """What we hold of an app. `saved` is None if nothing readable is saved."""

    saved: int | None
    unreadable: bool
    at_waker: tuple[Route, ...]
    at_app: tuple[Route, ...]
    stale: tuple[RouteId, ...]  # saved entries that hold nothing any more
    marked: bool  # any annotation of ours is on the workload
    held: bool  # something is left to be given back


def state_of(seen: Snapshot) -> State:
    """The snapshot, sorted."""
    annotations = seen.workload.annotations
    text = annotations.get(names.SAVED_REPLICAS)
    readable = text is not None and re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII) is not None
    ours = tuple(route for route in seen.routes if route.holder is Holder.WAKER)
    theirs = tuple(route for route in seen.routes if route.holder is Holder.APP)
    pods = seen.workload.replicas > 0
    reverted = tuple(route.id for route in theirs if route.swapped_at) if pods else ()
    stale = seen.orphans + reverted
    wished = names.WAKE_REQUESTED_AT in annotations
    return State(
        saved=int(text) if text and readable else None,
        unreadable=text is not None and not readable,
        at_waker=ours,
        at_app=theirs,
        stale=stale,
        marked=any(key in annotations for key in NOTES),
        held=bool(text is not None or ours or stale or (pods and wished)),
    )
