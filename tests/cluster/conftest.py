"""An embedded cluster, and waker's own client to it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tenacity import wait_none

from waker.cluster.client import Api, connect
from waker.demo.cluster import DemoCluster, Options


@pytest.fixture
async def cluster() -> AsyncIterator[DemoCluster]:
    """Bookmarks come all the time."""
    async with DemoCluster(Options(lag=timedelta(), bookmark_every=timedelta(milliseconds=20))) as cluster:
        yield cluster


@pytest.fixture
async def api(cluster: DemoCluster, tmp_path: Path) -> AsyncIterator[Api]:
    """A client of it."""
    async with connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        yield api


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reflectors do not pause."""
    monkeypatch.setattr("waker.cluster.informer.PAUSE", 0.001)
    monkeypatch.setattr("waker.cluster.informer.BACKOFF", wait_none())
