"""However a watch ends, an informer goes on: from where it was, or from a new list if that is too old or unreadable."""

import json
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from waker.cluster import client, listing
from waker.cluster.client import Api, connect
from waker.demo import kinds
from waker.demo.cluster import DemoCluster, Options
from waker.demo.faults import Fault
from waker.demo.refusals import ApiRefusal

from .informing import RecordingInformer, drop, lists, put, running
from .scripted import Script, ScriptedResponse, scripted

pytestmark = pytest.mark.usefixtures("_no_pauses")


async def test_bookmarks_move_the_version_on(cluster: DemoCluster, api: Api) -> None:
    """Without them the version of a quiet collection is soon too old to watch from."""
    put(cluster, "a", "A")
    async with running(api, fieldSelector="metadata.name=a") as recording:
        await recording.shows("A")
        await recording.receives_something()
        for number in range(3):
            put(cluster, "noise", str(number))  # not selected
        cluster.store.forget()
        await recording.receives_something()  # may have been on its way before
        await recording.receives_something()
        cluster.api.drop_watches(kinds.CONFIG_MAPS)
        put(cluster, "a", "A2")
        await recording.shows("A2")
        assert lists(cluster) == 1


async def test_a_watch_that_breaks_goes_on_where_it_was(cluster: DemoCluster, recording: RecordingInformer) -> None:
    recording.changes.clear()
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    drop(cluster, "b")
    await recording.shows("A2")
    assert recording.changes == [("A", "A2"), ("B", None)]
    assert lists(cluster) == 1


async def test_a_watch_that_ends_by_itself(cluster: DemoCluster, recording: RecordingInformer) -> None:
    """As the server's timeout does."""
    for text in ("A2", "A3", "A4"):
        for stream in cluster.api._streams:
            stream.changes.close()
        put(cluster, "a", text)
        await recording.shows(text, "B")
    assert lists(cluster) == 1


async def test_a_half_dead_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing arrives any more and nobody closes it. The missing bookmarks give it away."""
    monkeypatch.setattr(client, "WATCH_TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.05))
    silent = Options(lag=timedelta(), bookmark_every=timedelta(hours=1))
    async with DemoCluster(silent) as cluster, connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        put(cluster, "a", "A")
        async with running(api) as recording:
            await recording.shows("A")
            dead = cluster.api.faults.order(Fault("watch", "configmaps", hangs=True, times=2))
            cluster.api.drop_watches(kinds.CONFIG_MAPS)
            put(cluster, "a", "A2")
            await recording.shows("A2")
            assert dead.met == 2


# --- listing again ------------------------------------------------------------------------------------------------


async def test_too_old_a_version_lists_again_and_reports_the_differences(
    cluster: DemoCluster, recording: RecordingInformer
) -> None:
    recording.changes.clear()
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    drop(cluster, "b")
    put(cluster, "c", "C")
    cluster.store.forget()  # the next watch gets 410 in its stream
    await recording.shows("A2", "C")
    assert sorted(recording.changes, key=str) == sorted([("A", "A2"), ("B", None), (None, "C")], key=str)
    assert lists(cluster) == 2


async def test_too_old_a_version_as_a_status(cluster: DemoCluster, recording: RecordingInformer) -> None:
    gone = cluster.api.faults.order(Fault("watch", "configmaps", refusal=ApiRefusal(410, "Expired", "too old")))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    await recording.shows("A2", "B")
    assert (gone.met, lists(cluster)) == (1, 2)


async def test_too_old_in_the_middle_of_a_list(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The continue token of a later chunk has expired."""
    monkeypatch.setattr(listing, "CHUNK_SIZE", 1)
    put(cluster, "a", "A")
    put(cluster, "b", "B")
    cluster.api.faults.order(Fault("list", "configmaps"))  # the first chunk is served
    cluster.api.faults.order(Fault("list", "configmaps", refusal=ApiRefusal(410, "Expired", "too old")))
    async with running(api) as recording:
        await recording.shows("A", "B")
        assert lists(cluster) == 4


@pytest.mark.parametrize("line", [b"no JSON\n", b'{"type": "MODIFIED", "object"', b'{"a": 1}\n', b"\xff\n"])
async def test_an_unreadable_line(tmp_path: Path, line: bytes) -> None:
    """Its content is unknown, so everything is listed again."""
    responses = (
        ScriptedResponse(listed("5", a="A")),
        ScriptedResponse(event("MODIFIED", "6", a="A2") + line),
        ScriptedResponse(listed("7", a="A3")),
        ScriptedResponse(event("MODIFIED", "8", a="A4")),
    )
    async with scripted(tmp_path, *responses) as (api, script), running(api) as recording:
        await recording.shows("A4")
        assert recording.changes == [(None, "A"), ("A", "A2"), ("A2", "A3"), ("A3", "A4")]
        assert versions(script)[:4] == ["", "5", "", "7"]


