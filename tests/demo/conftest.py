"""A cluster with one sample app that starts quickly, and a visitor's session."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from waker.demo.cluster import DemoCluster, Options
from waker.demo.samples import SAMPLES, manifests

QUICK = replace(SAMPLES["shop"], ready_after="0s")


@pytest.fixture
async def cluster() -> AsyncIterator[DemoCluster]:
    """A cluster whose shop has one ready pod, to which the ingress routes."""
    async with DemoCluster(Options(lag=timedelta())) as cluster:
        cluster.load(manifests(QUICK, "default"))
        await cluster.until(lambda: is_ready(cluster, 1))
        await cluster.ingress.caught_up()
        yield cluster


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A visitor of the shop."""
    async with aiohttp.ClientSession(headers={"Host": "shop.localhost"}, auto_decompress=False) as session:
        yield session


def is_ready(cluster: DemoCluster, count: int) -> bool:
    """Whether the shop has so many ready endpoints, and no others."""
    endpoints = [
        endpoint["conditions"]["ready"]
        for each in cluster.objects("EndpointSlice", "default")
        for endpoint in each["endpoints"] or ()
    ]
    return endpoints == [True] * count
