"""The way up: an app that is wanted, from 0 replicas until its routes lead to its pods again. One half of `decide`."""

from datetime import datetime, timedelta

from waker import names
from waker.plan import drift
from waker.plan.actions import Forget, Plan, Redirect, RequestWake, Restore, ScaleUp, StopWake
from waker.plan.codes import Code
from waker.plan.model import Phase, Pin
from waker.plan.notes import readable
from waker.plan.sleep_due import SOON, wake_requested_at
from waker.plan.snapshot import Fact, Snapshot
from waker.plan.state import State
from waker.settings.durations import format_duration

# Of not being ready, to a user who does not want it to sleep; longer for an app that is slow.
GIVE_BACK_AFTER = timedelta(seconds=30)
EMPTY_WITHIN = timedelta(seconds=10)  # Kubernetes takes pods away within 1 s; it is not waited for for ever


def why_wake(seen: Snapshot, state: State) -> str:
    """Why an app without pods should get them; "" if it should not."""
    pin = seen.policy.pin if seen.policy else Pin.AUTO
    if pin is Pin.AWAKE:
        return "pinned awake"
    if pin is Pin.ASLEEP:
        return ""
    if seen.workload.notes.wake_requested_at is not None:
        return "a wake was asked for"
    ignored_until = knocks_ignored_until(seen)
    if seen.arrived_at and not (ignored_until and seen.arrived_at < ignored_until):
        return "visited"
    return "somebody keeps pointing its routes back" if drift.persistent(state) else ""


def wake(seen: Snapshot, state: State, why: str, now: datetime) -> Plan:
    """Not before the pods of the last time are gone: Kubernetes calls them ready until it takes them. Law 3."""
    since = readable(seen.workload.notes.asleep_since)
    left = since + EMPTY_WITHIN - now if since else timedelta()
    if not seen.workload.pods_gone and timedelta() < left <= EMPTY_WITHIN:
        reason = f"{why}: its pods of before are still being taken away"
        return Plan(Phase.WAKING, Code.PODS_LEAVING, reason, requeue_after=min(SOON, left))
    return Plan(Phase.WAKING, Code.SCALING_UP, why, (ScaleUp(state.saved or 0),), SOON)


def stopped(seen: Snapshot, now: datetime) -> Plan | None:
    """If somebody has scaled it to 0 while it woke, they mean it: visitors wake it again only after a while. Law 5."""
    notes, policy = seen.workload.notes, seen.policy
    scaled_up, requested = readable(notes.scaled_up_at), wake_requested_at(notes)
    asked_again = scaled_up is not None and requested is not None and requested > scaled_up
    if notes.scaled_up_at is not None and not asked_again:
        reason = "somebody has scaled it to 0 while it woke"
        return Plan(Phase.ASLEEP, Code.WAKE_STOPPED, reason, (StopWake(),), SOON)
    until = knocks_ignored_until(seen)
    if policy is None or until is None or now >= until or notes.wake_requested_at is not None:
        return None
    reason = f"somebody has scaled it to 0 while it woke: visitors wake it again in {format_duration(until - now)}"
    return Plan(
        Phase.STUCK, Code.WAKE_STOPPED, f"{reason}, `waker wake` at once", requeue_after=until - now, warning=True
    )


def knocks_ignored_until(seen: Snapshot) -> datetime | None:
    """Until when visitors do not wake an app whose wake somebody has stopped; None: nobody has."""
    at = readable(seen.workload.notes.stopped_at)
    return at + seen.policy.wake_timeout if at and seen.policy else None


def lost(seen: Snapshot, state: State) -> Plan:
    """Nobody knows how many replicas it had. It stays as it is until somebody wants it: then waker has to guess.

    Who does not want KubeSleeper any more gets the routes back, and has to scale it by hand.
    """
    what = f"{names.SAVED_REPLICAS} cannot be read" if state.unreadable else f"{names.SAVED_REPLICAS} is gone"
    wanted = _wanted(seen) if state.at_waker or state.unreadable else ""
    if wanted and Fact.LEAST_REPLICAS in seen.gathered:
        reason = f"{wanted}; {what}, so its replicas are set to {seen.least_replicas}: correct that by hand"
        guess = ScaleUp(seen.least_replicas)
        return Plan(Phase.WAKING, Code.REPLICAS_GUESSED, reason, (guess,), SOON, warning=True)
    reason = f"replicas are 0 and {what}: scale the workload by hand"
    if not wanted and state.stale and not state.at_waker:
        why = "nothing of it is asleep any more"
        return Plan(Phase.RESTORING_ROUTES, Code.ROUTE_CHANGED, why, (Restore((), state.stale),), SOON)
    if not wanted and state.at_waker and seen.policy is None:
        back, how = Restore(state.at_waker, state.stale), f"its routes go back; {reason}"
        return Plan(Phase.RESTORING_ROUTES, Code.REPLICAS_LOST, how, (back,), SOON, warning=True)
    needs = Fact.LEAST_REPLICAS if wanted else None
    again = drift.STUCK_AGAIN
    return Plan(Phase.STUCK, Code.REPLICAS_LOST, reason, requeue_after=again, warning=True, needs=needs)


