"""The error that each response of the API becomes, and that every call ends."""

import json
from pathlib import Path

import aiohttp
import pytest

from waker.cluster import client
from waker.cluster.client import Api, connect
from waker.cluster.resources import CONFIG_MAPS
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault
from waker.errors import ClusterError, Conflict, Gone, NotFound, Refused, Terminating, TooLong, Unavailable

from .scripted import ScriptedResponse, kubeconfig, scripted

ONE = CONFIG_MAPS.one("default", "a")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, Unavailable),
        (403, Refused),
        (404, NotFound),
        (408, Unavailable),
        (409, Conflict),
        (410, Gone),
        (422, Refused),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
async def test_each_status_becomes_one_of_wakers_errors(tmp_path: Path, status: int, error: type[ClusterError]) -> None:
    response = ScriptedResponse(b'{"reason": "Because", "message": "of something"}', status)
    async with scripted(tmp_path, response) as (api, script):
        with pytest.raises(ClusterError, match=f"GET {ONE}: {status} Because: of something") as caught:
            await api.get(ONE)
    assert (type(caught.value), caught.value.status) == (error, status)
    assert script.calls == [("GET", status)]


async def test_an_answer_may_be_bounded(tmp_path: Path) -> None:
    response = ScriptedResponse(b'{"text": "' + b"x" * 1000 + b'"}')
    async with scripted(tmp_path, response, response) as (api, _):
        assert await api.get(ONE, longest=2000)
        with pytest.raises(TooLong):
            await api.get(ONE, longest=1000)


QUOTA = 'pods "a" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3'
RIGHT = 'deployments.apps "a" is forbidden: User "system:serviceaccount:x:waker" cannot patch resource "deployments"'
WEBHOOK = 'admission webhook "validate.example.org" denied the request: not today'
POLICY = (
    "deployments.apps \"a\" is forbidden: ValidatingAdmissionPolicy 'frozen' with binding 'frozen' denied request: no"
)
LONG = 'Deployment.apps "a" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes'


@pytest.mark.parametrize(
    ("status", "words", "cause", "begins"),
    [
        pytest.param(403, QUOTA, "quota", "a ResourceQuota of the namespace is used up: ", id="quota"),
        pytest.param(403, RIGHT, "right", "waker lacks a right", id="right"),
        pytest.param(400, WEBHOOK, "admission", "an admission policy forbids it: ", id="webhook"),
        pytest.param(422, POLICY, "admission", "an admission policy forbids it: ", id="policy"),
        pytest.param(422, LONG, "invalid", "the object would not be valid: ", id="too long"),
        pytest.param(403, "not today", "other", f"GET {ONE}: 403", id="in words that nobody knows"),
    ],
)
async def test_a_refusal_is_named_as_what_it_is(
    tmp_path: Path, status: int, words: str, cause: str, begins: str
) -> None:
    body = json.dumps({"reason": "Because", "message": words}).encode()
    async with scripted(tmp_path, ScriptedResponse(body, status)) as (api, _):
        with pytest.raises(Refused) as caught:
            await api.get(ONE)
    assert caught.value.cause == cause
    assert str(caught.value).startswith(begins)
    assert str(caught.value).endswith(words)


async def test_a_namespace_that_is_being_deleted(tmp_path: Path) -> None:
    causes = [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]
    body = json.dumps({"reason": "Forbidden", "message": "it ends", "details": {"causes": causes}}).encode()
    async with scripted(tmp_path, ScriptedResponse(body, 403)) as (api, _):
        with pytest.raises(Terminating):
            await api.create(CONFIG_MAPS.collection("default"), {})


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("", None)])
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after(tmp_path: Path, status: int, header: str, seconds: float | None) -> None:
    async with scripted(tmp_path, ScriptedResponse(b"{}", status, {"Retry-After": header})) as (api, _):
        with pytest.raises(Unavailable) as caught:
            await api.get(ONE)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"\xff\xfe", b"[]", b'"text"', b"", b"null"])
async def test_an_error_from_a_proxy_on_the_way(tmp_path: Path, body: bytes) -> None:
    async with scripted(tmp_path, ScriptedResponse(body, 502)) as (api, _):
        with pytest.raises(Unavailable) as caught:
            await api.get(ONE)
    assert caught.value.status == 502


async def test_no_server(tmp_path: Path) -> None:
    """Nothing listens on port 1."""
    calls: list[tuple[str, int]] = []
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    async with connect(str(config), lambda verb, status: calls.append((verb, status))) as api:
        with pytest.raises(Unavailable, match=f"GET {ONE}: ClientConnector") as caught:
            await api.get(ONE)
    assert caught.value.status == 0
    assert calls == [("GET", 0)]


async def test_a_response_that_breaks_off(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedResponse(b'{"metadata":', cut=True)) as (api, _):
        with pytest.raises(Unavailable):
            await api.get(ONE)


async def test_an_unreadable_response(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedResponse(b'{"metadata":')) as (api, _):
        with pytest.raises(ClusterError, match="unreadable"):
            await api.get(ONE)


async def test_a_call_that_hangs_times_out(api: Api, cluster: DemoCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    cluster.api.faults.order(Fault("get", hangs=True))
    with pytest.raises(Unavailable, match="Timeout"):
        await api.get(ONE)


def test_every_call_has_a_timeout() -> None:
    assert client.CALL_TIMEOUT.total
    assert client.WATCH_TIMEOUT.sock_read
    assert client.WATCH_TIMEOUT.sock_read > 60  # bookmarks come every minute
