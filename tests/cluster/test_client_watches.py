"""Watches of the client: the events they yield, and the error that each kind of end becomes."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from waker.cluster import client
from waker.cluster.client import Api, connect
from waker.cluster.resources import CONFIG_MAPS
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, forbidden, unavailable
from waker.demo.refusals import ApiRefusal
from waker.errors import ClusterError, Gone, Refused, Unavailable

from .informing import put
from .scripted import ScriptedResponse, scripted, watch_line

ALL = CONFIG_MAPS.collection("default")


async def test_a_watch_yields_events_and_ends(tmp_path: Path) -> None:
    lines = watch_line("ADDED", a=1) + watch_line("BOOKMARK", b=2)
    async with scripted(tmp_path, ScriptedResponse(lines)) as (api, script):
        events = [event async for event in api.watch(ALL, {"resourceVersion": "5", "labelSelector": "x=y"})]
    assert events == [{"type": "ADDED", "object": {"a": 1}}, {"type": "BOOKMARK", "object": {"b": 2}}]
    query = dict(script.requests[0].query)
    low, high = client.WATCH_SECONDS
    assert low <= int(query.pop("timeoutSeconds")) <= high
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "labelSelector": "x=y",
    }
    assert script.calls == [("WATCH", 200)]


@pytest.mark.parametrize(
    ("code", "error"), [(410, Gone), (500, Unavailable), (429, Unavailable), (403, Refused), (0, ClusterError)]
)
async def test_an_error_in_the_stream(tmp_path: Path, code: int, error: type[ClusterError]) -> None:
    lines = watch_line("ADDED", a=1) + watch_line("ERROR", code=code)
    async with scripted(tmp_path, ScriptedResponse(lines)) as (api, _):
        events = api.watch(ALL, {})
        assert (await anext(events))["type"] == "ADDED"
        with pytest.raises(ClusterError) as caught:
            await anext(events)
    assert (type(caught.value), caught.value.status) == (error, code)


@pytest.mark.parametrize(
    "refusal",
    [forbidden("configmaps"), unavailable(), ApiRefusal(500, "InternalError", "x")],
    ids=lambda each: each.reason,
)
async def test_a_refused_watch_is_an_error_and_not_an_empty_watch(
    api: Api, cluster: DemoCluster, refusal: ApiRefusal
) -> None:
    cluster.api.faults.order(Fault("watch", refusal=refusal))
    with pytest.raises(ClusterError) as caught:
        await anext(api.watch(ALL, {"resourceVersion": "1"}))
    assert caught.value.status == refusal.code


@pytest.mark.parametrize(
    "unreadable", [b"no JSON\n", b"x" * 5_000_000, b'{"type": "ADDED"', b'{"object": {}}\n', b"[]\n", b'"text"\n']
)
async def test_an_unreadable_line_means_list_again(tmp_path: Path, unreadable: bytes) -> None:
    async with scripted(tmp_path, ScriptedResponse(watch_line("ADDED", a=1) + unreadable)) as (api, _):
        events = api.watch(ALL, {})
        await anext(events)
        with pytest.raises(Gone, match="unreadable"):
            await anext(events)


async def test_a_stream_that_breaks_off(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedResponse(watch_line("ADDED", a=1), cut=True)) as (api, _):
        with pytest.raises(Unavailable):
            _ = [event async for event in api.watch(ALL, {})]


async def test_a_stream_that_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other end is gone without closing the connection, or it waits for a version that will not come: list again."""
    monkeypatch.setattr(client, "WATCH_TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.05))
    async with DemoCluster() as cluster, connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        with pytest.raises(Gone, match="nothing has come"):
            await anext(api.watch(ALL, {"resourceVersion": "1"}))


async def test_the_largest_object_that_the_api_accepts(api: Api, cluster: DemoCluster) -> None:
    """etcd accepts 1.5 MB."""
    version = str(cluster.store.version)
    put(cluster, "a", "x" * 1_500_000)
    async with asyncio.timeout(5):
        event = await anext(api.watch(ALL, {"resourceVersion": version}))
    assert len(event["object"]["data"]["text"]) == 1_500_000


async def test_closing_the_iterator_closes_the_connection(api: Api, cluster: DemoCluster) -> None:
    put(cluster, "a", "")
    events = api.watch(ALL, {"resourceVersion": "1"})
    await anext(events)
    assert cluster.api.watchers(kinds.CONFIG_MAPS) == 1
    await events.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        while cluster.api.watchers(kinds.CONFIG_MAPS):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
