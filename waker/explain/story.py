"""What has happened to one app, as far as Kubernetes remembers it: its Events and the notes on it, in the order of time.

Pure: JSON goes in, moments come out. An Event that has happened several times shows its first and its last time, and how
often. The API server forgets Events, usually after an hour; notes stay. Times are in whole seconds, for Events have no
finer ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypedDict

from waker.explain.columns import aligned
from waker.explain.times import json_time
from waker.names import EventReason
from waker.plan.model import Phase
from waker.plan.notes import Notes, readable
from waker.plan.times import parse_time
from waker.printable import printable_text
from waker.settings.durations import EXACT, format_duration, format_exact, parse_exact

NOTE: Final = "note"  # of Moment.what: no Event, but an annotation of waker's
KNOWN: Final = frozenset(EventReason)
# What a phase ends, and how long that took is worth to know.
BEFORE: Final = {
    Phase.ASLEEP: Phase.FALLING_ASLEEP,
    Phase.RESTORING_ROUTES: Phase.WAKING,
    Phase.AWAKE: Phase.RESTORING_ROUTES,
}
CYCLE: Final = (Phase.FALLING_ASLEEP, Phase.ASLEEP, Phase.WAKING, Phase.RESTORING_ROUTES, Phase.AWAKE)
NOTED: Final = (
    ("asleep_since", "it fell asleep: its replicas were set to 0"),
    ("wake_requested_at", "a visitor or `waker wake` asked for it"),
    ("scaled_up_at", "it began to wake: its replicas were set back"),
    ("stopped_at", "somebody scaled it to 0 while it woke"),
    ("awake_since", "it was awake again: its pods were ready, and its routes led to them"),
    ("sleep_requested_at", "`waker sleep` or a button asked for its sleep"),
)


class Moment(TypedDict):
    """Something that happened. `took`: the stage that ended then, "" if none did; `times`: how often since `first`."""

    at: str
    what: str
    why: str
    took: str
    times: int
    first: str


class AppHistory(TypedDict):
    """Of one app, oldest first. `typicalWake`: how long its wakes take, such as 677ms or 12s; "" if nobody knows."""

    moments: list[Moment]
    typicalWake: str


def story(events: Iterable[Mapping[str, Any]], notes: Notes) -> AppHistory:
    """The Events of one workload that are KubeSleeper's, and what its notes add."""
    found = sorted((each for each in events if each.get("reason") in KNOWN), key=_order)
    moments = [*_of_events(found), *_of_notes(notes)]
    typical = readable(notes.typical_wake)
    return AppHistory(
        moments=sorted(moments, key=lambda each: each["at"]),
        typicalWake=format_exact(typical) if typical else "",
    )


def _of_events(found: list[Mapping[str, Any]]) -> Iterator[Moment]:
    begun: dict[str, datetime] = {}
    for each in found:
        at, reason = parse_time(_ends(each)), str(each["reason"])
        if at is None:
            continue
        before = begun.get(BEFORE[Phase(reason)]) if reason in BEFORE else None
        took = format_duration(at - before) if before and at >= before else ""
        begun[reason] = at
        if reason == Phase.AWAKE:
            begun.clear()
        times = int(each.get("count") or 1)
        first = str(each.get("firstTimestamp") or "") if times > 1 else ""
        why = str(each.get("message", ""))
        yield Moment(at=json_time(at), what=reason, why=why, took=took, times=times, first=first)


def _order(event: Mapping[str, Any]) -> tuple[str, int]:
    """Of one second, as a cycle goes."""
    reason = event["reason"]
    return _ends(event), CYCLE.index(reason) if reason in CYCLE else len(CYCLE)


def _ends(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _of_notes(notes: Notes) -> Iterator[Moment]:
    for field, why in NOTED:
        at = readable(getattr(notes, field))
        if at:
            yield Moment(at=json_time(at), what=NOTE, why=why, took="", times=1, first="")


def text(name: str, found: AppHistory) -> str:
    """For a terminal, without a newline at the end."""
    if not found["moments"]:
        return f"Nothing is known of {printable_text(name)}: Kubernetes forgets Events, usually after an hour."
    rows = [("WHEN (UTC)", "WHAT", "TOOK", "WHY"), *(_cells(each) for each in found["moments"])]
    typical = found["typicalWake"]
    return "\n".join([*aligned(rows), *(["", f"Its wakes typically take {_length(typical)}."] if typical else [])])


def _length(exact: str) -> str:
    """`677ms` -> `0.7 s`; from ten seconds on as it is."""
    length = parse_exact(exact)
    return f"{max(length.total_seconds(), 0.1):.1f} s" if length <= EXACT else exact


def _cells(each: Moment) -> tuple[str, str, str, str]:
    since = f" since {_clock(each['first'])}" if each["first"] else ""
    again = f" ({each['times']} times{since})" if each["times"] > 1 else ""
    what = "noted" if each["what"] == NOTE else each["what"]
    took = "<1s" if each["took"] == "0s" else each["took"] or "-"  # Events have whole seconds
    return _clock(each["at"]), what, took, printable_text(each["why"] + again) or "-"


def _clock(at: str) -> str:
    """`2027-01-31T18:00:12Z` -> `2027-01-31 18:00:12`; what is no time stays as it is."""
    day, _, clock = at.rstrip("Z").partition("T")
    return f"{day} {clock}".rstrip()
