"""Whether it is time to rest: what a person said, then what the traffic says. Laws 6 and 7."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from waker import names
from waker.plan.model import Holder, Phase, Pin, Policy, Route, Snapshot, Traffic, Workload
from waker.plan.times import parse_time
from waker.settings.times import format_duration

SOON = timedelta(seconds=1)

# An open WebSocket is not seen by controllers that count at the end. One that was seen makes more likely: an app that has
# had some rests this much longer, and no less than a tab is left open. `min-idle` on the app says it better.
LASTING_FACTOR = 4
LASTING_LEAST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class SleepDue:
    """`due`: the app should be asleep. `again`: when that may change by the clock alone. `observed`: its traffic says so."""

    due: bool
    reason: str
    requeue_after: timedelta | None = None
    by_traffic: bool = False


def sleep_due(seen: Snapshot, now: datetime) -> SleepDue:
    """For an enabled app with pods: should it go to sleep?"""
    policy = seen.policy
    if policy is None or policy.paused:
        return SleepDue(due=False, reason="KubeSleeper is paused")
    if policy.pin is Pin.AWAKE:
        return SleepDue(due=False, reason="pinned awake")
    if policy.pin is Pin.ASLEEP:
        return SleepDue(due=True, reason="pinned asleep")
    if sleep_requested(seen):
        return SleepDue(due=True, reason="asked to sleep")
    if names.SAVED_REPLICAS in seen.workload.annotations:
        return SleepDue(due=False, reason="waking")
    if seen.traffic.unknown:
        return SleepDue(due=False, reason=f"cannot tell whether it is visited: {seen.traffic.unknown}")
    visited = visited_at(seen)
    if visited is None:
        return SleepDue(due=False, reason="cannot tell whether it is visited: not observed yet")
    period = idle_period(policy, seen.traffic)
    left = visited + period - now
    if left > timedelta():
        sockets = f" (longer, for it has WebSockets: set {names.MIN_IDLE})" if period > policy.idle_after else ""
        reason = f"in use: sleeps {format_duration(period)} after its last visit{sockets}"
        return SleepDue(due=False, reason=reason, requeue_after=left)
    if not read_until(seen, visited + period):
        return SleepDue(
            due=False, reason="the end of its idle period has yet to be read at its controllers", requeue_after=SOON
        )
    return SleepDue(due=True, reason=f"not visited for {format_duration(now - visited)}", by_traffic=True)


def read_until(seen: Snapshot, at: datetime) -> bool:
    """Whether all visits that ended before `at` are known: an idle period counts up to the pages that were read, not to now."""
    return seen.certainty.until is None or seen.certainty.until >= at


def idle_period(policy: Policy, traffic: Traffic) -> timedelta:
    """How long after its last visit an app may sleep."""
    if traffic.lasting and policy.min_idle is None:
        return max(LASTING_FACTOR * policy.idle_after, LASTING_LEAST)
    return policy.idle_after


def sleep_requested(seen: Snapshot) -> bool:
    """An operator asked for sleep, and nobody has asked for the app since."""
    asked = _time(seen, names.SLEEP_REQUESTED_AT)
    wish = wake_requested_at(seen)
    return asked is not None and (wish is None or asked > wish)


def wake_requested_at(seen: Snapshot) -> datetime | None:
    """When somebody last asked for the app, as written on the workload."""
    return _time(seen, names.WAKE_REQUESTED_AT)


def asleep_since(seen: Snapshot) -> datetime | None:
    """When its replicas were set to 0, as written on the workload."""
    return _time(seen, names.ASLEEP_SINCE)


def visited_at(seen: Snapshot) -> datetime | None:
    """The last sign of life: a visit, a late knock, a wish, or the end of the last wake. None without any observation.

    A knock after the swap does not count here: it has to be written down first, see `decide`. Nor does a doubt: the swap
    itself makes a controller reload.
    """
    if seen.traffic.visited_at is None:
        return None
    before_the_swap = all(route.holder is Holder.APP for route in seen.routes)
    late = [seen.knocked_at, seen.certainty.doubted_at] if before_the_swap else []
    others = [*late, wake_requested_at(seen), _time(seen, names.AWAKE_SINCE)]
    return max([seen.traffic.visited_at, *(each for each in others if each)])


def knocks_answered_until(workload: Workload, routes: Sequence[Route], was: Phase) -> datetime | None:
    """Up to when knocks need no answer any more. `was` is the phase at the last look.

    A knock is answered once a later wish is *seen* on the workload, not when it was sent there. And asleep now, up at the
    last look: knocks from before the swap were visits of then. Any later one is a wish.
    """
    swaps = [route.swapped_at for route in routes if route.swapped_at]
    just_fell = workload.replicas == 0 and was in (Phase.AWAKE, Phase.FALLING_ASLEEP)
    wish = parse_time(workload.annotations.get(names.WAKE_REQUESTED_AT, ""))
    return wish or (min(swaps) if just_fell and swaps else None)


def _time(seen: Snapshot, key: str) -> datetime | None:
    return parse_time(seen.workload.annotations.get(key, ""))
