"""What waker has written on a workload, parsed once: its notes.

`workload_patches` writes them as annotations; everybody else reads a `Notes`. A note that somebody has edited into
something unreadable is `Unreadable`, never a default: its value is lost, but not that there was one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from waker import names
from waker.errors import SettingsError
from waker.plan.times import parse_time
from waker.plan.turned_back import TurnedBack, parse_turned_back
from waker.settings.durations import parse_exact

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that waker wrote and that can no longer be read. `why` is a sentence, or the text itself."""

    why: str


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes on one workload; None: not there. Times are aware UTC."""

    saved_replicas: int | Unreadable | None = None  # what spec.replicas was before the sleep
    asleep_since: datetime | Unreadable | None = None  # when its replicas became 0
    wake_requested_at: datetime | Unreadable | None = None
    awake_since: datetime | Unreadable | None = None  # the end of its last wake
    scaled_up_at: datetime | Unreadable | None = None  # waker has set its replicas back, and the wake is not over
    stopped_at: datetime | Unreadable | None = None  # somebody has scaled it to 0 during a wake
    typical_wake: timedelta | Unreadable | None = None  # how long its wakes take
    sleep_requested_at: datetime | Unreadable | None = None
    turned_back: TurnedBack | Unreadable | None = None  # on its way down, though nobody came


NONE = Notes()  # shared: most workloads have none


class NoteKey(NamedTuple):
    """One note: its annotation, its field of `Notes`, and how it is read; None: unreadable. `transient`: gone with the wake."""

    annotation: str
    field: str
    parse: Callable[[str], Any]
    transient: bool = True


def _parse_replicas(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII) else None


def _parse_duration(text: str) -> timedelta | None:
    try:
        return parse_exact(text)
    except SettingsError:
        return None


NOTES = (
    NoteKey(names.SAVED_REPLICAS, "saved_replicas", _parse_replicas),
    NoteKey(names.ASLEEP_SINCE, "asleep_since", parse_time),
    NoteKey(names.WAKE_REQUESTED_AT, "wake_requested_at", parse_time),
    NoteKey(names.SCALED_UP_AT, "scaled_up_at", parse_time),
    NoteKey(names.STOPPED_AT, "stopped_at", parse_time),
    NoteKey(names.AWAKE_SINCE, "awake_since", parse_time),
    NoteKey(names.SLEEP_REQUESTED_AT, "sleep_requested_at", parse_time),
    NoteKey(names.TYPICAL_WAKE, "typical_wake", _parse_duration, transient=False),
    NoteKey(names.TURNED_BACK, "turned_back", parse_turned_back, transient=False),
)
ANNOTATIONS = frozenset(each.annotation for each in NOTES)


def read_notes(annotations: Mapping[str, str]) -> Notes:
    """The notes among a workload's annotations. Never raises."""
    found: dict[str, Any] = {}
    for known in NOTES:
        text = annotations.get(known.annotation)
        if text is not None:
            value = known.parse(text)
            found[known.field] = Unreadable(text) if value is None else value
    return Notes(**found) if found else NONE


def readable(note: T | Unreadable | None) -> T | None:
    """The value of a note, None where it is not there or cannot be read."""
    return None if isinstance(note, Unreadable) else note


def written(notes: Notes, *, transient: bool) -> list[str]:
    """The annotations that these notes stand in: the transient ones only, or all of them."""
    return [
        each.annotation
        for each in NOTES
        if getattr(notes, each.field) is not None and (each.transient or not transient)
    ]
