"""What /metrics says of a life of an app: sleeps, wakes and their stages, who asked, drift, and what cannot be known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from waker import names
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.demo.metrics import DemoMetrics
from waker.plan.times import format_time

from .scene import MERGE, NEVER, QUICK, SHOP, RunningWaker, ServiceScene, scene

Counted = dict[str, float]


async def counted(it: ServiceScene, running: RunningWaker, name: str) -> Counted:
    """The samples above 0 of one metric by the values of its labels, joined by a blank."""
    families = text_string_to_metric_families((await it.private(running, "/metrics")).body)
    samples = [sample for family in families for sample in family.samples if sample.name == f"kubesleeper_{name}"]
    return {
        " ".join(sample.labels[key] for key in sorted(sample.labels)): sample.value
        for sample in samples
        if sample.value
    }


async def ends(it: ServiceScene, running: RunningWaker, wakes: int) -> None:
    """Wait until waker has seen so many wakes end."""
    await it.awake()
    await it.until(lambda: len(running.service.runtime.wakes.ended()) == wakes)


async def test_who_asked_and_what_came_of_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.put_to_sleep()
        await it.served()
        await ends(it, running, 1)
        await it.put_to_sleep()
        assert (await it.visit(Accept="*/*")).status == 200
        await ends(it, running, 2)
        await it.put_to_sleep()
        it.annotate(names.SLEEP_REQUESTED_AT, None)
        it.annotate(names.WAKE_REQUESTED_AT, format_time(datetime.now(UTC)))
        await ends(it, running, 3)
        it.annotate(names.STATE, "asleep")
        await it.asleep()
        it.annotate(names.STATE, "awake")
        await ends(it, running, 4)
        assert await counted(it, running, "sleeps_total") == {"command asleep": 3, "pin asleep": 1}
        assert await counted(it, running, "wakes_total") == {
            "browser ready": 1, "client ready": 1, "command ready": 1, "pin ready": 1,
        }  # fmt: skip
        stages = await counted(it, running, "wake_stage_duration_seconds_count")
        assert (stages["asked"], stages["routed"]) == (4, 4)
        visitors = await counted(it, running, "door_requests_total")
        assert visitors["forwarded client"] == 1
        assert visitors["page browser"] >= 1
        assert (await counted(it, running, "request_hold_duration_seconds_count"))[""] >= 1


async def test_an_idle_sleep_and_a_visitor_on_the_way_down(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(QUICK) as running:
        await it.until(it.held)
        while not await counted(it, running, "sleeps_total"):
            await it.visit()
        assert await counted(it, running, "sleeps_total") in ({"idle turned_back": 1}, {"idle asleep": 1})
        await it.awake()


async def test_what_others_change_is_drift(tmp_path: Path) -> None:
    slow = replace(SHOP, ready_after="1s")  # one that is ready at once needs no wake
    async with scene(tmp_path, slow) as it, it.waker() as running:
        await it.put_to_sleep()
        it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "shop"), MERGE, {"spec": {"replicas": 2}})
        await ends(it, running, 1)
        assert await counted(it, running, "drift_total") == {"ScaledUp": 1}
        assert await counted(it, running, "wakes_total") == {"hand ready": 1}


async def test_apps_that_cannot_be_known_are_counted_by_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = replace(NEVER, scrape_interval=timedelta(milliseconds=50))
    with monkeypatch.context() as page:
        page.setattr(DemoMetrics, "exposition", lambda _: "no metrics at all {")
        async with scene(tmp_path) as it, it.waker(live) as running:
            while (found := await counted(it, running, "apps_unknown")) != {"pod_unread": 1}:
                assert found.keys() <= {"starting", "pod_unread"}
            page.undo()
            await it.visit()
            while await counted(it, running, "apps_unknown"):
                await it.visit()


async def test_nothing_is_kept_of_a_namespace_that_is_gone(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.put_to_sleep()
        await it.until(running.service.runtime.savings.sleeping)
        while not await counted(it, running, "saved_replica_seconds_total"):
            pass
        for kind in (kinds.INGRESSES, kinds.DEPLOYMENTS):
            it.cluster.verbs.delete(kind, Key("default", "shop"))
        await it.until(lambda: running.service.registry.in_namespace("default") == [])
        assert await counted(it, running, "saved_replica_seconds_total") == {}
        assert running.service.runtime.savings.sleeping() == {}
