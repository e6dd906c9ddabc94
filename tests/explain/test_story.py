"""The story of one app: in the order of time, with how long each stage took."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waker.explain.story import story, text
from waker.plan.notes import NONE, Notes, Unreadable

DAY = datetime(2027, 1, 31, 18, tzinfo=UTC)


def event(reason: str, seconds: int, message: str = "", count: int = 1) -> dict[str, Any]:
    last, first = (f"{DAY + timedelta(seconds=each):%Y-%m-%dT%H:%M:%SZ}" for each in (seconds, seconds - 600))
    return {"reason": reason, "message": message, "firstTimestamp": first, "lastTimestamp": last, "count": count}


CYCLE = [
    event("Awake", 100, "in use"),
    event("RestoringRoutes", 97, "routes go back: ready (visited)"),
    event("Waking", 90, "visited"),
    event("Asleep", 12, "asleep until visited", 3),
    event("FallingAsleep", 0, "not visited for 30m"),
    event("ScalingReplicaSet", 90, "somebody else's"),
]


def test_a_cycle_and_how_long_its_stages_took() -> None:
    found = story(CYCLE, Notes(typical_wake=timedelta(seconds=9)))
    assert [(each["what"], each["took"], each["times"]) for each in found["moments"]] == [
        ("FallingAsleep", "", 1),
        ("Asleep", "12s", 3),
        ("Waking", "", 1),
        ("RestoringRoutes", "7s", 1),
        ("Awake", "3s", 1),
    ]
    assert text("prod/shop", found).splitlines() == [
        "WHEN (UTC)            WHAT              TOOK   WHY",
        "2027-01-31 18:00:00   FallingAsleep     -      not visited for 30m",
        "2027-01-31 18:00:12   Asleep            12s    asleep until visited (3 times since 2027-01-31 17:50:12)",
        "2027-01-31 18:01:30   Waking            -      visited",
        "2027-01-31 18:01:37   RestoringRoutes   7s     routes go back: ready (visited)",
        "2027-01-31 18:01:40   Awake             3s     in use",
        "",
        "Its wakes typically take 9.0 s.",
    ]


def test_what_happened_in_one_second_is_in_the_order_of_a_cycle() -> None:
    found = story([event("Awake", 7), event("RestoringRoutes", 7), event("Waking", 4)], NONE)
    assert [(each["what"], each["took"]) for each in found["moments"]] == [
        ("Waking", ""),
        ("RestoringRoutes", "3s"),
        ("Awake", "0s"),
    ]


def test_notes_stay_when_events_are_forgotten() -> None:
    found = story([], Notes(asleep_since=DAY, awake_since=Unreadable("soon")))
    assert [(each["at"], each["why"]) for each in found["moments"]] == [
        ("2027-01-31T18:00:00Z", "it fell asleep: its replicas were set to 0")
    ]
    assert text("prod/shop", found).splitlines()[1].split()[2:4] == ["noted", "-"]


@pytest.mark.parametrize(
    ("typical", "told", "in_json"),
    [
        (timedelta(milliseconds=677), "0.7 s", "677ms"),
        (timedelta(milliseconds=20), "0.1 s", "20ms"),
        (timedelta(milliseconds=9999), "10.0 s", "9999ms"),
        (timedelta(seconds=90), "1m30s", "1m30s"),
    ],
)
def test_how_long_a_wake_typically_takes(typical: timedelta, told: str, in_json: str) -> None:
    found = story(CYCLE, Notes(typical_wake=typical))
    assert found["typicalWake"] == in_json
    assert text("a/b", found).splitlines()[-1] == f"Its wakes typically take {told}."


def test_within_one_second_is_not_in_no_time() -> None:
    told = text("a/b", story([event("RestoringRoutes", 7), event("Awake", 7)], NONE))
    assert told.splitlines()[-1].split()[2:] == ["Awake", "<1s", "-"]


def test_nothing_is_known() -> None:
    assert text("prod/shop\x1b", story([], NONE)) == (
        "Nothing is known of prod/shop\\u001b: Kubernetes forgets Events, usually after an hour."
    )


def test_odd_events() -> None:
    odd = [{"reason": "Awake"}, {"reason": "Asleep", "lastTimestamp": "soon"}, {}, event("Waking", 5, "x\x1b[2J\ny")]
    told = text("a/b", story(odd, NONE))
    assert "\x1b" not in told
    assert len(told.splitlines()) == 2
