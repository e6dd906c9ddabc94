"""A cluster with one quick sample app, and a visitor."""

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
    """The shop is open: one ready pod, and the ingress knows."""
    async with DemoCluster(Options(lag=timedelta())) as cluster:
        cluster.load(manifests(QUICK, "default"))
        await cluster.until(lambda: is_ready(cluster, 1))
        await cluster.ingress.caught_up()
        yield cluster


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Whoever asks."""
    async with aiohttp.ClientSession(headers={"Host": "shop.localhost"}, auto_decompress=False) as session:
        yield session


def is_ready(cluster: DemoCluster, count: int) -> bool:
    """Has the shop so many ready endpoints, and no others?"""
    endpoints = [
        endpoint["conditions"]["ready"]
        for piece in cluster.objects("EndpointSlice", "default")
        for endpoint in piece["endpoints"] or ()
    ]
    return endpoints == [True] * count
