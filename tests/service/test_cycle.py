"""The main job: an idle app sleeps, its first visitor wakes it, and its user finds everything as it was."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from waker import names
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.plan.times import format_time

from .scene import BLOG, MERGE, QUICK, SHOP, scene


async def test_idle_it_sleeps_visited_it_wakes(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(QUICK):
        before = it.wish()
        await it.asleep()
        assert it.noted()[names.SAVED_REPLICAS] == "2"
        page = await it.visit()
        assert (page.status, page.page) == (503, True)
        assert (await it.served()).body.startswith("<!doctype html>")
        await it.awake()
        assert it.wish() == before
        cycle = ["FallingAsleep", "Asleep", "Waking", "RestoringRoutes", "Awake"]
        await it.until(lambda: [reason for reason, _ in it.events()][:5] == cycle)
        await it.asleep()  # and so on
        await it.served()


async def test_a_trickle_keeps_it_awake(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(replace(QUICK, idle_after=timedelta(seconds=1))):
        loop = asyncio.get_running_loop()
        end = loop.time() + 1.8
        while loop.time() < end:
            visit = await it.visit()
            assert (visit.status, visit.page) == (200, False)
            await asyncio.sleep(0.2)
        assert it.replicas() == 2
        assert not it.held()
        assert it.events() == []
        await it.asleep()


async def test_a_client_that_is_no_browser_is_held_and_forwarded(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        visit = await it.visit(Accept="*/*")
        assert (visit.status, visit.page) == (200, False)
        await it.awake()


async def test_a_probe_wakes_nothing(tmp_path: Path) -> None:
    agents = ("kube-probe/1.37", "UptimeRobot/2.0", "Googlebot/2.1")
    async with scene(tmp_path, BLOG, SHOP) as it, it.waker():
        await asyncio.gather(it.put_to_sleep("shop"), it.put_to_sleep("blog"))
        visits = [await it.visit(**{"User-Agent": agent, "Accept": "text/html"}) for agent in agents]
        assert [each.status for each in visits] == [503, 503, 503]
        await it.served("blog")  # long enough for a knock to be heard
        assert it.replicas() == 0


async def test_many_visitors_are_one_wake(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        before = it.version()
        visits = await asyncio.gather(*(it.visit(Accept="*/*") for _ in range(50)))
        assert {(each.status, each.page) for each in visits} == {(200, False)}
        await it.awake()
        assert it.version() == before + 2  # up, and the notes removed


async def test_two_apps_on_one_ingress_sleep_on_their_own(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        shared = it.ingress()["spec"]["rules"][0]["http"]["paths"]
        blog = {
            "path": "/blog",
            "pathType": "Prefix",
            "backend": {"service": {"name": "blog", "port": {"name": "http"}}},
        }
        rules = [{"host": SHOP.host, "http": {"paths": [*shared, blog]}}]
        it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, {"spec": {"rules": rules}})
        it.cluster.verbs.delete(kinds.INGRESSES, Key("default", "blog"))
        before = it.ingress()["spec"]
        async with it.waker():
            await it.put_to_sleep()
            assert (await it.visit(path="/blog")).status == 200
            assert it.replicas("blog") == 2
            it.annotate(names.SLEEP_REQUESTED_AT, format_time(datetime.now(UTC)), "blog")
            await it.until(lambda: it.replicas("blog") == 0)
            await it.cluster.ingress.caught_up()
            assert (await it.visit(path="/blog", Accept="*/*")).status == 200
            await it.until(lambda: it.replicas("blog") == 2)
            assert it.replicas() == 0
            await it.served()
            await it.awake()
            await it.until(lambda: it.ingress()["spec"] == before)


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_who_leaves_while_asleep_gets_its_routes_back(tmp_path: Path, how: str) -> None:
    async with scene(tmp_path, state="asleep") as it:
        before = it.ingress()["spec"]
        async with it.waker():
            await it.asleep()
            if how == "deleted":
                it.cluster.verbs.delete(kinds.DEPLOYMENTS, Key("default", "shop"))
            else:
                it.annotate(names.ENABLED, None)
                await it.awake()
                assert set(it.noted()) == {names.STATE}
            await it.until(lambda: it.ingress()["spec"] == before)
            await it.until(lambda: it.present() == [])
            assert names.SAVED_BACKENDS not in (it.ingress()["metadata"].get("annotations") or {})


async def test_enabled_later(tmp_path: Path) -> None:
    async with scene(tmp_path, enabled="false") as it, it.waker(QUICK):
        it.annotate(names.ENABLED, "true")
        await it.asleep()
        await it.served()


async def test_pods_stay_while_another_waker_forwards_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the holder of the Lease takes pods away, and it may not be the one through which a request goes."""
    left = [3, 2, 1]

    async def forwarding(_door: int) -> int:
        return left.pop() if left else 0

    async with scene(tmp_path) as it, it.waker() as running:
        monkeypatch.setattr(running.service.replicas, "forwarding", forwarding)
        monkeypatch.setattr("waker.plan.decide.SOON", timedelta(milliseconds=10))
        it.annotate(names.STATE, "asleep")
        await it.asleep()
        assert not left
