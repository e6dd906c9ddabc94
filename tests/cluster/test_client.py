"""The client: what each answer of the API becomes, and what each request carries."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from waker.cluster import client, partial_import
from waker.cluster.client import Api, connect
from waker.cluster.resources import CONFIG_MAPS, DEPLOYMENTS
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, forbidden, unavailable
from waker.demo.refusals import ApiRefusal
from waker.errors import ClusterError, Conflict, Gone, NotFound, SettingsError, Unavailable

from .scripted import ScriptedAnswer, kubeconfig, scripted

ONE = CONFIG_MAPS.one("default", "a")
ALL = CONFIG_MAPS.collection("default")
DEPLOYMENT = {
    "replicas": 0,
    "selector": {"matchLabels": {"app": "d"}},
    "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "d", "image": "d"}]}},
}


def config_map(text: str = "") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"text": text}}


def line(kind: str, **object: Any) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": kind, "object": object}).encode() + b"\n"


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ClusterError),
        (401, Unavailable),
        (403, ClusterError),
        (404, NotFound),
        (408, Unavailable),
        (409, Conflict),
        (410, Gone),
        (422, ClusterError),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
async def test_each_status_is_an_error_of_ours(tmp_path: Path, status: int, error: type[ClusterError]) -> None:
    said = ScriptedAnswer(b'{"reason": "Because", "message": "of something"}', status)
    async with scripted(tmp_path, said) as (api, script):
        with pytest.raises(ClusterError, match=f"GET {ONE}: {status} Because: of something") as caught:
            await api.get(ONE)
    assert (type(caught.value), caught.value.status) == (error, status)
    assert script.told == [("GET", status)]


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("", None)])
@pytest.mark.parametrize("status", [429, 503])
async def test_when_to_come_back(tmp_path: Path, status: int, header: str, seconds: float | None) -> None:
    async with scripted(tmp_path, ScriptedAnswer(b"{}", status, {"Retry-After": header})) as (api, _):
        with pytest.raises(Unavailable) as caught:
            await api.get(ONE)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"\xff\xfe", b"[]", b'"text"', b"", b"null"])
async def test_the_error_of_a_proxy_in_between_is_an_error_too(tmp_path: Path, body: bytes) -> None:
    async with scripted(tmp_path, ScriptedAnswer(body, 502)) as (api, _):
        with pytest.raises(Unavailable) as caught:
            await api.get(ONE)
    assert caught.value.status == 502


async def test_nobody_there(tmp_path: Path) -> None:
    """Nothing listens on port 1."""
    told: list[tuple[str, int]] = []
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    async with connect(str(config), lambda verb, status: told.append((verb, status))) as api:
        with pytest.raises(Unavailable, match=f"GET {ONE}: ClientConnector") as caught:
            await api.get(ONE)
    assert caught.value.status == 0
    assert told == [("GET", 0)]


async def test_an_answer_that_breaks_off(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedAnswer(b'{"metadata":', cut=True)) as (api, _):
        with pytest.raises(Unavailable):
            await api.get(ONE)


async def test_an_answer_that_cannot_be_read(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedAnswer(b'{"metadata":')) as (api, _):
        with pytest.raises(ClusterError, match="unreadable"):
            await api.get(ONE)


async def test_nobody_waits_for_ever(api: Api, cluster: DemoCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL", aiohttp.ClientTimeout(total=0.05))
    cluster.api.faults.order(Fault("get", hangs=True))
    with pytest.raises(Unavailable, match="Timeout"):
        await api.get(ONE)


def test_every_call_has_an_end() -> None:
    assert client.CALL.total
    assert client.WATCH.sock_read
    assert client.WATCH.sock_read > 60  # bookmarks come every minute


# --- verbs --------------------------------------------------------------------------------------------------------


async def test_the_life_of_an_object(api: Api) -> None:
    made = await api.create(ALL, config_map("new"))
    assert await api.get(ONE) == made
    merged = await api.patch(ONE, {"data": {"text": "merged"}})
    assert merged["data"] == {"text": "merged"}
    patched = await api.patch(ONE, [{"op": "replace", "path": "/data/text", "value": "patched"}])
    assert patched["data"] == {"text": "patched"}
    with pytest.raises(Conflict):
        await api.create(ALL, config_map())
    await api.delete(ONE)
    await api.delete(ONE)  # gone is gone
    with pytest.raises(NotFound):
        await api.get(ONE)


async def test_a_failed_guard_is_a_conflict(api: Api, cluster: DemoCluster) -> None:
    version = (await api.create(ALL, config_map("new")))["metadata"]["resourceVersion"]
    await api.patch(ONE, {"data": {"text": "newer"}})
    with pytest.raises(Conflict) as by_test:
        await api.patch(ONE, [{"op": "test", "path": "/metadata/resourceVersion", "value": version}])
    with pytest.raises(Conflict) as by_version:
        await api.patch(ONE, {"metadata": {"resourceVersion": version}, "data": {"text": "late"}})
    assert (by_test.value.status, by_version.value.status) == (422, 409)
    assert cluster.store.all(kinds.CONFIG_MAPS)[0]["data"] == {"text": "newer"}


async def test_an_invalid_object_is_no_conflict(api: Api, cluster: DemoCluster) -> None:
    cluster.load([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": DEPLOYMENT}])
    with pytest.raises(ClusterError) as caught:
        await api.patch(DEPLOYMENTS.one("default", "d"), {"spec": {"replicas": -1}})
    assert (type(caught.value), caught.value.status) == (ClusterError, 422)


# --- watches ------------------------------------------------------------------------------------------------------


async def test_a_watch_tells_and_ends(tmp_path: Path) -> None:
    told = line("ADDED", a=1) + line("BOOKMARK", b=2)
    async with scripted(tmp_path, ScriptedAnswer(told)) as (api, script):
        events = [event async for event in api.watch(ALL, {"resourceVersion": "5", "labelSelector": "x=y"})]
    assert events == [{"type": "ADDED", "object": {"a": 1}}, {"type": "BOOKMARK", "object": {"b": 2}}]
    query = dict(script.asked[0].query)
    low, high = client.WATCH_SECONDS
    assert low <= int(query.pop("timeoutSeconds")) <= high
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "labelSelector": "x=y",
    }
    assert script.told == [("WATCH", 200)]


@pytest.mark.parametrize(
    ("code", "error"), [(410, Gone), (500, Unavailable), (429, Unavailable), (403, ClusterError), (0, ClusterError)]
)
async def test_an_error_in_the_stream(tmp_path: Path, code: int, error: type[ClusterError]) -> None:
    async with scripted(tmp_path, ScriptedAnswer(line("ADDED", a=1) + line("ERROR", code=code))) as (api, _):
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
async def test_a_watch_that_is_refused_is_no_empty_watch(api: Api, cluster: DemoCluster, refusal: ApiRefusal) -> None:
    cluster.api.faults.order(Fault("watch", refusal=refusal))
    with pytest.raises(ClusterError) as caught:
        await anext(api.watch(ALL, {"resourceVersion": "1"}))
    assert caught.value.status == refusal.code


@pytest.mark.parametrize(
    "words", [b"no JSON\n", b"x" * 5_000_000, b'{"type": "ADDED"', b'{"object": {}}\n', b"[]\n", b'"text"\n']
)
async def test_a_line_that_cannot_be_read_means_list_again(tmp_path: Path, words: bytes) -> None:
    async with scripted(tmp_path, ScriptedAnswer(line("ADDED", a=1) + words)) as (api, _):
        events = api.watch(ALL, {})
        await anext(events)
        with pytest.raises(Gone, match="unreadable"):
            await anext(events)


async def test_a_stream_that_breaks_off(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedAnswer(line("ADDED", a=1), cut=True)) as (api, _):
        with pytest.raises(Unavailable):
            _ = [event async for event in api.watch(ALL, {})]


async def test_a_stream_that_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other end is gone and nobody said so."""
    monkeypatch.setattr(client, "WATCH", aiohttp.ClientTimeout(total=None, sock_read=0.05))
    async with DemoCluster() as cluster, connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        with pytest.raises(Unavailable, match="Timeout"):
            await anext(api.watch(ALL, {"resourceVersion": "1"}))