@pytest.mark.parametrize("code", [0, 400, 403, 500])
async def test_an_error_that_the_same_version_brings_again_and_again(tmp_path: Path, code: int) -> None:
    """Whatever the server cannot send from there, a list shows what came of it."""
    error = json.dumps({"type": "ERROR", "object": {"code": code, "message": "no event for you"}}).encode() + b"\n"
    responses = (ScriptedResponse(listed("5", a="A")), ScriptedResponse(error), ScriptedResponse(listed("7", a="A2")))
    async with scripted(tmp_path, *responses) as (api, script), running(api) as recording:
        await recording.shows("A2")
        assert versions(script)[:3] == ["", "5", ""]


@pytest.mark.parametrize("code", [429, 503])
async def test_an_error_that_passes_needs_no_list(tmp_path: Path, code: int) -> None:
    error = json.dumps({"type": "ERROR", "object": {"code": code, "message": "not now"}}).encode() + b"\n"
    responses = (
        ScriptedResponse(listed("5", a="A")),
        ScriptedResponse(error),
        ScriptedResponse(event("MODIFIED", "6", a="A2")),
    )
    async with scripted(tmp_path, *responses) as (api, script), running(api) as recording:
        await recording.shows("A2")
        assert versions(script)[:3] == ["", "5", "5"]


# --- etcd was restored from a backup ------------------------------------------------------------------------------


async def test_a_version_from_the_future(cluster: DemoCluster, recording: RecordingInformer) -> None:
    """The server may say so, with a 504. What is in the backup counts, also what is older than what was seen."""
    backup = cluster.store.snapshot()
    put(cluster, "a", "A2")
    drop(cluster, "b")
    put(cluster, "c", "C")
    await recording.shows("A2", "C")
    recording.changes.clear()
    cluster.store.restore(backup)
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    await recording.shows("A", "B")
    assert sorted(recording.changes, key=str) == sorted([("A2", "A"), (None, "B"), ("C", None)], key=str)
    put(cluster, "a", "A3")
    await recording.shows("A3", "B")


@pytest.mark.parametrize("kind", ["BOOKMARK", "MODIFIED"])
async def test_a_watch_in_which_versions_go_back(tmp_path: Path, kind: str) -> None:
    """A server that lets a watch begin in the future sends nothing of what is older; its bookmarks give it away."""
    responses = (
        ScriptedResponse(listed("1000", a="A")),
        ScriptedResponse(event(kind, "501", a="lost")),
        ScriptedResponse(listed("502", a="restored")),
        ScriptedResponse(event("MODIFIED", "503", a="newer")),
    )
    async with scripted(tmp_path, *responses) as (api, script), running(api) as recording:
        await recording.shows("newer")
        assert versions(script)[:4] == ["", "1000", "", "502"]
        assert recording.changes == [(None, "A"), ("A", "restored"), ("restored", "newer")]


async def test_who_cannot_tell_hears_of_it(cluster: DemoCluster, api: Api) -> None:
    """Versions are given out a second time: a watch from one of them is served, and leaves out what came in between."""
    async with running(api) as one, running(api) as other:
        backup = cluster.store.snapshot()
        put(cluster, "a", "lost")
        await one.shows("lost")
        await other.shows("lost")
        cluster.store.restore(backup)
        cluster.store.version += 10  # somebody else has written
        one.informer._version = one.informer._newest = str(cluster.store.version + 1000)
        cluster.api.drop_watches(kinds.CONFIG_MAPS)
        await one.shows()
        await other.shows()


def listed(version: str, **texts: str) -> bytes:
    """A list."""
    items = [{"metadata": {"name": name}, "data": {"text": text}} for name, text in texts.items()]
    return json.dumps({"metadata": {"resourceVersion": version}, "items": items}).encode()


def event(kind: str, version: str, **texts: str) -> bytes:
    """A line of a watch."""
    ((name, text),) = texts.items()
    metadata = {"name": name, "resourceVersion": version}
    return json.dumps({"type": kind, "object": {"metadata": metadata, "data": {"text": text}}}).encode() + b"\n"


def versions(script: Script) -> list[str]:
    """The version that each request started from; "" is a list."""
    return [each.query.get("resourceVersion", "") for each in script.requests]
