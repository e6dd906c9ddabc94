"""Events: told once, short enough, and never in anybody's way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waker.cluster import events
from waker.cluster.client import Api
from waker.cluster.events import AGAIN, Recorder, Severity, Subject
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, forbidden, unavailable

SHOP = Subject("apps/v1", "Deployment", "default", "shop", "uid-1")


@dataclass
class EventClock:
    """Moved on by the test."""

    at: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> EventClock:
    """The recorder's."""
    return EventClock()


@asynccontextmanager
async def recording(api: Api, clock: EventClock) -> AsyncIterator[Callable[..., None]]:
    """What tells, while it is being written down."""
    recorder = Recorder(api, "waker-1", clock)
    task = asyncio.create_task(recorder.run(dry=False))

    def tell(message: str, subject: Subject = SHOP, reason: str = "Asleep") -> None:
        recorder.record(subject, Severity.NORMAL, reason, message)

    try:
        yield tell
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


def told(cluster: DemoCluster) -> list[str]:
    """All messages, in the order in which they were written."""
    found = cluster.objects("Event", "default")
    return [each["message"] for each in sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))]


async def until_told(cluster: DemoCluster, *messages: str) -> None:
    """Wait for exactly these."""
    await cluster.until(lambda: told(cluster) == list(messages), timedelta(seconds=5))


async def test_what_an_event_says(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    async with recording(api, clock) as tell:
        tell("asleep until visited")
        await until_told(cluster, "asleep until visited")
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


async def test_the_same_is_told_once_in_a_while(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    async with recording(api, clock) as tell:
        tell("one")
        clock.at += AGAIN - timedelta(seconds=1)
        tell("one")
        tell("two")
        tell("one", reason="Other")
        tell("one", subject=SHOP._replace(name="blog"))
        clock.at += timedelta(seconds=1)
        tell("one")
        await until_told(cluster, "one", "two", "one", "one", "one")


async def test_what_is_remembered_has_a_bound(
    cluster: DemoCluster, api: Api, clock: EventClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "REMEMBERED", 2)
    async with recording(api, clock) as tell:
        for message in ("one", "two", "three", "three", "one"):
            tell(message)
        await until_told(cluster, "one", "two", "three", "one")


@pytest.mark.parametrize("message", ["x" * 5000, "ü" * 2000, "€" * 1000, "🦥" * 300])
async def test_long_messages_are_cut(cluster: DemoCluster, api: Api, clock: EventClock, message: str) -> None:
    """The API takes 1024 bytes and refuses more."""
    async with recording(api, clock) as tell:
        tell(message)
        await cluster.until(lambda: told(cluster), timedelta(seconds=5))
    (short,) = told(cluster)
    assert message.startswith(short)
    assert 990 < len(short.encode()) <= 1024


async def test_long_names(cluster: DemoCluster, api: Api, clock: EventClock) -> None:
    async with recording(api, clock) as tell:
        tell("asleep", subject=SHOP._replace(name="a" * 253))
        await until_told(cluster, "asleep")
    assert len(cluster.objects("Event")[0]["metadata"]["name"]) <= 253


@pytest.mark.parametrize("fault", [Fault(refusal=forbidden("events")), Fault(refusal=unavailable()), Fault(cuts=True)])
async def test_an_api_that_refuses(cluster: DemoCluster, api: Api, clock: EventClock, fault: Fault) -> None:
    """One is lost, and the next is told."""
    cluster.api.faults.order(Fault("create", "events", refusal=fault.refusal, cuts=fault.cuts))
    async with recording(api, clock) as tell:
        tell("lost")
        tell("told")
        await until_told(cluster, "told")


async def test_nobody_waits_and_the_memory_has_an_end(
    cluster: DemoCluster, api: Api, clock: EventClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API server that hangs takes no more than so many."""
    monkeypatch.setattr(events, "WAITING", 3)
    hanging = cluster.api.faults.order(Fault("create", "events", hangs=True))
    async with recording(api, clock) as tell:
        tell("0")
        await hanging.reached.wait()
        for number in range(1, 10):
            tell(str(number))
        cluster.api.faults.clear()
        await until_told(cluster, "0", "1", "2", "3")