async def test_the_largest_object_that_the_api_keeps(api: Api, cluster: DemoCluster) -> None:
    """etcd takes 1.5 MB."""
    version = str(cluster.store.version)
    cluster.load([config_map("x" * 1_500_000)])
    async with asyncio.timeout(5):
        event = await anext(api.watch(ALL, {"resourceVersion": version}))
    assert len(event["object"]["data"]["text"]) == 1_500_000


async def test_who_stops_watching_hangs_up(api: Api, cluster: DemoCluster) -> None:
    cluster.load([config_map()])
    events = api.watch(ALL, {"resourceVersion": "1"})
    await anext(events)
    assert cluster.api.watchers(kinds.CONFIG_MAPS) == 1
    await events.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        while cluster.api.watchers(kinds.CONFIG_MAPS):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


# --- who asks -----------------------------------------------------------------------------------------------------


async def test_every_request_carries_the_token(tmp_path: Path) -> None:
    async with scripted(tmp_path, *[ScriptedAnswer()] * 5, ScriptedAnswer(b"")) as (api, script):
        await api.get(ONE)
        await api.create(ALL, {})
        await api.patch(ONE, {})
        await api.patch(ONE, [])
        await api.delete(ONE)
        assert [event async for event in api.watch(ALL, {})] == []
    assert [each.method for each in script.asked] == ["GET", "POST", "PATCH", "PATCH", "DELETE", "GET"]
    assert {each.headers.get("Authorization") for each in script.asked} == {"Bearer t"}
    assert {each.headers.get("User-Agent") for each in script.asked} == {"kubesleeper-waker"}


