"""What should be done with one app now: the whole brain, and nothing else.

Pure: a snapshot and the time go in, a plan comes out. It never waits, asks or remembers. What it needs to know later it says
as `requeue_after`; a fact that costs questions, and that it needs now, as `needs`. `way_down` and `way_up` are its two halves.
The order laws, tested over every state a snapshot can be in, and by crashing at every step:

1. Remember before you change: originals go into the very patch that changes them.
2. Route before you scale down: every controller pod is known to send the routes to waker before replicas become 0.
3. Ready before you route back: a ready endpoint behind every routed Service port. Forwarding may begin a little earlier.
4. Forget last.
5. Never undo what we did not do: a foreign edit wins, and is reported.
6. A wake request beats sleep: it is written on the workload first, so that a sleeper that looked earlier loses the race.
7. Unknown is not idle.
8. A restart at any instant neither sleeps anything nor forgets a wake.
9. One puts to sleep: the holder of the Lease. Anybody may wake.

    replicas  saved  routes     wants    phase
    > 0       -      at app     -        Awake
    > 0       -      any        sleep    FallingAsleep     routes -> waker, followed, then replicas -> 0
    0         yes    at waker   sleep    Asleep
    0         yes    any        wake     Waking            replicas -> saved
    > 0       yes    any        -        Waking            until ready, then
    > 0       any    at waker   wake     RestoringRoutes   routes -> app, then forget
    0         -      at waker   -        Stuck             what to return to is lost
"""

from dataclasses import replace
from datetime import datetime

from waker import names
from waker.plan import drift
from waker.plan.actions import Forget, Plan, Redirect, Restore, ScaleToZero
from waker.plan.codes import Code
from waker.plan.model import Phase, Pin
from waker.plan.sleep_due import SOON, sleep_due, wake_requested_at
from waker.plan.snapshot import Fact, Snapshot
from waker.plan.state import State, state_of
from waker.plan.way_down import fall, not_due
from waker.plan.way_up import lost, rise, stopped, wake, why_wake


def decide(seen: Snapshot, now: datetime) -> Plan:
    """The plan for one app. Never raises."""
    plan = _decide(seen, state_of(seen), now)
    return plan if seen.leader else _left_to_the_leader(plan)


def _decide(seen: Snapshot, state: State, now: datetime) -> Plan:
    if seen.policy is None or seen.problems:
        return _let_go(seen, state, now)
    if seen.workload.replicas == 0:
        return _without_pods(seen, state, now)
    due = sleep_due(seen, now)
    if due.due:
        return fall(seen, state, due, now)
    if state.at_waker and state.saved is None and not _wake_requested_since_the_swap(seen, state):
        return not_due(seen, state, due, now)
    if state.held:
        return rise(seen, state, now, due.reason)
    return Plan(Phase.AWAKE, due.code, due.reason, requeue_after=due.requeue_after, open=True)


def _left_to_the_leader(plan: Plan) -> Plan:
    """Law 9."""
    asks_for_it = plan.needs not in (None, Fact.LEAST_REPLICAS)
    if not asks_for_it and not any(isinstance(action, Redirect | ScaleToZero) for action in plan.actions):
        return plan
    return replace(plan, code=Code.OTHER_REPLICA, actions=(), requeue_after=SOON, needs=None)


def _let_go(seen: Snapshot, state: State, now: datetime) -> Plan:
    """Not enabled, or with a problem: whatever is still held is given back."""
    why = "; ".join(seen.problems) or f"{names.ENABLED} is not true"
    if seen.workload.replicas == 0 and state.saved and seen.policy is None and state.stopped:
        return _left_at_zero(state)
    if seen.workload.replicas == 0 and state.saved:
        return stopped(seen, now) or wake(seen, state, why, now)
    if seen.workload.replicas and state.held:
        return rise(seen, state, now, why)
    if not seen.workload.replicas and (state.at_waker or state.stale or state.unreadable):
        return lost(seen, state)
    if seen.policy is None and state.marked:
        return Plan(Phase.NOT_MANAGED, Code.ENDING_WAKE, why, (Forget(clean=True),), open=True)
    if seen.policy is None:
        return Plan(Phase.NOT_MANAGED, Code.NOT_ENABLED, why, open=True)
    return Plan(Phase.NOT_MANAGED, Code.CANNOT_SLEEP, why, open=True, warning=True)


def _left_at_zero(state: State) -> Plan:
    """Its owner has scaled it to 0 during a wake, and does not want KubeSleeper any more: 0 is the owner's own number."""
    why = f"{names.ENABLED} is not true, and its owner has scaled it to 0"
    if state.at_waker or state.stale:
        return Plan(Phase.NOT_MANAGED, Code.RETURNING_ROUTES, why, (Restore(state.at_waker, state.stale),), SOON)
    return Plan(Phase.NOT_MANAGED, Code.ENDING_WAKE, why, (Forget(clean=True),), SOON)


def _without_pods(seen: Snapshot, state: State, now: datetime) -> Plan:
    if state.saved is None and (state.at_waker or state.stale or state.unreadable):
        return lost(seen, state)
    if state.saved is None:
        return Plan(Phase.NOT_MANAGED, Code.SCALED_TO_ZERO, "scaled to 0 by its owner, not by KubeSleeper")
    still_stopped = stopped(seen, now)
    if still_stopped:
        return still_stopped
    wanted = why_wake(seen, state)
    if wanted:
        return wake(seen, state, wanted, now)
    if state.stale:
        why = "its owner changed a route, so it is the owner's again"
        return Plan(Phase.ASLEEP, Code.ROUTE_CHANGED, why, (Restore((), state.stale),), SOON)
    if state.astray:
        return Plan(Phase.ASLEEP, Code.ROUTE_ASTRAY, drift.ASTRAY, (Redirect(state.astray),), drift.LOOK_AGAIN)
    if state.at_app:
        return drift.swap_again(state, Phase.ASLEEP, now)
    if seen.policy is not None and seen.policy.pin is Pin.ASLEEP:
        return Plan(Phase.ASLEEP, Code.PINNED_ASLEEP, "pinned asleep")
    return Plan(Phase.ASLEEP, Code.ASLEEP, "asleep until visited")


def _wake_requested_since_the_swap(seen: Snapshot, state: State) -> bool:
    requested = wake_requested_at(seen.workload.notes)
    return requested is not None and all(requested >= route.swapped_at for route in state.at_waker if route.swapped_at)
