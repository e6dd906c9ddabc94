"""Fault injection: each fault hits the requests that it selects, as often as it was ordered."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest

from waker.demo.cluster import DemoCluster, Options
from waker.demo.faults import Fault, broken, throttled, unavailable
from waker.demo.kinds import CONFIG_MAPS, LEASES, Key
from waker.demo.refusals import ApiRefusal

LIST = "/api/v1/namespaces/default/configmaps"


async def status(cluster: DemoCluster, session: aiohttp.ClientSession, method: str = "GET", path: str = LIST) -> int:
    async with session.request(method, cluster.api_url + path) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("refusal", [unavailable(), throttled(), broken()], ids=lambda refusal: refusal.reason)
async def test_refused_once(cluster: DemoCluster, session: aiohttp.ClientSession, refusal: ApiRefusal) -> None:
    fault = cluster.api.faults.order(Fault("list", "configmaps", refusal=refusal))
    async with session.get(cluster.api_url + LIST) as answer:
        assert (answer.status, (await answer.json())["reason"]) == (refusal.code, refusal.reason)
        assert answer.headers.get("Retry-After") == ("1" if refusal.code == 429 else None)
    assert await status(cluster, session) == 200
    assert fault.met == 1


async def test_only_selected_requests_are_hit(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    cluster.api.faults.order(Fault("list", "pods", times=None, refusal=broken()))
    cluster.api.faults.order(Fault("get", name="a", times=None, refusal=broken()))
    assert await status(cluster, session) == 200
    assert await status(cluster, session, path="/api/v1/pods") == 500
    assert await status(cluster, session, path="/api/v1/pods") == 500
    assert await status(cluster, session, path=f"{LIST}/b") == 404
    assert await status(cluster, session, path=f"{LIST}/a") == 500
    cluster.api.faults.clear()
    assert await status(cluster, session, path="/api/v1/pods") == 200


async def test_a_cut_connection(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    cluster.api.faults.order(Fault("patch", cuts=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await status(cluster, session, "PATCH", f"{LIST}/a")


async def test_a_request_that_hangs_until_it_is_released(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    fault = cluster.api.faults.order(Fault("list", hangs=True))
    request = asyncio.create_task(status(cluster, session))
    await fault.reached.wait()
    assert not request.done()
    cluster.api.faults.clear()
    assert await request == 200


async def test_a_delayed_response(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    cluster.api.faults.order(Fault("list", delay=timedelta(milliseconds=50)))
    started = asyncio.get_running_loop().time()
    assert await status(cluster, session) == 200
    assert asyncio.get_running_loop().time() - started >= 0.05


async def test_requests_are_recorded(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    await status(cluster, session)
    await status(cluster, session, "DELETE", f"{LIST}/a")
    assert cluster.api.faults.counted(["list"], "configmaps") == 1
    assert cluster.api.faults.counted(["create", "update", "patch", "delete"]) == 1


async def test_dropped_watches_break_off(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{cluster.api_url}{LIST}?watch=true") as stream:
        assert (cluster.api.watchers(CONFIG_MAPS), cluster.api.drop_watches(LEASES)) == (1, 0)
        assert cluster.api.drop_watches(CONFIG_MAPS) == 1
        with pytest.raises(aiohttp.ClientPayloadError):  # it did not end regularly
            await stream.content.readline()


async def test_a_watch_that_the_client_closed_is_forgotten(cluster: DemoCluster) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{cluster.api_url}{LIST}?watch=true"):
        assert cluster.api.watchers(CONFIG_MAPS) == 1
    async with asyncio.timeout(5):
        while cluster.api.watchers(CONFIG_MAPS):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


async def test_a_short_history() -> None:
    """With a small window, versions soon become too old."""
    async with DemoCluster(Options(window=2)) as cluster, aiohttp.ClientSession() as session:
        version = cluster.store.version
        for name in "abc":
            cluster.verbs.create(CONFIG_MAPS, "default", {"metadata": {"name": name}})
        for start, first in ((version, "ERROR"), (version + 1, "ADDED")):
            url = f"{cluster.api_url}{LIST}?watch=true&resourceVersion={start}"
            async with session.get(url) as stream:
                event = json.loads(await stream.content.readline())
                assert event["type"] == first
        assert cluster.store.get(CONFIG_MAPS, Key("default", "a")) is not None


async def test_a_request_that_takes_effect_and_whose_answer_is_lost(
    cluster: DemoCluster, session: aiohttp.ClientSession
) -> None:
    """One that is refused by itself has no effect: it does not count, and gets its own answer."""
    fault = cluster.api.faults.order(Fault("create", "configmaps", cuts=True, served=True))
    for body, answers in (({"metadata": {}}, True), ({"metadata": {"name": "a"}}, False)):
        try:
            async with session.post(cluster.api_url + LIST, json=body) as answer:
                assert (answer.status, answers) == (422, True)
        except aiohttp.ClientConnectionError:
            assert not answers
    assert (fault.met, fault.struck and fault.struck.body) == (1, {"metadata": {"name": "a"}})
    assert cluster.get("ConfigMap", "default", "a")


async def test_only_requests_like_this_one(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    fault = cluster.api.faults.order(Fault(only=lambda call: call.user == "b", times=None, refusal=broken()))
    for user, expected in (("a", 200), ("b", 500)):
        headers = {"Authorization": f"Bearer {user}"}
        async with session.get(cluster.api_url + LIST, headers=headers) as answer:
            assert answer.status == expected
    cluster.api.faults.withdraw(fault)
    assert await status(cluster, session) == 200


async def test_a_watch_that_sends_one_line_and_ends(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    cluster.api.faults.order(Fault("watch", line=b'{"type": "ERR'))
    async with session.get(f"{cluster.api_url}{LIST}?watch=true") as stream:
        assert await stream.content.read() == b'{"type": "ERR'
