"""Whatever fails, an informer tries again with growing pauses, and its store is never emptied by an error."""

import asyncio

import aiohttp
import pytest
from tenacity import RetryCallState

from waker.cluster import client, informer
from waker.cluster.client import Api
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, broken, forbidden, throttled, unavailable
from waker.demo.refusals import ApiRefusal

from .informing import RecordingInformer, put, running, watches

UNPATCHED_BACKOFF = informer.BACKOFF

pytestmark = pytest.mark.usefixtures("_no_pauses")


@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(refusal=unavailable()),
        Fault(refusal=broken()),
        Fault(refusal=forbidden("configmaps")),
        Fault(refusal=ApiRefusal(401, "Unauthorized", "Unauthorized")),
        Fault(cuts=True),
    ],
    ids=["503", "500", "403", "401", "cut"],
)
async def test_it_never_gives_up_and_never_forgets(
    cluster: DemoCluster, recording: RecordingInformer, verb: str, fault: Fault
) -> None:
    """Through an outage of twenty tries. Meanwhile the store stays as it was."""
    recording.changes.clear()
    cluster.store.forget()
    outage = cluster.api.faults.order(Fault(verb, "configmaps", times=20, refusal=fault.refusal, cuts=fault.cuts))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    await outage.reached.wait()
    assert recording.texts == {"A", "B"}
    async with asyncio.timeout(5):
        while outage.met < 20:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
    await recording.shows("A2", "B")
    assert recording.changes == [("A", "A2")]


async def test_it_waits_as_long_as_the_server_says(
    cluster: DemoCluster, recording: RecordingInformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After is 1 s there; nobody sleeps that long otherwise."""
    slept: list[float] = []
    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await really(min(seconds, 0.001))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    cluster.api.faults.order(Fault("watch", "configmaps", times=2, refusal=throttled()))
    cluster.api.faults.order(Fault("watch", "configmaps", times=2, refusal=unavailable()))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    await recording.shows("A2", "B")
    assert [each for each in slept if each > 0.5] == [1.0, 1.0]


async def test_the_backoff_grows_with_each_failure_and_starts_anew_after_a_success(
    cluster: DemoCluster, recording: RecordingInformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def no_pause(state: RetryCallState) -> float:
        attempts.append(state.attempt_number)
        return 0

    monkeypatch.setattr(informer, "BACKOFF", no_pause)
    for text in ("A2", "A3"):
        cluster.api.faults.order(Fault("watch", "configmaps", times=3, refusal=unavailable()))
        cluster.api.drop_watches(kinds.CONFIG_MAPS)
        put(cluster, "a", text)
        await recording.shows(text, "B")
    assert attempts == [1, 2, 3, 1, 2, 3]


def test_the_longest_pause() -> None:
    assert UNPATCHED_BACKOFF.max == 30


async def test_a_list_that_hangs(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    put(cluster, "a", "A")
    cluster.api.faults.order(Fault("list", "configmaps", hangs=True, times=2))
    async with running(api) as recording:
        await recording.shows("A")


async def test_it_knows_when_it_last_received_anything(cluster: DemoCluster, recording: RecordingInformer) -> None:
    await recording.receives_something()  # a bookmark
    cluster.api.faults.order(Fault("watch", "configmaps", times=None, refusal=unavailable()))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    before = watches(cluster)
    async with asyncio.timeout(5):
        while watches(cluster) < before + 5:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
    frozen = recording.informer.last_received_at
    async with asyncio.timeout(5):
        while watches(cluster) < before + 10:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
    assert recording.informer.last_received_at == frozen
