"""Whether an app should be asleep: what a person said, then what the traffic says. Laws 6 and 7."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from waker import names
from waker.plan.codes import Code
from waker.plan.model import Phase, Pin, Policy, Workload
from waker.plan.notes import Notes, readable
from waker.plan.routes.route import Route, is_held
from waker.plan.snapshot import Certainty, Snapshot, Traffic
from waker.plan.turned_back import TurnedBack, in_words, put_off_until
from waker.settings.durations import format_duration
from waker.settings.pauses import FOREVER

CANNOT_TELL = "cannot tell whether it is visited"
SOON = timedelta(seconds=1)

# An open WebSocket is not seen by controllers that count at the end of a request. One that was seen makes others more likely:
# an app that has had some sleeps this much later, and no earlier than a tab is left open. `min-idle` on the app is better.
LASTING_FACTOR = 4
LASTING_LEAST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class SleepDue:
    """`due`: the app should be asleep. `requeue_after`: when that may change by the clock alone.

    `by_traffic`: nobody has asked for it; its traffic says so.
    """

    due: bool
    code: Code
    reason: str
    requeue_after: timedelta | None = None
    by_traffic: bool = False


def sleep_due(seen: Snapshot, now: datetime) -> SleepDue:
    """For an enabled app with pods: should it go to sleep?"""
    policy = seen.policy
    if policy is None:
        return SleepDue(due=False, code=Code.PAUSED, reason="KubeSleeper is paused")
    pause = policy.pause_at(now)
    if pause:
        again = None if pause.until == FOREVER else pause.until - now
        return SleepDue(due=False, code=Code.PAUSED, reason=str(pause), requeue_after=again)
    if policy.pin is Pin.AWAKE:
        return SleepDue(due=False, code=Code.PINNED_AWAKE, reason="pinned awake")
    if policy.pin is Pin.ASLEEP:
        return SleepDue(due=True, code=Code.PINNED_ASLEEP, reason="pinned asleep")
    if sleep_requested(seen.workload.notes):
        return SleepDue(due=True, code=Code.SLEEP_REQUESTED, reason="asked to sleep")
    if seen.workload.notes.saved_replicas is not None:
        return SleepDue(due=False, code=Code.WAKING, reason="waking")
    return _due_by_traffic(seen, policy, now)


def _due_by_traffic(seen: Snapshot, policy: Policy, now: datetime) -> SleepDue:
    if seen.traffic.unknown:
        return SleepDue(due=False, code=Code.TRAFFIC_UNKNOWN, reason=f"{CANNOT_TELL}: {seen.traffic.unknown}")
    visited = visited_at(seen)
    if visited is None:
        return SleepDue(due=False, code=Code.NOT_OBSERVED, reason=f"{CANNOT_TELL}: not observed yet")
    period = idle_period(policy, seen.traffic)
    left = visited + period - now
    if left > timedelta():
        sockets = f" (longer because it has WebSockets: set {names.MIN_IDLE})" if period > policy.idle_after else ""
        reason = f"in use: sleeps {format_duration(period)} after its last visit{sockets}"
        if seen.forwarding:
            reason = "in use: waker itself carries requests to it, such as a WebSocket that began with its wake"
        return SleepDue(due=False, code=Code.IN_USE, reason=reason, requeue_after=left)
    tried = readable(seen.workload.notes.turned_back)
    again = put_off_until(tried, now)
    if tried and again:
        return SleepDue(due=False, code=Code.SLEEP_PUT_OFF, reason=_put_off(tried, again), requeue_after=again - now)
    if not read_until(seen, visited + period):
        reason = "its controllers have yet to be read for the end of its idle period"
        return SleepDue(due=False, code=Code.SCRAPES_BEHIND, reason=reason, requeue_after=SOON)
    return SleepDue(
        due=True, code=Code.IDLE, reason=f"not visited for {format_duration(now - visited)}", by_traffic=True
    )


def _put_off(tried: TurnedBack, again: datetime) -> str:
    return f"{in_words(tried)}: tried again at {again:%Y-%m-%d %H:%M} UTC, by `waker sleep` at once"


def read_until(seen: Snapshot, at: datetime) -> bool:
    """Whether all visits that ended before `at` are known: an idle period counts up to the scrapes, not up to now."""
    return seen.certainty.until is None or seen.certainty.until >= at


def idle_period(policy: Policy, traffic: Traffic) -> timedelta:
    """How long after its last visit an app may sleep."""
    if traffic.lasting and policy.min_idle is None:
        return max(LASTING_FACTOR * policy.idle_after, LASTING_LEAST)
    return policy.idle_after


def sleep_requested(notes: Notes) -> bool:
    """An operator asked for sleep, and nobody has asked for the app since."""
    asked, wake = readable(notes.sleep_requested_at), wake_requested_at(notes)
    return asked is not None and (wake is None or asked > wake)


def wake_requested_at(notes: Notes) -> datetime | None:
    """When somebody last asked for the app, as written on the workload."""
    return readable(notes.wake_requested_at)


def visited_at(seen: Snapshot) -> datetime | None:
    """The last sign of life. None without any observation."""
    found = last_visit(seen.workload.notes, seen.routes, seen.traffic, seen.certainty, seen.arrived_at)
    return max(found, seen.carried_at) if found and seen.carried_at else found


def last_visit(
    notes: Notes, routes: Sequence[Route], traffic: Traffic, certainty: Certainty, arrived_at: datetime | None
) -> datetime | None:
    """The last sign of life: a visit, a late request, a wake request, or the end of the last wake. None without observation.

    A request that arrived after the swap does not count here: it has to be written down first, see `decide`. Nor does a
    doubt: the swap itself makes a controller reload.
    """
    if traffic.visited_at is None:
        return None
    late = [] if any(map(is_held, routes)) else [arrived_at, certainty.doubted_at]
    others = [*late, wake_requested_at(notes), readable(notes.awake_since)]
    return max([traffic.visited_at, *(each for each in others if each)])


def arrivals_answered_until(workload: Workload, routes: Sequence[Route], was: Phase) -> datetime | None:
    """Up to when requests that arrived at waker need nothing any more. `was` is the phase at the last reconcile.

    A request is answered once a later wake request is *seen* on the workload, not when it was sent there. And if the app was up
    at the last reconcile and is asleep now, requests from before the swap were visits of then. Any later one asks for a wake.
    """
    swaps = [route.swapped_at for route in routes if route.swapped_at]
    just_fell = workload.replicas == 0 and was in (Phase.AWAKE, Phase.FALLING_ASLEEP)
    return wake_requested_at(workload.notes) or (min(swaps) if just_fell and swaps else None)
