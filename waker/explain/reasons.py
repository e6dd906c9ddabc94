"""Everything that keeps one app awake, and the answer in one sentence.

Pure: a Case and the time go in. `decide` stops at the first reason it finds; a person wants all of them, for removing
one only to meet the next is how a night gets long. An app that is not enabled is explained as if it were.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from waker import names
from waker.explain.fixes import advice, fix_for, resume
from waker.explain.shape import Reason
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.model import Phase, Pin
from waker.plan.notes import readable
from waker.plan.sleep_due import idle_period, sleep_requested, visited_at
from waker.plan.snapshot import Snapshot
from waker.plan.turned_back import in_words, put_off_until
from waker.settings.durations import format_duration
from waker.settings.pauses import PauseScope
from waker.traffic.watched_apps import LostVisits

# What `kind` can be, and what it says.
KINDS = {
    "not-enabled": "the annotation `kubesleeper.io/enabled` is missing or false",
    "annotation": "an annotation of the workload cannot be read",
    "discovery": "its routes cannot be moved safely, or there are none",
    "no-pods": "it has been scaled to 0 by its owner",
    "pinned": "it is pinned awake",
    "paused": "KubeSleeper is paused, or its namespace or it itself is",
    "waking": "it is being woken, or it is stuck on the way",
    "not-counted": "an ingress controller cannot count its visits",
    "not-read": "a pod of an ingress controller could not be read",
    "not-observed": "it has not been observed for long enough to call it idle",
    "turned-back": "it turned back on its way down though nobody came, and is tried again later",
    "in-use": "it was visited within its idle period",
    "blocked": "it should sleep, and something prevents it at the moment",
    "dry-run": "waker runs with --dry-run",
}

WAKING = (Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK)


@dataclass(frozen=True, slots=True)
class Case:
    """One app. `seen` is as if it were enabled; its `problems` are those of discovery only."""

    seen: Snapshot
    plan: Plan
    enabled: bool
    from_service: bool  # of the running service
    unreadable: tuple[str, ...] = ()  # annotations
    uncounted: tuple[str, ...] = ()  # visits that no controller counts
    unread_pods: tuple[str, ...] = ()  # pods of controllers
    dry_run: bool = False
    lost: LostVisits | None = None
    unseen_since: datetime | None = None  # since when it is watched, if nobody has been seen


def against(case: Case, now: datetime) -> list[Reason]:
    """All reasons, the most final first."""
    found = [*_of_its_user(case), *_of_discovery(case), *_of_the_moment(case, now), *_of_its_last_tries(case, now)]
    found += _of_traffic(case, now)
    return found or [*_last(case, now)]


def _reason(case: Case, kind: str, code: Code, text: str) -> Reason:
    """With the fix of this code."""
    return Reason(kind=kind, text=text, fix=fix_for(code, case.seen.workload.id))


def _advised(case: Case, kind: str, code: Code, sentences: Iterable[str]) -> Iterator[Reason]:
    """Sentences that may bring fixes of their own."""
    for each in sentences:
        found = advice(each, code, case.seen.workload.id)
        yield Reason(kind=kind, text=found.text, fix=found.fix)


def _of_its_user(case: Case) -> Iterator[Reason]:
    pin = case.seen.policy.pin if case.seen.policy else Pin.AUTO
    if not case.enabled:
        yield _reason(case, "not-enabled", Code.NOT_ENABLED, f"it is not enabled: {names.ENABLED} is not true")
    yield from _advised(case, "annotation", Code.CANNOT_SLEEP, case.unreadable)
    if pin is Pin.AWAKE:
        yield _reason(case, "pinned", Code.PINNED_AWAKE, f"it is pinned awake by {names.STATE}")


def _of_discovery(case: Case) -> Iterator[Reason]:
    yield from _advised(case, "discovery", Code.CANNOT_SLEEP, case.seen.problems)
    shown_by_its_pods = case.plan.code is Code.CANNOT_SLEEP and case.plan.phase is Phase.AWAKE  # right before a sleep
    if shown_by_its_pods:
        yield from _advised(case, "discovery", Code.CANNOT_SLEEP, [case.plan.reason])
    unsaved = case.seen.workload.notes.saved_replicas is None or case.plan.phase is Phase.NOT_MANAGED
    if not case.seen.workload.replicas and unsaved:
        yield _reason(case, "no-pods", Code.SCALED_TO_ZERO, "it has been scaled to 0 by its owner, not by KubeSleeper")


def _of_the_moment(case: Case, now: datetime) -> Iterator[Reason]:
    if case.seen.policy and case.seen.policy.paused:
        text = "KubeSleeper is paused: nothing is put to sleep"
        yield Reason(kind="paused", text=text, fix=resume(PauseScope.ALL, case.seen.workload.id))
    pause = case.seen.policy.pause if case.seen.policy else None
    if pause and pause.until > now:
        app = case.seen.workload.id
        yield Reason(kind="paused", text=str(pause), fix=resume(pause.scope, app))
    if case.dry_run:
        fix = "run waker without --dry-run"
        yield Reason(kind="dry-run", text="waker runs with --dry-run: it does nothing at all", fix=fix)
    if case.plan.phase in WAKING:
        yield _reason(case, "waking", case.plan.code, case.plan.reason)


def _of_its_last_tries(case: Case, now: datetime) -> Iterator[Reason]:
    known = readable(case.seen.workload.notes.turned_back)
    until = put_off_until(known, now)
    if known and until and case.seen.workload.replicas and not _told_to_sleep(case):
        text = f"{in_words(known)}; tried again in {format_duration(until - now)}"
        yield _reason(case, "turned-back", Code.SLEEP_PUT_OFF, text)


def _of_traffic(case: Case, now: datetime) -> Iterator[Reason]:
    """Blind spots stand against sleep by traffic also where a pin or a person has put the app to sleep."""
    yield from _advised(case, "not-counted", Code.TRAFFIC_UNKNOWN, case.uncounted)
    yield from _advised(case, "not-read", Code.TRAFFIC_UNKNOWN, case.unread_pods)
    watched = case.from_service and case.enabled and case.seen.workload.replicas and case.plan.phase not in WAKING
    if not watched or _told_to_sleep(case):
        return
    visited, idle_after = visited_at(case.seen), _idle_after(case)
    if visited is None:
        if not (case.unread_pods or case.seen.problems):  # with problems it is not watched, and it need not be
            why = case.seen.traffic.unknown or "it has not been observed yet"
            yield from _advised(case, "not-observed", Code.NOT_OBSERVED, [f"no idle period has begun: {why}"])
    elif visited + idle_after > now:
        left = format_duration(visited + idle_after - now)
        rests = f"idle-after {format_duration(idle_after)}"
        if case.seen.policy and idle_after > case.seen.policy.idle_after:
            rests = f"after {format_duration(idle_after)}, for it has WebSockets: set {names.MIN_IDLE}"
        text = f"{_last_sign(case, visited, now)}; it sleeps in {left} if nobody comes ({rests})"
        yield _reason(case, "in-use", Code.IN_USE, text)


def _last_sign(case: Case, visited: datetime, now: datetime) -> str:
    """From what its idle period runs: a sign of life, or a loss of counts that may hide one."""
    ago, lost = format_duration(now - visited), case.lost
    if case.unseen_since == visited:
        return f"nobody has been seen since waker began to watch it {ago} ago"
    if not lost or lost.loss.at != visited:
        return f"last sign of life {ago} ago"
    seen = f"for {format_duration(now - lost.seen_at)}" if lost.seen_at else "since waker has begun to watch it"
    return f"nobody was seen {seen}, but {ago} ago {lost.loss.why}"


def _last(case: Case, now: datetime) -> Iterator[Reason]:
    """Nothing else stands against sleep, so by now it should be asleep, or very soon."""
    visited = visited_at(case.seen)
    due = _told_to_sleep(case) or (visited is not None and visited + _idle_after(case) <= now)
    if due and case.from_service and case.plan.phase in (Phase.AWAKE, Phase.FALLING_ASLEEP):
        holder = (
            "" if case.seen.leader else "; this replica of waker does not hold the Lease, another one does the work"
        )
        yield _reason(case, "blocked", case.plan.code, f"{case.plan.reason}{holder}")


def _told_to_sleep(case: Case) -> bool:
    pin = case.seen.policy.pin if case.seen.policy else Pin.AUTO
    return pin is Pin.ASLEEP or (pin is Pin.AUTO and sleep_requested(case.seen.workload.notes))


def _idle_after(case: Case) -> timedelta:
    return idle_period(case.seen.policy, case.seen.traffic) if case.seen.policy else timedelta()


# --- the answer ---------------------------------------------------------------------------------------------------


def answer(case: Case, reasons: Sequence[Reason], now: datetime) -> str:
    """Why it is not asleep, or that it is, in one sentence."""
    app, plan = case.seen.workload.id, case.plan
    if not case.enabled and case.seen.workload.notes.saved_replicas is None:
        return f"{app} is not enabled, so KubeSleeper leaves it alone; {_readiness(case, reasons)}."
    match plan.phase:
        case Phase.ASLEEP:
            return f"{app} {_asleep(case, now)}."
        case Phase.FALLING_ASLEEP:
            return f"{app} is falling asleep: {plan.reason}."
        case Phase.WAKING | Phase.RESTORING_ROUTES:
            return f"{app} is waking: {plan.reason}."
        case Phase.STUCK:
            return f"{app} is stuck: {plan.reason}."
        case Phase.NOT_MANAGED:
            return f"{app} cannot sleep: {_first(reasons) or plan.reason}."
    if not reasons and not case.from_service:
        return f"{app} is awake; whether it is visited is known to the running service only."
    return f"{app} is awake: {_first(reasons) or plan.reason}."


def _readiness(case: Case, reasons: Sequence[Reason]) -> str:
    others = [each for each in reasons if each["kind"] != "not-enabled"]
    if others:
        return f"if it were, it could not sleep: {_first(others)}"
    return "nothing that is known stands against enabling it"


def _asleep(case: Case, now: datetime) -> str:
    swaps = [route.swapped_at for route in case.seen.routes if route.swapped_at]
    since = f"has been asleep for {format_duration(now - min(swaps))}" if swaps else "is asleep"
    pinned = case.seen.policy is not None and case.seen.policy.pin is Pin.ASLEEP
    return f"{since}: {'it is pinned, so visitors do not wake it' if pinned else 'the next visitor wakes it'}"


def _first(reasons: Sequence[Reason]) -> str:
    if not reasons:
        return ""
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{reasons[0]['text'].rstrip('.')}{more}"
