"""A collection, listed once: all of it, in pieces, and smaller ones where objects are large."""

from typing import Any

import pytest

from waker.cluster import client
from waker.cluster.client import Api
from waker.cluster.listing import CHUNK_SIZE, listed
from waker.cluster.resources import CONFIG_MAPS
from waker.demo.cluster import DemoCluster


def config_map(number: int, size: int) -> dict[str, Any]:
    metadata = {"name": f"map-{number:03}", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": "x" * size}}


@pytest.mark.parametrize("size", [1, 2000])
async def test_all_of_it(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(client, "LONGEST_CHUNK", 50_000)
    numbers = range(CHUNK_SIZE + 20)
    cluster.load([config_map(number, size) for number in numbers])
    found = [each["metadata"]["name"] async for each in listed(api, CONFIG_MAPS.collection("default"))]
    assert found == [f"map-{number:03}" for number in numbers]
