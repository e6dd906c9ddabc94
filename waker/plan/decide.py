"""What should be done with one app now: the whole brain, and nothing else.

Pure: a snapshot and the time go in, a plan comes out. It never waits, asks or remembers; what it needs to know later it
says as `requeue_after`. The order laws, tested over every state a snapshot can be in, and by crashing at every step:

1. Remember before you change: originals go into the very patch that changes them.
2. Route before you scale down: every controller pod is known to send the routes to waker before replicas become 0.
3. Ready before you route back: a ready endpoint behind every routed Service port. Forwarding may begin a little earlier.
4. Forget last.
5. Never undo what we did not do: a foreign edit wins, and is reported.
6. A wake request beats sleep: it is written on the workload first, so that a sleeper that looked earlier loses the race.
7. Unknown is not idle.
8. A restart at any instant neither sleeps anything nor forgets a wake.

    replicas  saved  routes     wants    phase
    > 0       -      at app     -        Awake
    > 0       -      any        sleep    FallingAsleep     routes -> waker, followed, then replicas -> 0
    0         yes    at waker   sleep    Asleep
    0         yes    any        wake     Waking            replicas -> saved
    > 0       yes    any        -        Waking            until ready, then
    > 0       any    at waker   wake     RestoringRoutes   routes -> app, then forget
    0         -      at waker   -        Stuck             what to return to is lost
"""

from datetime import datetime, timedelta

from waker import names
from waker.plan import drift
from waker.plan.actions import Forget, Plan, Redirect, RequestWake, Restore, ScaleToZero, ScaleUp
from waker.plan.model import Phase, Pin
from waker.plan.notes import readable
from waker.plan.sleep_due import SOON, SleepDue, read_until, sleep_due, wake_requested_at
from waker.plan.snapshot import Refusal, Snapshot
from waker.plan.state import State, state_of
from waker.settings.durations import format_duration

CHECK_EVERY = timedelta(milliseconds=200)
SETTLE = timedelta(seconds=2)  # requests that a controller took before it followed end meanwhile
STAY = timedelta(minutes=1)  # whom a forgetful controller may have forgotten often comes back within
FOLLOW_WITHIN = timedelta(seconds=30)  # ten times the slowest controller's known lag
EMPTY_WITHIN = timedelta(seconds=10)  # Kubernetes takes pods away within 1 s; it is not waited for for ever
DRAIN_WITHIN = timedelta(seconds=30)  # for requests that waker itself is forwarding; a pod's own grace comes after
ASTRAY = "a route leads to another door of waker than its own"


def decide(seen: Snapshot, now: datetime) -> Plan:
    """The plan for one app. Never raises."""
    state = state_of(seen)
    if seen.policy is None or seen.problems:
        return _let_go(seen, state, now)
    if seen.workload.replicas == 0:
        return _without_pods(seen, state, now)
    due = sleep_due(seen, now)
    if due.due:
        return _fall(seen, state, due, now)
    if state.at_waker and state.saved is None and not _wake_requested_since_the_swap(seen, state):
        return _turn_back(seen, state, now, due.reason)
    if state.held:
        return _rise(seen, state, now, due.reason)
    return Plan(Phase.AWAKE, due.reason, requeue_after=due.requeue_after, open=True)


def _let_go(seen: Snapshot, state: State, now: datetime) -> Plan:
    """Not enabled, or with a problem: whatever is still held is given back."""
    why = "; ".join(seen.problems) or f"{names.ENABLED} is not true"
    if seen.workload.replicas == 0 and state.saved:
        return _wake(seen, state, why, now)
    if seen.workload.replicas and state.held:
        return _rise(seen, state, now, why)
    if state.at_waker or state.unreadable:
        return _lost(state)
    if seen.policy is None and state.marked:
        return Plan(Phase.NOT_MANAGED, why, (Forget(clean=True),), open=True)
    return Plan(Phase.NOT_MANAGED, why, open=True, warning=bool(seen.problems and seen.policy))


# --- replicas are 0 -----------------------------------------------------------------------------------------------


