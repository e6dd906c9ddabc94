"""The way down: an app with pods that should be asleep. One half of `decide`.

routes at the app        waker can be reached there? then they are pointed at waker
routes at waker          every controller pod follows? whoever comes meanwhile turns it back
followed                 requests end, the last ones are counted, waker passes nothing on any more
nothing under way        replicas -> 0
"""

from dataclasses import replace
from datetime import datetime, timedelta

from waker.plan import drift
from waker.plan.actions import Plan, Redirect, RequestWake, ScaleToZero
from waker.plan.codes import Code
from waker.plan.model import Phase, Pin
from waker.plan.notes import readable
from waker.plan.sleep_due import SOON, SleepDue, read_until
from waker.plan.snapshot import Fact, Refusal, Snapshot
from waker.plan.state import State
from waker.plan.turned_back import REPORTED, times_after
from waker.plan.way_up import rise
from waker.settings.durations import format_duration

CHECK_EVERY = timedelta(milliseconds=200)
SETTLE = timedelta(seconds=2)  # requests that a controller took before it followed end meanwhile
STAY = timedelta(minutes=1)  # whom a forgetful controller may have forgotten often comes back within
FOLLOW_WITHIN = timedelta(seconds=30)  # ten times the slowest controller's known lag
DRAIN_WITHIN = timedelta(seconds=30)  # for requests that waker itself is forwarding; a pod's own grace comes after
UNFORESEEN_AGAIN = timedelta(minutes=5)  # each look lists its pods, and only somebody's edit changes what they say
BY_SOMEBODY = frozenset({Code.PAUSED, Code.PINNED_AWAKE, Code.WAKING, Code.SLEEP_PUT_OFF})
LOST = "visits may have been lost on its way down, as its controller restarted or began to count anew"
READ_AGAIN_WITHIN = timedelta(minutes=2)  # a controller pod that went without a word is forgotten by then
SILENT_AGAIN = timedelta(seconds=10)
CLOSED_WITHIN = timedelta(milliseconds=100)  # requests that may be passed on until now may still begin


def fall(seen: Snapshot, state: State, due: SleepDue, now: datetime) -> Plan:
    """The next step down. Laws 1, 2 and 6."""
    pinned = seen.policy is not None and seen.policy.pin is Pin.ASLEEP
    if not pinned and _requested_meanwhile(seen, state):
        return _turn_back(seen, state, now, "visited on the way down")
    if seen.refusal and now < seen.refusal.again_at and not _asked_since(seen, seen.refusal):
        return _refused(seen, state, due, now, seen.refusal)
    if drift.persistent(state) and not pinned:
        return _in_vain(seen, state, now, "somebody keeps pointing its routes back")
    if state.astray:
        return _falling(Code.ROUTE_ASTRAY, drift.ASTRAY, CHECK_EVERY, Redirect(state.astray))
    if any(not route.swaps for route in state.at_app):
        return _move_routes(seen, state, due, now)
    if state.at_app:
        return drift.swap_again(state, Phase.FALLING_ASLEEP, now)
    if seen.followed_since is None:
        return _unfollowed(seen, state, now)
    return _take_pods(seen, state, due, now, seen.followed_since)


def _falling(code: Code, reason: str, again: timedelta, *does: Redirect | ScaleToZero | RequestWake) -> Plan:
    return Plan(Phase.FALLING_ASLEEP, code, reason, does, again)


def _refused(seen: Snapshot, state: State, due: SleepDue, now: datetime, refusal: Refusal) -> Plan:
    """The API server does not take what its sleep needs, so it is awake, at its own address, until that is tried again."""
    why = f"{due.reason}, but the API server refuses: {refusal.why}"
    if state.held:
        return rise(seen, state, now, why)
    again = refusal.again_at - now
    return Plan(Phase.AWAKE, Code.WRITE_REFUSED, why, requeue_after=again, open=True, warning=True)


def _asked_since(seen: Snapshot, refusal: Refusal) -> bool:
    """Whether somebody has asked for its sleep since that was refused: they may have mended what stood in the way."""
    asked = readable(seen.workload.notes.sleep_requested_at)
    return asked is not None and asked > refusal.at


