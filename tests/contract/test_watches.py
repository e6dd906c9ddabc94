"""Watches: their events, from which version on, and when that version is too old."""

from typing import Any

import pytest

from .client import Client
from .conftest import ServerUnderTest


def lease(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"holderIdentity": "me"}}


async def test_events_after_a_version(api: Client) -> None:
    await api.create("leases", lease("old"))
    version = (await api.get("leases")).version
    await api.create("leases", lease("a"))
    async with api.watch("leases", resourceVersion=version) as watch:
        await api.merge("leases/a", {"spec": {"holderIdentity": "you"}})
        last = await api.delete("leases/a")
        assert last.status == 200
        events = [await watch.next() for _ in range(3)]
    assert [(kind, obj["metadata"]["name"]) for kind, obj in events] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
    ]
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in events]
    assert versions == sorted(set(versions))
    assert events[2][1]["spec"]["holderIdentity"] == "you"
    assert (events[0][1]["kind"], events[0][1]["apiVersion"]) == ("Lease", "coordination.k8s.io/v1")


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["without a version", "from 0"])
async def test_without_a_version_existing_objects_are_added(api: Client, query: dict[str, str]) -> None:
    await api.create("leases", lease("a"))
    await api.create("leases", lease("b"))
    async with api.watch("leases", **query) as watch:
        assert sorted(await watch.next_events(2)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_a_selector_turns_writes_into_added_and_deleted(api: Client) -> None:
    await api.create("leases", lease("in", n="1"))
    await api.create("leases", lease("out", n="2"))
    version = (await api.get("leases")).version
    async with api.watch("leases", resourceVersion=version, labelSelector="n=1") as watch:
        await api.merge("leases/in", {"metadata": {"labels": {"n": "2"}}})
        await api.merge("leases/out", {"metadata": {"labels": {"n": "1"}}})
        await api.merge("leases/out", {"spec": {"holderIdentity": "you"}})
        await api.merge("leases/in", {"spec": {"holderIdentity": "not selected"}})
        left = await watch.next()
        assert await watch.next_events(2) == [("ADDED", "out"), ("MODIFIED", "out")]
    assert (left[0], left[1]["metadata"]["labels"]) == ("DELETED", {"n": "1"})  # the last state that matched
    assert int(left[1]["metadata"]["resourceVersion"]) > int(version)


async def test_one_object_by_name(api: Client) -> None:
    version = (await api.get("leases")).version
    async with api.watch("leases", resourceVersion=version, fieldSelector="metadata.name=b") as watch:
        await api.create("leases", lease("a"))
        await api.create("leases", lease("b"))
        assert await watch.next_events(1) == [("ADDED", "b")]


async def test_a_write_without_change_is_no_event(api: Client) -> None:
    version = (await api.create("leases", lease("a"))).version
    async with api.watch("leases", resourceVersion=version) as watch:
        await api.merge("leases/a", {"spec": {"holderIdentity": "me"}})
        await api.delete("leases/a")
        assert await watch.next_events(1) == [("DELETED", "a")]


async def test_bookmarks_move_the_version_on(api: Client) -> None:
    version = (await api.get("leases")).version
    await api.create("leases", lease("a"))
    query = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "6"}
    async with api.watch("leases", **query) as watch:
        assert await watch.next_events(1) == [("ADDED", "a")]
        kind, mark = await watch.next()
    assert (kind, mark["kind"], mark["apiVersion"]) == ("BOOKMARK", "Lease", "coordination.k8s.io/v1")
    assert int(mark["metadata"]["resourceVersion"]) > int(version)
    assert "name" not in mark["metadata"]


async def test_no_bookmarks_unless_requested_and_an_end_in_time(api: Client) -> None:
    version = (await api.get("leases")).version
    async with api.watch("leases", resourceVersion=version, timeoutSeconds="1") as watch:
        with pytest.raises(EOFError):
            await watch.next()


async def test_a_version_that_is_too_old(server: ServerUnderTest) -> None:
    api = server.client
    version = (await api.create("leases", lease("a"))).version
    await api.delete("leases/a")
    await server.forget()
    async with api.watch("leases", resourceVersion=version) as watch:
        kind, status = await watch.next()
        assert (watch.response.status, kind, status["kind"]) == (200, "ERROR", "Status")
        assert (status["code"], status["reason"], status["status"]) == (410, "Expired", "Failure")
        with pytest.raises(EOFError):
            await watch.next()


async def test_a_new_list_can_be_watched_after_the_history_is_lost(server: ServerUnderTest) -> None:
    api = server.client
    await server.forget()
    version = (await api.get("leases")).version
    await api.create("leases", lease("a"))
    async with api.watch("leases", resourceVersion=version) as watch:
        assert await watch.next_events(1) == [("ADDED", "a")]