def _without_pods(seen: Snapshot, state: State, now: datetime) -> Plan:
    if state.saved is None and (state.at_waker or state.unreadable):
        return _lost(state)
    if state.saved is None:
        return Plan(Phase.NOT_MANAGED, "scaled to 0 by its owner, not by KubeSleeper")
    wanted = _why_wake(seen, state)
    if wanted:
        return _wake(seen, state, wanted, now)
    if state.stale:
        return Plan(
            Phase.ASLEEP, "its owner changed a route, so it is the owner's again", (Restore((), state.stale),), SOON
        )
    if state.astray:
        return Plan(Phase.ASLEEP, ASTRAY, (Redirect(state.astray),), drift.LOOK_AGAIN)
    if state.at_app:
        return drift.swap_again(state, Phase.ASLEEP, now)
    pinned = seen.policy is not None and seen.policy.pin is Pin.ASLEEP
    return Plan(Phase.ASLEEP, "pinned asleep" if pinned else "asleep until visited")


def _why_wake(seen: Snapshot, state: State) -> str:
    pin = seen.policy.pin if seen.policy else Pin.AUTO
    if pin is Pin.AWAKE:
        return "pinned awake"
    if pin is Pin.ASLEEP:
        return ""
    if seen.workload.notes.wake_requested_at is not None:
        return "a wake was asked for"
    if seen.arrived_at:
        return "visited"
    return "somebody keeps pointing its routes back" if drift.persistent(state) else ""


def _wake(seen: Snapshot, state: State, why: str, now: datetime) -> Plan:
    """Not before the pods of the last time are gone: Kubernetes calls them ready until it takes them. Law 3."""
    since = readable(seen.workload.notes.asleep_since)
    left = since + EMPTY_WITHIN - now if since else timedelta()
    if not seen.workload.pods_gone and timedelta() < left <= EMPTY_WITHIN:
        return Plan(
            Phase.WAKING, f"{why}: its pods of before are still being taken away", requeue_after=min(SOON, left)
        )
    return Plan(Phase.WAKING, why, (ScaleUp(state.saved or 0),), SOON)


def _lost(state: State) -> Plan:
    what = f"{names.SAVED_REPLICAS} cannot be read" if state.unreadable else f"{names.SAVED_REPLICAS} is gone"
    return Plan(
        Phase.STUCK,
        f"replicas are 0 and {what}: scale the workload by hand",
        requeue_after=drift.STUCK_AGAIN,
        warning=True,
    )


# --- there are pods -----------------------------------------------------------------------------------------------


def _fall(seen: Snapshot, state: State, due: SleepDue, now: datetime) -> Plan:
    """On the way down, until every controller follows. Laws 1, 2 and 6."""
    pinned = seen.policy is not None and seen.policy.pin is Pin.ASLEEP
    if not pinned and _requested_meanwhile(seen, state):
        return _turn_back(seen, state, now, "visited on the way down")
    if seen.refusal and now < seen.refusal.again_at:
        return _refused(seen, state, due, now, seen.refusal)
    if drift.persistent(state) and not pinned:
        return _turn_back(seen, state, now, "somebody keeps pointing its routes back")
    if state.astray:
        return Plan(Phase.FALLING_ASLEEP, ASTRAY, (Redirect(state.astray),), CHECK_EVERY)
    if any(route.swaps for route in state.at_app):
        return drift.swap_again(state, Phase.FALLING_ASLEEP, now)
    if state.at_app and seen.unreachable:
        phase = Phase.FALLING_ASLEEP if state.at_waker else Phase.AWAKE
        reason = f"{due.reason}, but {seen.unreachable}"
        return Plan(phase, reason, requeue_after=SOON, open=not state.at_waker, warning=True)
    if state.at_app:
        return Plan(
            Phase.FALLING_ASLEEP, f"{due.reason}: routes first, pods later", (Redirect(state.at_app),), CHECK_EVERY
        )
    if seen.followed_since is None:
        return _unfollowed(seen, state, now)
    return _take_pods(seen, due, now, seen.followed_since)


def _refused(seen: Snapshot, state: State, due: SleepDue, now: datetime, refusal: Refusal) -> Plan:
    """The API server does not take what its sleep needs, so it is awake, at its own address, until that is tried again."""
    why = f"{due.reason}, but the API server refuses: {refusal.why}"
    if state.held:
        return _rise(seen, state, now, why)
    return Plan(Phase.AWAKE, why, requeue_after=refusal.again_at - now, open=True, warning=True)


