"""The second opinion: which sleeps were wrong, which were late, and which requests failed without a reason.

Pure, and it knows nothing of waker: only what visitors were answered, when replicas and routes changed, and which faults
were made. All times are `time.monotonic()` seconds of one process.
    wrong sleep    replicas became 0 less than idle-after after the app itself answered somebody
    late by        from idle-after after the last answer to the sleep, where no fault was near
    overdue        stayed up for SLACK longer than idle-after, where no fault was near, and nothing else happened
    failed         neither the app's 200 nor waker's 503. Excused: a fault of that pod, or of waker, was near, or the pod
                   became ready less than 2 s ago (a new ingress-nginx answers 503 before it has loaded its upstreams)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

AFTERMATH = 10.0  # s; a restarted process is started, probed, and learns its routes again
NEW = 2.0  # s; a controller's pod learns its routes
SLACK = 20.0  # s; several scrape intervals, a swap that ingress-nginx follows late, and busy cores


class SoakVisit(NamedTuple):
    """One request. `answered`: by the app itself; `failed` says how, "" if the answer was one that visitors may get."""

    app: str
    door: str
    began: float
    ended: float
    answered: bool
    failed: str = ""


class SoakFault(NamedTuple):
    """`at`: the pod of a controller, "waker", or "" if it should not be seen by any visitor."""

    kind: str
    at: str
    began: float
    ended: float


class SoakChange(NamedTuple):
    """The app has pods, or has none; or its routes lead away, or back."""

    at: float
    what: str  # up, down, swapped, restored


class Sleep(NamedTuple):
    """Replicas became 0. `after`: seconds since the app's last answer."""

    app: str
    at: float
    after: float
    calm: bool  # no fault near


@dataclass(frozen=True, slots=True)
class Log:
    """All of one run. `idle`: seconds, by app. `ready`: when each door was not ready, from and to."""

    idle: Mapping[str, float]
    began: float
    ended: float
    visits: Sequence[SoakVisit] = ()
    faults: Sequence[SoakFault] = ()
    changes: Mapping[str, Sequence[SoakChange]] = field(default_factory=dict)
    unready: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)


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
    """Sleeps of a visited app."""
    return [each for each in sleeps(log) if each.after < log.idle[each.app]]


def lateness(log: Log) -> list[float]:
    """Seconds beyond idle-after, of each sleep that nothing got in the way of."""
    return [late for each in sleeps(log) if each.calm and (late := each.after - log.idle[each.app]) >= 0]


def overdue(log: Log) -> list[tuple[str, float, float]]:
    """(app, from, to): nobody visited it, all was well, and it stayed up for far longer than idle-after."""
    found = []
    for app, idle in log.idle.items():
        for start, end in _quiet(log, app):
            for a, b in _without_faults(log, start, end):
                if b - a > idle + SLACK and not _down_within(log.changes.get(app, ()), a, b):
                    found.append((app, a, b))
    return found


def failures(log: Log) -> tuple[list[SoakVisit], list[SoakVisit]]:
    """(Without a reason, excused by a fault.)"""
    failed = [visit for visit in log.visits if visit.failed]
    bare = [visit for visit in failed if not _excused(log, visit)]
    return bare, [visit for visit in failed if visit not in bare]


def _excused(log: Log, visit: SoakVisit) -> bool:
    near = (each for each in log.faults if each.at in (visit.door, "waker"))
    if any(each.began < visit.ended and visit.began < each.ended + AFTERMATH for each in near):
        return True
    return any(a - 1 < visit.ended and visit.began < b + NEW for a, b in log.unready.get(visit.door, ()))


def _calm(log: Log, start: float, end: float) -> bool:
    return not any(each.began < end and start < each.ended + AFTERMATH for each in log.faults if each.at)


def _quiet(log: Log, app: str) -> Iterator[tuple[float, float]]:
    """Times without a request of the app."""
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
    """It was down at some time of these."""
    state = "up"
    for change in changes:
        if change.at >= end:
            break
        if change.what in ("up", "down"):
            if change.what == "down" and change.at > start:
                return True
            state = change.what if change.at <= start else state
    return state == "down"
