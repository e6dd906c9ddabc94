"""What is recorded on every pass becomes few Events: counted, combined, and bounded for each object."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from waker.cluster import event_correlation
from waker.cluster.event_correlation import (
    BURST,
    COMBINED,
    EVERY,
    MAX_SIMILAR,
    REPEAT_AFTER,
    SIMILAR_WITHIN,
    CorrelatedEvent,
    EventCorrelation,
    EventKind,
    Severity,
    Subject,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOP = Subject("apps/v1", "Deployment", "default", "shop", "uid-1")


class Recording:
    """A recorder's memory, and its clock."""

    def __init__(self) -> None:
        self.now = NOW
        self._correlation = EventCorrelation()

    def warn(self, message: str, reason: str = "CannotSleep", subject: Subject = SHOP) -> CorrelatedEvent | None:
        """Something is so."""
        return self._correlation.correlate(EventKind(subject, Severity.WARNING, reason), message, self.now)

    def happened(self, message: str, reason: str = "Asleep") -> CorrelatedEvent | None:
        """Something has happened."""
        return self._correlation.correlate(EventKind(SHOP, Severity.NORMAL, reason), message, self.now)

    def lost(self, event: CorrelatedEvent | None) -> None:
        """It could not be written."""
        assert event
        self._correlation.not_written(event)


@pytest.fixture
def recording() -> Recording:
    return Recording()


def count(event: CorrelatedEvent | None) -> int:
    return event.count if event else 0


def test_a_warning_on_every_pass_counts_once_in_ten_minutes(recording: Recording) -> None:
    """One pass a second, for an hour."""
    written = []
    for _ in range(3600):
        written.append(count(recording.warn("no route leads to it")))
        recording.now += timedelta(seconds=1)
    assert [each for each in written if each] == [1, 2, 3, 4, 5, 6]


def test_what_happens_twice_within_a_minute_is_counted_twice(recording: Recording) -> None:
    first, second = recording.happened("asleep until visited"), recording.happened("asleep until visited")
    assert first
    assert second
    assert (first.count, second.count, second.name, second.first_at) == (1, 2, first.name, first.first_at)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("not ready 58s after it", "not ready 1h2m after it", True, id="durations"),
        pytest.param("exit code 1", "exit code 137", True, id="numbers"),
        pytest.param("last visited 0.5s ago", "last visited 12s ago", True, id="fractions"),
        pytest.param("no route", "no Service", False, id="words"),
    ],
)
def test_numbers_make_no_other_event(recording: Recording, one: str, other: str, *, same: bool) -> None:
    assert recording.warn(one)
    assert (recording.warn(other) is None) is same


def test_what_tells_events_apart(recording: Recording) -> None:
    assert recording.warn("one")
    assert count(recording.warn("one", reason="Stuck")) == 1
    assert count(recording.warn("one", subject=SHOP._replace(name="blog"))) == 1
    assert count(recording.warn("one", subject=SHOP._replace(uid="uid-2"))) == 1
    assert recording.warn("one") is None


def test_the_newest_numbers_are_in_the_text(recording: Recording) -> None:
    recording.warn("not ready 58s after the wake")
    recording.now += REPEAT_AFTER
    event = recording.warn("not ready 11m after the wake")
    assert event
    assert event.message == "not ready 11m after the wake"


def test_many_texts_of_one_reason_become_one_event(recording: Recording) -> None:
    """Somebody changes an object a hundred times, and each time another sentence says what is wrong with it."""
    texts = [f"unreadable: {chr(0x4E00 + number)}" for number in range(100)]
    events = [each for each in map(recording.warn, texts) if each]
    assert [each.message for each in events[:MAX_SIMILAR]] == texts[:MAX_SIMILAR]
    assert [each.message for each in events[MAX_SIMILAR:]] == [COMBINED + texts[MAX_SIMILAR]]
    assert recording.warn("another reason", reason="Stuck")
    recording.now += SIMILAR_WITHIN + timedelta(seconds=1)
    event = recording.warn("unreadable: new")
    assert event
    assert event.message == "unreadable: new"


def test_events_of_one_object_are_bounded(recording: Recording) -> None:
    """An app that flaps once a second, for an hour: a burst, then one each five minutes. Others are not affected."""
    written = 0
    for second in range(3600):
        written += (
            recording.happened("asleep" if second % 2 else "awake", "Asleep" if second % 2 else "Awake") is not None
        )
        recording.now += timedelta(seconds=1)
    assert written == BURST + timedelta(hours=1) // EVERY - 1
    assert recording.warn("not affected", subject=SHOP._replace(name="blog"))


def test_a_warning_that_found_no_token_is_written_as_soon_as_there_is_one(recording: Recording) -> None:
    for _ in range(BURST):
        assert recording.happened("asleep until visited")
    assert recording.warn("no route leads to it") is None
    recording.now += EVERY
    assert recording.warn("no route leads to it")


def test_what_could_not_be_written_is_tried_on_the_next_pass_under_the_same_name(recording: Recording) -> None:
    """It may be there all the same: the answer was lost, not the Event."""
    first = recording.warn("one")
    recording.lost(first)
    again = recording.warn("one")
    assert first
    assert again
    assert (again.name, again.count) == (first.name, 2)
    assert recording.warn("one") is None


@pytest.mark.parametrize("name", ["a" * 199 + "-b", "a" * 198 + ".-b", "a" * 253], ids=["hyphen", "dot", "long"])
def test_a_name_that_is_cut_is_a_name(recording: Recording, name: str) -> None:
    found = recording.warn("one", subject=SHOP._replace(name=name))
    assert found
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in found.name.split("."))
    assert len(found.name) <= 253


def test_what_is_remembered_is_bounded(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_correlation, "MAX_REMEMBERED", 2)
    for name in ("a", "b", "c", "d"):
        assert recording.warn("one", subject=SHOP._replace(name=name))
    assert recording.warn("one", subject=SHOP._replace(name="d")) is None
    assert recording.warn("one", subject=SHOP._replace(name="a"))
    assert len(recording._correlation._known) == len(recording._correlation._similar) == 2