def _wanted(seen: Snapshot) -> str:
    """Why somebody wants it now; "" if nobody is known to."""
    pin = seen.policy.pin if seen.policy else Pin.AUTO
    if pin is Pin.ASLEEP:
        return ""
    if seen.arrived_at is not None:
        return "visited"
    if seen.workload.notes.wake_requested_at is not None:
        return "a wake was asked for"
    return "pinned awake" if pin is Pin.AWAKE else ""


def rise(seen: Snapshot, state: State, now: datetime, why: str) -> Plan:
    """It has pods: when they are ready its routes go back, and then what was noted. Laws 3 and 4."""
    phase = Phase.RESTORING_ROUTES
    given_up = _given_up(seen, now)
    serves = seen.ready or (not state.at_waker and bool(seen.ready_routes))
    if not serves and not given_up:
        ready = tuple(route for route in state.at_waker if route.id in seen.ready_routes)
        if not ready:
            return _unready(seen, state, now)
        reason = f"some of it is ready: {len(ready)} of {len(state.at_waker)} routes go back ({why})"
        return Plan(phase, Code.RETURNING_ROUTES, reason, (Restore(ready),), SOON, open=True)
    how = f"not ready, and given back all the same ({why})" if given_up else f"ready ({why})"
    if state.at_waker or state.stale:
        back = Restore(state.at_waker, state.stale)
        return Plan(phase, Code.RETURNING_ROUTES, f"routes go back: {how}", (back,), SOON, open=serves)
    clean = seen.policy is None or seen.policy.paused
    return Plan(phase, Code.ENDING_WAKE, how, (Forget(clean),), SOON, open=serves)


def _given_up(seen: Snapshot, now: datetime) -> bool:
    """Who does not want its sleep (any more) gets the routes back, from an app that may never be ready, too."""
    if seen.ready or (seen.policy and seen.policy.pin is not Pin.AWAKE):
        return False
    notes = seen.workload.notes
    began = readable(notes.scaled_up_at) or wake_requested_at(notes)
    patience = max(GIVE_BACK_AFTER, 2 * (readable(notes.typical_wake) or timedelta()))
    return began is None or bool(seen.start_failure) or now >= began + patience


def _unready(seen: Snapshot, state: State, now: datetime) -> Plan:
    phase = Phase.WAKING if state.saved is not None else Phase.RESTORING_ROUTES
    requested = wake_requested_at(seen.workload.notes)
    timeout = seen.policy.wake_timeout if seen.policy else None
    may_pass = seen.probed_ready
    if requested and timeout and now > requested + timeout:
        reason = (
            f"not ready {format_duration(now - requested)} after the wake: {seen.start_failure or 'look at its pods'}"
        )
        again = drift.STUCK_AGAIN
        return Plan(Phase.STUCK, Code.NOT_READY_IN_TIME, reason, requeue_after=again, open=may_pass, warning=True)
    if state.astray:
        return Plan(phase, Code.ROUTE_ASTRAY, drift.ASTRAY, (Redirect(state.astray),), SOON, open=may_pass)
    pinned = seen.policy is None or seen.policy.pin is Pin.ASLEEP
    if requested is None and state.saved is not None and not pinned and not seen.problems:
        reason = "somebody has scaled it up while it slept: that counts as a wake"
        return Plan(phase, Code.SCALED_UP, reason, (RequestWake(),), SOON, open=may_pass)
    waits = f": {seen.start_failure}" if seen.start_failure else ""
    reason = f"waiting until its pods are ready{waits}"
    return Plan(phase, Code.AWAITING_PODS, reason, requeue_after=SOON, open=may_pass)