def _move_routes(seen: Snapshot, state: State, due: SleepDue, now: datetime) -> Plan:
    """Those that have not been moved yet, and only to where their controllers can reach waker: until then it is awake."""
    phase = Phase.FALLING_ASLEEP if state.at_waker else Phase.AWAKE
    still_open = not state.at_waker
    if Fact.REACHABLE not in seen.gathered:
        reason = f"{due.reason}: can its controllers reach waker?"
        return Plan(phase, due.code, reason, requeue_after=SOON, open=still_open, needs=Fact.REACHABLE)
    if seen.unreachable:
        reason = f"{due.reason}, but {seen.unreachable}"
        code = Code.WAKER_UNREACHABLE
        return Plan(phase, code, reason, requeue_after=SOON, open=still_open, warning=True)
    reason = f"{due.reason}: routes first, pods later"
    if Fact.UNSERVED not in seen.gathered:
        return Plan(phase, due.code, reason, requeue_after=SOON, open=still_open, needs=Fact.UNSERVED)
    if seen.unforeseen:
        why = "; ".join(seen.unforeseen)
        if state.held:
            return rise(seen, state, now, why)
        return Plan(Phase.AWAKE, Code.CANNOT_SLEEP, why, requeue_after=UNFORESEEN_AGAIN, open=True, warning=True)
    if due.by_traffic and Fact.READ not in seen.gathered:
        return Plan(phase, due.code, reason, requeue_after=SOON, open=still_open, needs=Fact.READ)
    if due.by_traffic and Fact.CARRIED not in seen.gathered:
        return Plan(phase, due.code, reason, requeue_after=SOON, open=still_open, needs=Fact.CARRIED)
    if due.by_traffic and seen.silent_replica:
        why = (
            f"{due.reason}, but waker's replica at {seen.silent_replica} does not say whether it carries requests to it"
        )
        return Plan(phase, Code.REPLICA_SILENT, why, requeue_after=SILENT_AGAIN, open=still_open, warning=True)
    here = (route for route in state.at_app if not route.swaps)
    moved = tuple(replace(route, served=route.id not in seen.unserved) for route in here)
    return _falling(Code.MOVING_ROUTES, reason, CHECK_EVERY, Redirect(moved))


def _unfollowed(seen: Snapshot, state: State, now: datetime) -> Plan:
    waits = _falling(Code.AWAITING_CONTROLLERS, "waiting until every ingress controller pod follows", CHECK_EVERY)
    if Fact.FOLLOWED not in seen.gathered:
        return replace(waits, needs=Fact.FOLLOWED)
    since = max((route.swapped_at for route in state.at_waker if route.swapped_at), default=now)
    if now < since + FOLLOW_WITHIN:
        return waits
    shown = f": {seen.unfollowed}" if seen.unfollowed else ""
    why = f"an ingress controller pod has not followed within {format_duration(FOLLOW_WITHIN)}{shown}"
    if seen.policy and seen.policy.pin is Pin.ASLEEP:
        code = Code.CONTROLLERS_DO_NOT_FOLLOW
        return Plan(Phase.STUCK, code, why, requeue_after=drift.STUCK_AGAIN, warning=True)
    return _in_vain(seen, state, now, why)


def _take_pods(seen: Snapshot, state: State, due: SleepDue, now: datetime, followed_since: datetime) -> Plan:
    """Every controller follows: when nothing more can be under way, the pods go. Laws 2 and 7."""
    settled = followed_since + SETTLE
    if now < settled:
        reason = f"{due.reason}: letting requests end"
        return _falling(Code.LETTING_REQUESTS_END, reason, min(CHECK_EVERY, settled - now))
    left = followed_since + _stay(seen, due) - now
    if left > timedelta():
        reason = (
            f"{due.reason}: its controller may have lost a last visit when the routes moved, so its pods stay a while"
        )
        return _falling(Code.KEEPING_PODS, reason, min(SOON, left))
    if due.by_traffic and not read_until(seen, followed_since):
        return _falling(Code.READING_ONCE_MORE, f"{due.reason}: reading its controllers once more", CHECK_EVERY)
    if seen.passes_on:
        return _falling(Code.LETTING_REQUESTS_END, f"{due.reason}: waker passes nothing on any more", CLOSED_WITHIN)
    if Fact.FORWARDING not in seen.gathered:
        reason = f"{due.reason}: does any replica still forward a request?"
        return replace(_falling(Code.LETTING_REQUESTS_END, reason, SOON), needs=Fact.FORWARDING)
    if seen.forwarding and now < followed_since + DRAIN_WITHIN:
        reason = f"{due.reason}: {seen.forwarding} requests are still being forwarded"
        return _falling(Code.LETTING_REQUESTS_END, reason, SOON)
    if seen.forwarding and due.by_traffic:
        return _in_vain(seen, state, now, "a request that waker itself carries does not end")
    return _falling(Code.SCALING_DOWN, due.reason, SOON, ScaleToZero(seen.workload.replicas))