def _take_pods(seen: Snapshot, due: SleepDue, now: datetime, followed_since: datetime) -> Plan:
    """Every controller follows: when nothing more can be under way, the pods go. Laws 2 and 7."""
    settled = followed_since + SETTLE
    if now < settled:
        return Plan(
            Phase.FALLING_ASLEEP, f"{due.reason}: letting requests end", requeue_after=min(CHECK_EVERY, settled - now)
        )
    left = followed_since + _stay(seen, due) - now
    if left > timedelta():
        reason = (
            f"{due.reason}: its controller may have lost a last visit when the routes moved, so its pods stay a while"
        )
        return Plan(Phase.FALLING_ASLEEP, reason, requeue_after=min(SOON, left))
    if due.by_traffic and not read_until(seen, followed_since):
        return Plan(Phase.FALLING_ASLEEP, f"{due.reason}: reading its controllers once more", requeue_after=CHECK_EVERY)
    if seen.forwarding and now < followed_since + DRAIN_WITHIN:
        return Plan(
            Phase.FALLING_ASLEEP,
            f"{due.reason}: {seen.forwarding} requests are still being forwarded",
            requeue_after=SOON,
        )
    return Plan(Phase.FALLING_ASLEEP, due.reason, (ScaleToZero(seen.workload.replicas),), SOON)


def _stay(seen: Snapshot, due: SleepDue) -> timedelta:
    """How long its pods stay up behind swapped routes, so that who was forgotten and comes back is served at once. Law 7."""
    policy = seen.policy
    if policy is None or not (due.by_traffic and seen.certainty.loses_counts):
        return timedelta()
    return min(policy.idle_after, STAY)


def _requested_meanwhile(seen: Snapshot, state: State) -> bool:
    since = min((route.swapped_at for route in state.at_waker if route.swapped_at), default=None)
    return seen.arrived_at is not None and since is not None and seen.arrived_at >= since


def _unfollowed(seen: Snapshot, state: State, now: datetime) -> Plan:
    since = max((route.swapped_at for route in state.at_waker if route.swapped_at), default=now)
    if now < since + FOLLOW_WITHIN:
        return Plan(
            Phase.FALLING_ASLEEP, "waiting until every ingress controller pod follows", requeue_after=CHECK_EVERY
        )
    why = f"an ingress controller pod has not followed within {format_duration(FOLLOW_WITHIN)}"
    if seen.policy and (seen.policy.pin is Pin.ASLEEP):
        return Plan(Phase.STUCK, why, requeue_after=drift.STUCK_AGAIN, warning=True)
    return _turn_back(seen, state, now, why)


def _turn_back(seen: Snapshot, state: State, now: datetime, why: str) -> Plan:
    """On the way down, but not for long: law 6. Without a request only the holder of the Lease can say so."""
    if seen.refusal and now < seen.refusal.again_at:
        return _rise(seen, state, now, f"{why}; the API server refuses: {seen.refusal.why}")
    if seen.leader or _requested_meanwhile(seen, state):
        return Plan(Phase.FALLING_ASLEEP, f"{why}: turning back", (RequestWake(),), SOON)
    return Plan(Phase.FALLING_ASLEEP, "another waker is putting it to sleep", requeue_after=SOON)


def _wake_requested_since_the_swap(seen: Snapshot, state: State) -> bool:
    requested = wake_requested_at(seen.workload.notes)
    return requested is not None and all(requested >= route.swapped_at for route in state.at_waker if route.swapped_at)


def _rise(seen: Snapshot, state: State, now: datetime, why: str) -> Plan:
    """On the way up. Laws 3 and 4."""
    if not seen.ready:
        return _unready(seen, state, now)
    if state.at_waker or state.stale:
        return Plan(
            Phase.RESTORING_ROUTES,
            f"ready: routes go back ({why})",
            (Restore(state.at_waker, state.stale),),
            SOON,
            open=True,
        )
    clean = seen.policy is None or seen.policy.paused
    return Plan(Phase.RESTORING_ROUTES, f"ready ({why})", (Forget(clean),), SOON, open=True)


def _unready(seen: Snapshot, state: State, now: datetime) -> Plan:
    phase = Phase.WAKING if state.saved is not None else Phase.RESTORING_ROUTES
    requested = wake_requested_at(seen.workload.notes)
    timeout = seen.policy.wake_timeout if seen.policy else None
    if requested and timeout and now > requested + timeout:
        reason = (
            f"not ready {format_duration(now - requested)} after the wake: {seen.start_failure or 'look at its pods'}"
        )
        return Plan(Phase.STUCK, reason, requeue_after=drift.STUCK_AGAIN, open=seen.probed_ready, warning=True)
    if state.astray:
        return Plan(phase, ASTRAY, (Redirect(state.astray),), SOON, open=seen.probed_ready)
    waits = f": {seen.start_failure}" if seen.start_failure else ""
    return Plan(phase, f"waiting until its pods are ready{waits}", requeue_after=SOON, open=seen.probed_ready)
