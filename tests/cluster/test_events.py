"""Events as they stand in the cluster: fields, counts, and that nobody waits for them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from waker.cluster import client, events
from waker.cluster.client import Api
from waker.cluster.event_correlation import REPEAT_AFTER, Severity, Subject
from waker.cluster.events import Recorder
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, forbidden, unavailable
from waker.demo.kinds import EVENTS, Key

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

    def record(message: str, subject: Subject = SHOP, reason: str = "CannotSleep", action: str = "") -> None:
        recorder.record(subject, Severity.WARNING, reason, message, action)

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
    assert "action" not in event
    assert event["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "default",
        "name": "shop",
        "uid": "uid-1",
    }
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "CannotSleep", 1)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-31T12:00:00Z"
    assert event["source"] == {"component": "kubesleeper-waker"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubesleeper-waker", "waker-1")


async def test_what_is_done_or_stands_in_the_way_is_its_action(
    cluster: DemoCluster, api: Api, clock: EventClock
) -> None:
    async with recording(api, clock) as record:
        record("no way", action="WakerUnreachable")
        record("no way", action="WriteRefused")
        await until_written(cluster, "no way", "no way")
    assert {each["action"] for each in cluster.objects("Event")} == {"WakerUnreachable", "WriteRefused"}


def counts(cluster: DemoCluster) -> dict[str, tuple[int, str, str]]:
    """Of each Event: how often, and when first and last."""
    return {
        each["message"]: (each["count"], each["firstTimestamp"][11:19], each["lastTimestamp"][11:19])
        for each in cluster.objects("Event", "default")
    }


async def test_the_same_event_again_is_counted_and_not_made_a_second_time(
    cluster: DemoCluster, api: Api, clock: EventClock
) -> None:
    async with recording(api, clock) as record:
        record("not ready 58s after the wake")
        clock.at += REPEAT_AFTER - timedelta(seconds=1)
        record("not ready 10m57s after the wake")  # on every pass
        record("two")
        clock.at += timedelta(seconds=1)
        record("not ready 10m58s after the wake")
        await until_written(cluster, "two", "not ready 10m58s after the wake")
    assert counts(cluster) == {
        "two": (1, "12:09:59", "12:09:59"),
        "not ready 10m58s after the wake": (2, "12:00:00", "12:10:00"),
    }


async def test_an_event_that_the_api_server_has_deleted_is_made_anew(
    cluster: DemoCluster, api: Api, clock: EventClock
) -> None:
    async with recording(api, clock) as record:
        record("one")
        await until_written(cluster, "one")
        cluster.verbs.delete(EVENTS, Key("default", cluster.objects("Event")[0]["metadata"]["name"]))
        clock.at += timedelta(hours=2)
        record("one")
        await until_written(cluster, "one")
    assert counts(cluster) == {"one": (2, "12:00:00", "14:00:00")}


@pytest.mark.parametrize("fault", [Fault(hangs=True), Fault(refusal=unavailable())], ids=["hangs", "503"])
async def test_an_event_that_could_not_be_written_is_written_on_the_next_pass(
    cluster: DemoCluster, api: Api, clock: EventClock, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """A Warning that is lost must not be silent for ten minutes."""
    monkeypatch.setattr(client, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=1))
    cluster.api.faults.order(Fault("create", "events", refusal=fault.refusal, hangs=fault.hangs))
    async with recording(api, clock) as record:
        record("one")
        record("other")
        await until_written(cluster, "other")
        record("one")
        record("other")
        await until_written(cluster, "other", "one")


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
