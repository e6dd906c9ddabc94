"""Events: each is written once in ten minutes, short enough, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waker.cluster import events
from waker.cluster.client import Api
from waker.cluster.events import REPEAT_AFTER, Recorder, Severity, Subject
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, forbidden, unavailable

SHOP = Subject("apps/v1", "Deployment", "default", "shop", "uid-1")


@dataclass
class EventClock:
    """Moves when a test moves it."""

    at: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> EventClock:
    """The recorder's clock."""
    return EventClock()


@asynccontextmanager
async def recording(api: Api, clock: EventClock) -> AsyncIterator[Callable[..., None]]:
    """A function that records an Event, while a recorder writes them."""
    recorder = Recorder(api, "waker-1", clock)
    task = asyncio.create_task(recorder.run(dry=False))

    def record(message: str, subject: Subject = SHOP, reason: str = "Asleep") -> None:
        recorder.record(subject, Severity.NORMAL, reason, message)

    try:
        yield record
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


def written(cluster: DemoCluster) -> list[str]:
    """The messages of all Events, in the order in which they were written."""
    found = cluster.objects("Event", "default")
    return [each["message"] for each in sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))]


async def until_written(cluster: DemoCluster, *messages: str) -> None:
    """Wait until exactly these are written."""
    await cluster.until(lambda: written(cluster) == list(messages), timedelta(seconds=5))


async def test_the_fields_of_an_event(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    async with recording(api, clock) as record:
        record("asleep until visited")
        await until_written(cluster, "asleep until visited")
    event: dict[str, Any] = cluster.objects("Event")[0]
    assert event["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "default",
        "name": "shop",
        "uid": "uid-1",
    }
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Asleep", 1)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-31T12:00:00Z"
    assert event["source"] == {"component": "kubesleeper-waker"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubesleeper-waker", "waker-1")


async def test_the_same_event_is_not_written_again_within_ten_minutes(
    cluster: DemoCluster, api: Api, clock: EventClock
) -> None:
    async with recording(api, clock) as record:
        record("one")
        clock.at += REPEAT_AFTER - timedelta(seconds=1)
        record("one")
        record("two")
        record("one", reason="Other")
        record("one", subject=SHOP._replace(name="blog"))
        clock.at += timedelta(seconds=1)
        record("one")
        await until_written(cluster, "one", "two", "one", "one", "one")


async def test_numbers_make_no_other_event(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    """A stuck wake is reported every few seconds, with how long it has taken so far."""
    async with recording(api, clock) as record:
        for text in ("not ready 58s after the wake", "not ready 1m1s after the wake", "not ready 1h2m after the wake"):
            record(text)
        record("not ready after the wake: exit code 1")
        record("not ready after the wake: exit code 137")
        await until_written(cluster, "not ready 58s after the wake", "not ready after the wake: exit code 1")


async def test_the_number_of_remembered_events_is_bounded(
    cluster: DemoCluster, api: Api, clock: EventClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_REMEMBERED", 2)
    async with recording(api, clock) as record:
        for message in ("one", "two", "three", "three", "one"):
            record(message)
        await until_written(cluster, "one", "two", "three", "one")


@pytest.mark.parametrize("message", ["x" * 5000, "ü" * 2000, "€" * 1000, "🦥" * 300])
async def test_long_messages_are_cut(cluster: DemoCluster, api: Api, clock: EventClock, message: str) -> None:
    """The API accepts 1024 bytes and refuses more."""
    async with recording(api, clock) as record:
        record(message)
        await cluster.until(lambda: written(cluster), timedelta(seconds=5))
    (short,) = written(cluster)
    assert message.startswith(short)
    assert 990 < len(short.encode()) <= 1024


async def test_long_names(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    async with recording(api, clock) as record:
        record("asleep", subject=SHOP._replace(name="a" * 253))
        await until_written(cluster, "asleep")
    assert len(cluster.objects("Event")[0]["metadata"]["name"]) <= 253


@pytest.mark.parametrize("fault", [Fault(refusal=forbidden("events")), Fault(refusal=unavailable()), Fault(cuts=True)])
async def test_an_api_that_refuses(cluster: DemoCluster, api: Api, clock: EventClock, fault: Fault) -> None:
    """One Event is lost, and the next is written."""
    cluster.api.faults.order(Fault("create", "events", refusal=fault.refusal, cuts=fault.cuts))
    async with recording(api, clock) as record:
        record("lost")
        record("next")
        await until_written(cluster, "next")


async def test_nobody_waits_and_the_number_of_unwritten_events_is_bounded(
    cluster: DemoCluster, api: Api, clock: EventClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the API server hangs, new Events are dropped."""
    monkeypatch.setattr(events, "MAX_UNWRITTEN", 3)
    hanging = cluster.api.faults.order(Fault("create", "events", hangs=True))
    async with recording(api, clock) as record:
        record("a")
        await hanging.reached.wait()
        for letter in "bcdefghij":
            record(letter)
        cluster.api.faults.clear()
        await until_written(cluster, "a", "b", "c", "d")


async def test_a_message_has_no_control_characters(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    async with recording(api, clock) as record:
        record("Back-off \x1b[31mpulling\x1b[0m \u202eimage\nNormal  Awake \ud83d")
        await until_written(cluster, "Back-off \\u001b[31mpulling\\u001b[0m \\u202eimage Normal  Awake \\ud83d")
