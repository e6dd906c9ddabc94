"""An embedded cluster, waker's own client of it, and an informer that follows its ConfigMaps."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from tenacity import wait_none

from waker.cluster.client import Api, connect
from waker.cluster.writes import Writes
from waker.demo.cluster import DemoCluster, Options

from .informing import RecordingInformer, put, running

HOURS = count(0, 3600)  # in seconds: each write is long after the one before


@pytest.fixture
async def cluster() -> AsyncIterator[DemoCluster]:
    """It sends bookmarks all the time."""
    async with DemoCluster(Options(lag=timedelta(), bookmark_every=timedelta(milliseconds=20))) as cluster:
        yield cluster


@pytest.fixture
async def api(cluster: DemoCluster, tmp_path: Path) -> AsyncIterator[Api]:
    """A client of the cluster."""
    async with connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        yield api


@pytest.fixture
def writes(api: Api) -> Writes:
    """Writes to the cluster, without bounds and without an informer."""
    return Writes(api, lambda id: None, lambda: datetime.now(UTC) + timedelta(seconds=next(HOURS)), "kubesleeper")


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Informers do not pause."""
    monkeypatch.setattr("waker.cluster.informer.PAUSE", 0.001)
    monkeypatch.setattr("waker.cluster.informer.BACKOFF", wait_none())


@pytest.fixture
async def recording(cluster: DemoCluster, api: Api, _no_pauses: None) -> AsyncIterator[RecordingInformer]:
    """An informer of a cluster with the ConfigMaps `a` and `b`. It has listed both."""
    put(cluster, "a", "A")
    put(cluster, "b", "B")
    async with running(api) as recording:
        await recording.shows("A", "B")
        yield recording
