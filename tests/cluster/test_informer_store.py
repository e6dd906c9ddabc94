"""What an informer stores, and which changes it reports."""

from typing import Any

import pytest

from waker.cluster import client, listing
from waker.cluster.client import Api
from waker.demo.cluster import DemoCluster

from .informing import RecordingInformer, drop, lists, put, running, text_of


def sizes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many objects, and bytes, each chunk has that is decoded from now on."""
    decode, found = client._decode, list[tuple[int, int]]()

    def note(body: bytes) -> dict[str, Any]:
        decoded = decode(body)
        if "items" in decoded:
            found.append((len(decoded["items"]), len(body)))
        return decoded

    monkeypatch.setattr(client, "_decode", note)
    return found


pytestmark = pytest.mark.usefixtures("_no_pauses")


async def test_lists_in_chunks(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK_SIZE", 2)
    for name in "abcde":
        put(cluster, name, name)
    async with running(api) as recording:
        assert not recording.informer.synced.is_set()
        await recording.shows(*"abcde")
        assert lists(cluster) == 3
        assert recording.informer.synced.is_set()
        assert sorted(recording.changes) == [(None, name) for name in "abcde"]


async def test_large_objects_are_listed_a_few_at_once(
    cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_CHUNK", 50_000)
    asked = sizes(monkeypatch)
    for number in range(20):
        put(cluster, f"small-{number:02}", f"{number}")
    large = ["x" * 20_000 + name for name in "abcd"]
    for text in [*large, "y" * 200_000]:
        put(cluster, f"t{text[-1]}", text)
    async with running(api) as recording:
        await recording.shows(*map(str, range(20)), *large, "y" * 200_000)
    assert max(size for count, size in asked if count > 1) <= 50_000
    assert max(count for count, _ in asked) > 10, "small ones are listed many at once"


async def test_an_empty_collection_is_synced_too(cluster: DemoCluster, api: Api) -> None:
    async with running(api) as recording:
        await recording.until(recording.informer.synced.is_set)
        assert (recording.texts, recording.changes) == (set(), [])


async def test_follows_every_change(cluster: DemoCluster, recording: RecordingInformer) -> None:
    recording.changes.clear()
    put(cluster, "c", "C")
    put(cluster, "a", "A2")
    drop(cluster, "b")
    await recording.shows("A2", "C")
    assert recording.changes == [(None, "C"), ("A", "A2"), ("B", None)]
    assert dict(recording.informer.in_namespace("default")) == {"a": "A2", "c": "C"}
    assert recording.informer.in_namespace("elsewhere") == {}


async def test_the_same_name_in_another_namespace_is_another_object(
    cluster: DemoCluster, recording: RecordingInformer
) -> None:
    put(cluster, "a", "other", "kube-system")
    await recording.shows("A", "B", "other")
    assert dict(recording.informer.in_namespace("kube-system")) == {"a": "other"}


def test_a_namespace_without_objects_is_not_kept(recording: RecordingInformer) -> None:
    kept = len(recording.informer._store)
    for number in range(10_000):
        recording.informer._update((f"team-{number}", "a"), "A")
        recording.informer._update((f"team-{number}", "a"), None)
        recording.informer._update((f"team-{number}", "b"), None)  # deleted before it was seen
    assert len(recording.informer._store) == kept


async def test_what_the_parser_turns_down_is_not_kept(cluster: DemoCluster, recording: RecordingInformer) -> None:
    recording.changes.clear()
    put(cluster, "c", None)
    put(cluster, "a", None)  # was kept before
    await recording.shows("B")
    assert recording.changes == [("A", None)]


async def test_a_write_that_changes_nothing_parsed_is_not_reported(
    cluster: DemoCluster, recording: RecordingInformer
) -> None:
    recording.changes.clear()
    put(cluster, "a", "A")
    put(cluster, "b", "B2")
    await recording.shows("A", "B2")
    assert recording.changes == [("B", "B2")]


class OddError(KeyError):
    """What a parser raises for a malformed object."""


async def test_a_malformed_object_is_left_out_and_the_others_are_followed(
    cluster: DemoCluster, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """One user's object must not end waker, which serves all users."""

    def parse(found: Any) -> str | None:
        if text_of(found) == "odd":
            raise OddError("port")
        return text_of(found)

    put(cluster, "a", "odd")
    put(cluster, "b", "B")
    async with running(api, parse=parse) as recording:
        await recording.shows("B")
        put(cluster, "b", "odd")
        await recording.shows()
        put(cluster, "b", "B2")
        put(cluster, "a", "A")
        await recording.shows("A", "B2")
    said = "an object cannot be read"  # after a test of a command its fields stand behind it
    unreadable = [vars(each)["object"] for each in caplog.records if each.msg.startswith(said)]
    assert "default/a" in unreadable


async def test_a_defect_is_not_hidden(cluster: DemoCluster, api: Api) -> None:
    put(cluster, "a", "A")

    def defect(found: Any) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await RecordingInformer(api, defect).informer.run()