def _stay(seen: Snapshot, due: SleepDue) -> timedelta:
    """How long its pods stay up behind swapped routes, so that who was forgotten and comes back is served at once. Law 7."""
    policy, moved_at = seen.policy, _moved_at(seen)
    doubts = (seen.certainty.doubted_at, seen.certainty.ignored_at)
    lost = moved_at is not None and any(at >= moved_at for at in doubts if at)
    if policy is None or not (due.by_traffic and (seen.certainty.loses_counts or lost)):
        return timedelta()
    return min(policy.idle_after, STAY)


def _requested_meanwhile(seen: Snapshot, state: State) -> bool:
    since = min((route.swapped_at for route in state.at_waker if route.swapped_at), default=None)
    return seen.arrived_at is not None and since is not None and seen.arrived_at >= since


def _moved_at(seen: Snapshot) -> datetime | None:
    """When the first of its routes was moved; None: none is."""
    return min((route.swapped_at for route in seen.routes if route.swapped_at), default=None)


def not_due(seen: Snapshot, state: State, due: SleepDue, now: datetime) -> Plan:
    """On the way down, and its sleep is not due any more: somebody came, or wants it awake, or nobody can tell.

    A process that has not known its traffic yet cannot tell because it has just begun, which stands in nobody's way.
    """
    moved_at = _moved_at(seen) or now
    refused = seen.refusal is not None and now < seen.refusal.again_at
    for_a_reason = seen.traffic.visited_at is None or refused or _requested_meanwhile(seen, state)
    if due.code is Code.TRAFFIC_UNKNOWN and not for_a_reason and now < moved_at + READ_AGAIN_WITHIN:
        return _falling(Code.READING_ONCE_MORE, f"{due.reason}: waiting until it can be told again", SOON)
    counted = due.code is Code.IN_USE and not seen.traffic.lost
    if counted or due.code in BY_SOMEBODY or seen.traffic.visited_at is None:
        return _turn_back(seen, state, now, due.reason)
    return _in_vain(seen, state, now, LOST if due.code is Code.IN_USE else due.reason)


def _in_vain(seen: Snapshot, state: State, now: datetime, why: str) -> Plan:
    """Turn back though nobody came: that is noted, and reported if it has happened before."""
    plan = _turn_back(seen, state, now, why)
    moved_at = _moved_at(seen) or now
    somebody_came = seen.arrived_at is not None and seen.arrived_at >= moved_at
    if plan.actions != (RequestWake(),) or somebody_came:
        return plan
    plan = replace(plan, actions=(RequestWake(in_vain=why),))
    times = times_after(readable(seen.workload.notes.turned_back))
    if times < REPORTED:
        return plan
    reason = f"{plan.reason}, {times} times in a row though nobody came, so it is tried more and more rarely"
    return replace(plan, reason=reason, warning=True)


def _turn_back(seen: Snapshot, state: State, now: datetime, why: str) -> Plan:
    """On the way down, but not for long: law 6. Without a request only the holder of the Lease can say so."""
    if seen.refusal and now < seen.refusal.again_at:
        return rise(seen, state, now, f"{why}; the API server refuses: {seen.refusal.why}")
    if seen.leader or _requested_meanwhile(seen, state):
        return _falling(Code.TURNING_BACK, f"{why}: turning back", SOON, RequestWake())
    return _falling(Code.OTHER_REPLICA, "another waker is putting it to sleep", SOON)