async def test_writes_say_who_writes_and_how(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedAnswer(), ScriptedAnswer(), ScriptedAnswer()) as (api, script):
        await api.create(ALL, {})
        await api.patch(ONE, {})
        await api.patch(ONE, [])
    assert [each.content_type for each in script.asked] == [
        "application/json",
        "application/merge-patch+json",
        "application/json-patch+json",
    ]
    assert {each.query.get("fieldManager") for each in script.asked} == {"kubesleeper-waker"}


async def test_in_a_pod_the_token_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rotated every hour; who keeps the first one is locked out."""
    in_a_pod(tmp_path, monkeypatch, token="first")
    configuration = await client._configuration("")
    assert configuration.host == "https://10.0.0.1:443"
    assert (await configuration.auth_settings())["BearerToken"]["value"] == "Bearer first"
    (tmp_path / "token").write_text("second")
    later = datetime.now() + timedelta(minutes=2)  # noqa: DTZ005 as the library does
    monkeypatch.setattr("kubernetes_asyncio.config.incluster_config.datetime.datetime", Stopped(later))
    assert (await configuration.auth_settings())["BearerToken"]["value"] == "Bearer second"


async def test_in_a_pod_no_call_asks_a_thread_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would look for a .netrc, each time."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with scripted(tmp_path, ScriptedAnswer(), ScriptedAnswer(body=line("ADDED", text="x" * 1_500_000))) as (
        api,
        _,
    ):
        client._trust_no_environment(api._client)
        monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", None)
        await api.get(ONE)
        assert len([event async for event in api.watch(ALL, {})]) == 1


@dataclass
class Stopped:
    """A clock that stands still, in the place of `datetime.datetime`."""

    at: datetime

    def now(self) -> datetime:
        """Always the same."""
        return self.at


def in_a_pod(folder: Path, monkeypatch: pytest.MonkeyPatch, *, token: str) -> None:
    """As if this process ran in one."""
    partial_import.load()
    for name, text in (("token", token), ("ca.crt", "a certificate")):
        (folder / name).write_text(text)
    monkeypatch.setattr(client, "TOKEN", str(folder / "token"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    library = "kubernetes_asyncio.config.incluster_config"
    monkeypatch.setattr(f"{library}.SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(f"{library}.SERVICE_CERT_FILENAME", str(folder / "ca.crt"))


@pytest.mark.parametrize("text", ["", "{", "[]", "a: b", '{"clusters": []}', "\x00"])
async def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(SettingsError, match=f"kubeconfig {file}: "):
        async with connect(str(file)):
            pass


async def test_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="nowhere: there is no such file that can be read"):
        async with connect(""):
            pass
