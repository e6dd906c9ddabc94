"""The verbs of the client: what they do to objects, when they conflict, and what each request carries."""

from pathlib import Path
from typing import Any

import pytest

from waker.cluster.client import Api
from waker.cluster.resources import CONFIG_MAPS, DEPLOYMENTS
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.errors import ClusterError, Conflict, NotFound, Refused

from .scripted import ScriptedResponse, scripted

ONE = CONFIG_MAPS.one("default", "a")
ALL = CONFIG_MAPS.collection("default")
DEPLOYMENT = {
    "replicas": 0,
    "selector": {"matchLabels": {"app": "d"}},
    "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "d", "image": "d"}]}},
}


def config_map(text: str = "") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"text": text}}


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
    await api.delete(ONE)  # gone already: no error
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


async def test_an_invalid_object_is_not_a_conflict(api: Api, cluster: DemoCluster) -> None:
    cluster.load([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": DEPLOYMENT}])
    with pytest.raises(ClusterError) as caught:
        await api.patch(DEPLOYMENTS.one("default", "d"), {"spec": {"replicas": -1}})
    assert (type(caught.value), caught.value.status) == (Refused, 422)


async def test_every_request_carries_the_token(tmp_path: Path) -> None:
    async with scripted(tmp_path, *[ScriptedResponse()] * 5, ScriptedResponse(b"")) as (api, script):
        await api.get(ONE)
        await api.create(ALL, {})
        await api.patch(ONE, {})
        await api.patch(ONE, [])
        await api.delete(ONE)
        assert [event async for event in api.watch(ALL, {})] == []
    assert [each.method for each in script.requests] == ["GET", "POST", "PATCH", "PATCH", "DELETE", "GET"]
    assert {each.headers.get("Authorization") for each in script.requests} == {"Bearer t"}
    assert {each.headers.get("User-Agent") for each in script.requests} == {"kubesleeper-waker"}


async def test_writes_name_their_field_manager_and_content_type(tmp_path: Path) -> None:
    async with scripted(tmp_path, ScriptedResponse(), ScriptedResponse(), ScriptedResponse()) as (api, script):
        await api.create(ALL, {})
        await api.patch(ONE, {})
        await api.patch(ONE, [])
    assert [each.content_type for each in script.requests] == [
        "application/json",
        "application/merge-patch+json",
        "application/json-patch+json",
    ]
    assert {each.query.get("fieldManager") for each in script.requests} == {"kubesleeper-waker"}
