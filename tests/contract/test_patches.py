"""The patches that KubeSleeper sends, and the edge cases that it can run into."""

from typing import Any

import pytest

from .client import Client

Steps = list[dict[str, Any]]

OBJECT: dict[str, Any] = {
    "metadata": {"name": "a", "labels": {"x": "1"}, "annotations": {"only": "1"}},
    "data": {"k": "v"},
}

WORKS = {
    "add a key": ([{"op": "add", "path": "/data/n", "value": "1"}], {"k": "v", "n": "1"}),
    "add takes an existing key": ([{"op": "add", "path": "/data/k", "value": "1"}], {"k": "1"}),
    "replace": ([{"op": "replace", "path": "/data/k", "value": "1"}], {"k": "1"}),
    "replace takes a missing key": ([{"op": "replace", "path": "/data/n", "value": "1"}], {"k": "v", "n": "1"}),
    "remove": (
        [{"op": "add", "path": "/data/n", "value": "1"}, {"op": "remove", "path": "/data/k"}],
        {"n": "1"},
    ),
    "move and copy": (
        [{"op": "move", "from": "/data/k", "path": "/data/m"}, {"op": "copy", "from": "/data/m", "path": "/data/n"}],
        {"m": "v", "n": "v"},
    ),
    "test holds": (
        [{"op": "test", "path": "/data/k", "value": "v"}, {"op": "add", "path": "/data/k", "value": "1"}],
        {"k": "1"},
    ),
    "test: a missing key is null": ([{"op": "test", "path": "/metadata/labels/none", "value": None}], {"k": "v"}),
    "no steps": ([], {"k": "v"}),
}

FAILS = {
    "test of a version": [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}],
    "test of a value": [{"op": "test", "path": "/data/k", "value": "other"}],
    "test of a missing key": [{"op": "test", "path": "/metadata/annotations/none", "value": "1"}],
    "test in a missing map": [{"op": "test", "path": "/binaryData/none", "value": None}],
    "remove what is not there": [{"op": "remove", "path": "/data/none"}],
    "add into a missing map": [{"op": "add", "path": "/binaryData/x", "value": "1"}],
    "an unknown step": [{"op": "frob", "path": "/data/k"}],
    "not a pointer": [{"op": "add", "path": "nope", "value": "1"}],
    "a later step": [
        {"op": "add", "path": "/data/k", "value": "changed"},
        {"op": "test", "path": "/data/k", "value": "v"},
    ],
}


@pytest.mark.parametrize(("steps", "data"), WORKS.values(), ids=WORKS)
async def test_json_patch(api: Client, steps: Steps, data: dict[str, str]) -> None:
    await api.create("configmaps", OBJECT)
    response = await api.json_patch("configmaps/a", *steps)
    assert (response.status, response.body["data"]) == (200, data)


@pytest.mark.parametrize("steps", FAILS.values(), ids=FAILS)
async def test_a_json_patch_that_cannot_be_applied(api: Client, steps: Steps) -> None:
    before = await api.create("configmaps", OBJECT)
    response = await api.json_patch("configmaps/a", *steps)
    assert response.refusal == (422, "Invalid")
    assert response.body["message"] == "the server rejected our request due to an error in our request"
    assert (await api.get("configmaps/a")).body == before.body


async def test_a_json_patch_guarded_by_a_version(api: Client) -> None:
    read = await api.create("configmaps", OBJECT)
    guard = {"op": "test", "path": "/metadata/resourceVersion", "value": read.version}
    write = {"op": "add", "path": "/metadata/annotations/kubesleeper.io~1saved", "value": "1"}
    first = await api.json_patch("configmaps/a", guard, write)
    assert first.body["metadata"]["annotations"] == {"only": "1", "kubesleeper.io/saved": "1"}
    assert (await api.json_patch("configmaps/a", guard, write)).refusal == (422, "Invalid")


async def test_removing_the_last_annotation_removes_the_map(api: Client) -> None:
    """A later `add` below /metadata/annotations fails until the map itself is added."""
    await api.create("configmaps", OBJECT)
    emptied = await api.json_patch("configmaps/a", {"op": "remove", "path": "/metadata/annotations/only"})
    assert "annotations" not in emptied.body["metadata"]
    late = {"op": "add", "path": "/metadata/annotations/late", "value": "1"}
    assert (await api.json_patch("configmaps/a", late)).status == 422
    new_map = {"op": "add", "path": "/metadata/annotations", "value": {"late": "1"}}
    assert (await api.json_patch("configmaps/a", new_map)).status == 200


async def test_json_patch_in_lists(api: Client) -> None:
    def path(text: str) -> dict[str, Any]:
        return {"path": text, "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}}

    spec = {"rules": [{"host": "a.example", "http": {"paths": [path("/1"), path("/2")]}}]}
    await api.create("ingresses", {"metadata": {"name": "i"}, "spec": spec})
    pointer = "/spec/rules/0/http/paths"
    response = await api.json_patch(
        "ingresses/i",
        {"op": "test", "path": f"{pointer}/0/backend/service", "value": {"port": {"number": 80}, "name": "a"}},
        {"op": "add", "path": f"{pointer}/-", "value": path("/3")},
        {"op": "add", "path": f"{pointer}/0", "value": path("/0")},
        {"op": "replace", "path": f"{pointer}/1/backend/service/name", "value": "b"},
        {"op": "remove", "path": f"{pointer}/2"},
    )
    paths = response.body["spec"]["rules"][0]["http"]["paths"]
    assert [(entry["path"], entry["backend"]["service"]["name"]) for entry in paths] == [
        ("/0", "a"),
        ("/1", "b"),
        ("/3", "a"),
    ]
    beyond = {"op": "replace", "path": f"{pointer}/9/backend/service/name", "value": "b"}
    assert (await api.json_patch("ingresses/i", beyond)).refusal == (422, "Invalid")


async def test_a_json_patch_has_to_be_a_list(api: Client) -> None:
    await api.create("configmaps", OBJECT)
    response = await api.request("PATCH", "configmaps/a", {"op": "add"}, content_type="application/json-patch+json")
    assert response.refusal == (400, "BadRequest")


async def test_merge(api: Client) -> None:
    await api.create("configmaps", OBJECT)
    response = await api.merge("configmaps/a", {"metadata": {"labels": {"x": None, "y": "2"}}, "data": {"n": "1"}})
    assert (response.body["metadata"]["labels"], response.body["data"]) == ({"y": "2"}, {"k": "v", "n": "1"})


async def test_merge_with_an_old_version(api: Client) -> None:
    await api.create("configmaps", OBJECT)
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"k": "w"}}
    assert (await api.merge("configmaps/a", patch)).refusal == (409, "Conflict")


@pytest.mark.parametrize(
    ("patch", "refusal"),
    [
        pytest.param({"metadata": {"name": "b"}}, (400, "BadRequest"), id="name"),
        pytest.param({"metadata": {"uid": "b"}}, (422, "Invalid"), id="uid"),
    ],
)
async def test_merge_cannot_change_identity(api: Client, patch: dict[str, Any], refusal: tuple[int, str]) -> None:
    await api.create("configmaps", OBJECT)
    assert (await api.merge("configmaps/a", patch)).refusal == refusal


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/strategic-merge-patch+json"])
async def test_a_patch_that_changes_nothing_is_no_write(api: Client, content_type: str) -> None:
    made = await api.create("configmaps", OBJECT)
    response = await api.request(
        "PATCH", "configmaps/a", {"data": {"k": "v"}}, content_type=content_type, fieldManager="test", pretty="true"
    )
    assert (response.status, response.version) == (200, made.version)
