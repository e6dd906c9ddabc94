"""The second opinion: which sleeps were wrong, which were late, and which requests failed without a reason.

Pure, and it knows nothing of waker: only the answers that visitors got, when replicas and routes changed, and which faults
were made. All times are `time.monotonic()` seconds of one process.
    wrong sleep    replicas became 0 less than idle-after after the app itself last answered somebody
    late by        from idle-after after the last answer to the sleep, if there was no fault near
    overdue        the app stayed up for SLACK longer than idle-after, without a visit and without a fault near
    failed         the answer was neither the app's 200 nor waker's 503 in the app's own name. Excused within what a fault of
                   that pod, of that app or of waker allows, or if the pod became ready less than 2 s ago (a new
                   ingress-nginx answers 404 and 503 at first, also for an app that waker does not know)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

AFTERMATH = 10.0  # seconds until a restarted process has started, is ready and knows its routes
NEW = 2.0  # seconds until a new pod of a controller knows its routes
SLACK = 20.0  # seconds; several scrape intervals, a swap that ingress-nginx follows late, and busy cores


class SoakVisit(NamedTuple):
    """One request. `answered`: by the app itself. `failed`: how it failed, "" if visitors may get such an answer."""

    app: str
    pod: str
    began: float
    ended: float
    answered: bool
    failed: str = ""


class SoakFault(NamedTuple):
    """One fault. `at`: the pod of a controller, an app, "waker", "cluster", or "" if nothing should notice it.

    `allowed`: seconds from its beginning in which a request to whom it hits may have failed. Sleeps may be late near it.
    """

    kind: str
    at: str
    began: float
    ended: float
    allowed: float = 0.0


class SoakChange(NamedTuple):
    """The app got pods or lost them, or its routes were swapped or restored."""

    at: float
    what: str  # up, down, swapped, restored


class Sleep(NamedTuple):
    """Replicas became 0, `after` seconds after the app's last answer."""

    app: str
    at: float
    after: float
    calm: bool  # no fault near


@dataclass(frozen=True, slots=True)
class Log:
    """All of one run. `idle`: idle-after in seconds, by app. `unready`: from when to when each pod was not ready.

    `unpunctual`: apps whose controller loses counts, so that each change of any Ingress puts their sleep off.
    `lost`: what of a user's was lost, or did not come back. `stolen`: answers of one tenant's apps to the other. `tricks`: what
    the attacker did, and how often.
    """

    idle: Mapping[str, float]
    began: float
    ended: float
    visits: Sequence[SoakVisit] = ()
    faults: Sequence[SoakFault] = ()
    changes: Mapping[str, Sequence[SoakChange]] = field(default_factory=dict)
    unready: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    unpunctual: frozenset[str] = frozenset()
    lost: Sequence[str] = ()
    stolen: Sequence[str] = ()
    tricks: Mapping[str, int] = field(default_factory=dict)


def sleeps(log: Log) -> list[Sleep]:
    """Every sleep, in order of time."""
    found = []
    for app, changes in log.changes.items():
        answers = sorted(each.ended for each in log.visits if each.app == app and each.answered)
        for change in changes:
            if change.what == "down":
                last = max((at for at in answers if at < change.at), default=log.began)
                found.append(Sleep(app, change.at, change.at - last, _calm(log, last, change.at)))
    return sorted(found, key=lambda each: each.at)


def wrong(log: Log) -> list[Sleep]:
    """The sleeps of apps that were visited less than idle-after before."""
    return [each for each in sleeps(log) if each.after < log.idle[each.app]]


def lateness(log: Log) -> list[float]:
    """The seconds beyond idle-after, for each sleep without a fault near."""
    calm = [each for each in sleeps(log) if each.calm and each.app not in log.unpunctual]
    return [late for each in calm if (late := each.after - log.idle[each.app]) >= 0]


def overdue(log: Log) -> list[tuple[str, float, float]]:
    """(app, from, to): without a visit or a fault, the app stayed up for far longer than idle-after."""
    found = []
    for app, idle in log.idle.items():
        for start, end in _quiet(log, app) if app not in log.unpunctual else ():
            for a, b in _without_faults(log, start, end):
                if b - a > idle + SLACK and not _down_within(log.changes.get(app, ()), a, b):
                    found.append((app, a, b))
    return found


def failures(log: Log) -> tuple[list[SoakVisit], list[SoakVisit]]:
    """The failed requests: those without a reason, and those that a fault excuses."""
    failed = [visit for visit in log.visits if visit.failed]
    unexcused = [visit for visit in failed if not _excused(log, visit)]
    return unexcused, [visit for visit in failed if visit not in unexcused]


def _excused(log: Log, visit: SoakVisit) -> bool:
    near = (each for each in log.faults if each.allowed and each.at in (visit.pod, visit.app, "waker"))
    if any(each.began < visit.ended and visit.began < each.began + each.allowed for each in near):
        return True
    return any(a - 1 < visit.ended and visit.began < b + NEW for a, b in log.unready.get(visit.pod, ()))


def _calm(log: Log, start: float, end: float) -> bool:
    return not any(each.began < end and start < each.ended + AFTERMATH for each in log.faults if each.at)


def _quiet(log: Log, app: str) -> Iterator[tuple[float, float]]:
    """The times, from and to, in which the app had no request."""
    times = [log.began]
    for each in sorted((each for each in log.visits if each.app == app), key=lambda visit: visit.began):
        if each.began > times[-1]:
            yield times[-1], each.began
        times[-1] = max(times[-1], each.ended)
    yield times[-1], log.ended


def _without_faults(log: Log, start: float, end: float) -> Iterator[tuple[float, float]]:
    edges = [(start, start)]
    edges += sorted((each.began, each.ended + AFTERMATH) for each in log.faults if each.at and each.began < end)
    done = start
    for (_, before), (after, until) in pairwise([*edges, (end, end)]):
        done = max(done, before)
        if after > done:
            yield done, after
        done = max(done, until)


def _down_within(changes: Iterable[SoakChange], start: float, end: float) -> bool:
    """Whether the app was down at any time between these two."""
    state = "up"
    for change in changes:
        if change.at >= end:
            break
        if change.what in ("up", "down"):
            if change.what == "down" and change.at > start:
                return True
            state = change.what if change.at <= start else state
    return state == "down"
