"""What becomes of an Event that is recorded: a new object, a higher count of one that is there, or nothing.

As client-go's recorder does it (k8s.io/client-go/tools/record, events_cache.go), in the same three steps:

    too many texts of one kind?   more than ten of one reason about one object in ten minutes become one Event
    seen before?                  its `count` and `lastTimestamp` move on; no second object is made
    too many of one object?       25 at once, then one every five minutes

Pure: the time is passed in, and `cluster.events` writes. Two things differ. Numbers and durations make no difference between
two texts: "not ready 40s after the wake" is news once. And a Warning says what is so, not what has happened: callers record
it on every pass, so it counts once in ten minutes.
"""

import re
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from waker.cluster.token_buckets import TokenBuckets

NUMBERS = re.compile(r"(?:\d+(?:\.\d+)?[dhms]?)+")  # and durations: 31m, 1h5m, 0.5
REPEAT_AFTER: Final = timedelta(minutes=10)
SIMILAR_WITHIN: Final = timedelta(minutes=10)  # after the last one; client-go's defaultAggregateIntervalInSeconds
MAX_SIMILAR: Final = 10  # texts; client-go's defaultAggregateMaxEvents
COMBINED: Final = "(combined from similar events): "  # client-go's words, which `kubectl` users know
BURST: Final = 25  # Events about one object at once; client-go's defaultSpamBurst
EVERY: Final = timedelta(minutes=5)  # then one each; client-go's defaultSpamQPS
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
MAX_REMEMBERED = 10_000  # Events, and kinds of Events; what was not recorded for longest is forgotten first


class Severity(Enum):
    """The two types of Event that Kubernetes knows. Normal: something happened. Warning: something is so."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Subject(NamedTuple):
    """The object that an Event is about: its `involvedObject`."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class EventKind(NamedTuple):
    """What kind of Event about which object. `reason` and `action` are CamelCase words; `action` may be ""."""

    subject: Subject
    severity: Severity
    reason: str
    action: str = ""


class EventKey(NamedTuple):
    """What makes two Events the same. `text`: the message without numbers, or COMBINED."""

    kind: EventKind
    text: str


@dataclass(frozen=True, slots=True)
class CorrelatedEvent:
    """An Event as it has to stand in the cluster now. `count` 1: it is new."""

    key: EventKey
    name: str
    message: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _SimilarEvents:
    """The texts of one reason about one object."""

    last_at: datetime
    texts: set[str] = field(default_factory=set)


class EventCorrelation:
    """Remembers what was recorded, for one recorder."""

    def __init__(self) -> None:
        self._known: OrderedDict[EventKey, CorrelatedEvent] = OrderedDict()
        self._similar: OrderedDict[EventKind, _SimilarEvents] = OrderedDict()
        self._tokens: TokenBuckets[Subject] = TokenBuckets(BURST, EVERY)

    def correlate(self, kind: EventKind, message: str, now: datetime) -> CorrelatedEvent | None:
        """The Event to write, None if there is nothing to write."""
        text = NUMBERS.sub("0", message)
        if self._is_one_of_many(kind, text, now):
            text, message = COMBINED, COMBINED + message
        key = EventKey(kind, text)
        old = self._known.get(key)
        if old:
            self._known.move_to_end(key)
        if old and kind.severity is Severity.WARNING and now - old.last_at < REPEAT_AFTER:
            return None
        if self._tokens.spend(kind.subject, now):
            return None
        if old:
            new = replace(old, message=message, count=old.count + 1, last_at=now)
        else:
            new = CorrelatedEvent(
                key, f"{kind.subject.name[:200].rstrip('.-')}.{uuid.uuid4().hex[:16]}", message, 1, now, now
            )
        self._known[key] = new
        self._known.move_to_end(key)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return new

    def not_written(self, event: CorrelatedEvent) -> None:
        """It could not be written, or nobody knows: the next one like it is written at once, under the same name."""
        if event.key in self._known:
            self._known[event.key] = replace(self._known[event.key], last_at=LONG_AGO)

    def _is_one_of_many(self, kind: EventKind, text: str, now: datetime) -> bool:
        known = self._similar.get(kind)
        if known is None or now - known.last_at > SIMILAR_WITHIN:
            known = self._similar[kind] = _SimilarEvents(now)
        known.last_at = now
        self._similar.move_to_end(kind)
        while len(self._similar) > MAX_REMEMBERED:
            self._similar.popitem(last=False)
        if text not in known.texts and len(known.texts) >= MAX_SIMILAR:
            return True
        known.texts.add(text)
        return False
