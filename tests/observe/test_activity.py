"""The ConfigMap with the last visits, on the embedded API server: what is written, how often, and by whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from waker import names
from waker.cluster.client import connect
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key
from waker.observe import activity
from waker.observe.activity import EVERY, QUIET, RENEWED, ActivityStore
from waker.plan.model import AppId, Kind
from waker.traffic.visit_record import RecordedVisit, VisitRecord

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOP, BLOG = (AppId(Kind.DEPLOYMENT, "team-a", name) for name in ("shop", "blog"))


@dataclass
class ActivityStage:
    """A waker with its store, on a cluster."""

    cluster: DemoCluster
    kubeconfig: Path
    activity: ActivityStore = field(init=False)
    now: datetime = NOW
    holder: bool = True
    requests: dict[AppId, datetime] = field(default_factory=dict)

    def record(self, **visited: datetime) -> VisitRecord:
        """A record with these visits, by the names of apps."""
        apps = {AppId(Kind.DEPLOYMENT, "team-a", name): RecordedVisit(at, "digest") for name, at in visited.items()}
        return VisitRecord(self.now, {"c": {"uid": 5.0}}, apps)

    async def turn(self, **visited: datetime) -> bool:
        """Write if it is due. Returns whether that changed the ConfigMap."""
        before = self.written()
        if self.activity.due():
            await self.activity.write(self.record(**visited))
        return self.written() != before

    def written(self) -> object:
        found = self.cluster.get("ConfigMap", "kubesleeper", names.ACTIVITY)
        return found and found.get("data")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ActivityStage]:
    async with DemoCluster() as cluster:
        metadata = {"name": names.ACTIVITY, "namespace": "kubesleeper"}
        cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}])
        here = ActivityStage(cluster, cluster.kubeconfig(tmp_path / "kubeconfig"))
        async with connect(str(here.kubeconfig)) as api:
            here.activity = ActivityStore(api, "kubesleeper", here.requests.get, lambda: here.holder, lambda: here.now)
            yield here


LONG_AGO = NOW - timedelta(hours=1)


async def test_what_is_quiet_is_written_and_read_again(stage: ActivityStage) -> None:
    assert await stage.activity.read() is None
    assert await stage.turn(shop=LONG_AGO, blog=NOW - QUIET / 2)
    assert await stage.activity.read() == stage.record(shop=LONG_AGO)


async def test_at_most_one_write_a_minute_and_none_without_news(stage: ActivityStage) -> None:
    assert await stage.turn(shop=LONG_AGO)
    assert not await stage.turn(shop=LONG_AGO, blog=LONG_AGO), "too soon"
    stage.now += EVERY
    assert await stage.turn(shop=LONG_AGO, blog=LONG_AGO)
    stage.now += EVERY
    assert not await stage.turn(shop=LONG_AGO, blog=LONG_AGO), "no news"
    assert not await stage.turn(blog=LONG_AGO), "that an app is visited again is no news"
    stage.now += RENEWED
    assert await stage.turn(shop=LONG_AGO, blog=LONG_AGO), "so that the record is still believed"


async def test_a_restart_does_not_write_sooner(stage: ActivityStage) -> None:
    assert await stage.turn(shop=LONG_AGO)
    await stage.activity.read()
    stage.now += EVERY / 2
    assert not await stage.turn(shop=LONG_AGO, blog=LONG_AGO)


async def test_only_the_holder_of_the_lease_writes(stage: ActivityStage) -> None:
    stage.holder = False
    assert not await stage.turn(shop=LONG_AGO)


async def test_an_app_with_a_later_request_at_waker_is_left_out(stage: ActivityStage) -> None:
    stage.requests[SHOP] = LONG_AGO + timedelta(minutes=1)
    assert not await stage.turn(shop=LONG_AGO)
    stage.requests[SHOP] = LONG_AGO - timedelta(minutes=1)
    assert await stage.turn(shop=LONG_AGO)


async def test_without_the_config_map_only_idle_time_is_lost(
    stage: ActivityStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.cluster.verbs.delete(kinds.CONFIG_MAPS, Key("kubesleeper", names.ACTIVITY))
    assert await stage.activity.read() is None
    assert not await stage.turn(shop=LONG_AGO)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


async def test_what_is_too_large_is_not_written(stage: ActivityStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "MOST", 10)
    assert not await stage.turn(shop=LONG_AGO)


async def test_a_new_holder_of_the_lease_respects_the_last_write_of_the_one_before(
    stage: ActivityStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOK", 0)
    assert await stage.turn(shop=LONG_AGO)
    async with connect_again(stage) as (other, may_write):
        stage.now += EVERY / 2
        running = asyncio.create_task(other.run(lambda: stage.record(blog=LONG_AGO)))
        await may_write.reached(20)
        assert "blog" not in str(stage.written())
        stage.now += EVERY / 2
        await stage.cluster.until(lambda: "blog" in str(stage.written()))
        running.cancel()


class MayWrite:
    """Says that this process may write, and counts the questions."""

    def __init__(self) -> None:
        self.count = 0
        self.more = asyncio.Event()

    def __call__(self) -> bool:
        self.count += 1
        self.more.set()
        return True

    async def reached(self, count: int) -> None:
        while self.count < count:
            await self.more.wait()
            self.more.clear()


@asynccontextmanager
async def connect_again(stage: ActivityStage) -> AsyncIterator[tuple[ActivityStore, MayWrite]]:
    """Another waker beside the first."""
    may_write = MayWrite()
    async with connect(str(stage.kubeconfig)) as api:
        yield ActivityStore(api, "kubesleeper", stage.requests.get, may_write, lambda: stage.now), may_write
