"""What people ask for: annotations, the ConfigMap, pins and commands; and what they are told when it cannot be done."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.commands import pin, status
from waker.commands.status import StatusQuery
from waker.commands.terminal import Terminal
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.errors import WakerError
from waker.plan.model import AppId, Kind

from .scene import BLOG, MERGE, QUICK, SHOP, ServiceScene, scene

APP = AppId(Kind.DEPLOYMENT, "default", "shop")

# --- annotations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "text"), [("idle_after", "soon"), ("state", "tired"), ("ingress", "nowhere")])
async def test_a_bad_annotation_is_told_and_nothing_changes(tmp_path: Path, key: str, text: str) -> None:
    async with scene(tmp_path, **{key: text}) as it:
        before = it.wish(), it.deployment()["metadata"]
        async with it.waker(QUICK):
            await it.until(lambda: any(text in message for _, message in it.events()))
            assert [reason for reason, _ in it.events()] == ["CannotSleep"]
            assert (it.wish(), it.deployment()["metadata"]) == before
            it.annotate(f"{names.DOMAIN}/{key.replace('_', '-')}", None)
            await it.asleep()


async def test_an_annotation_that_went_bad_while_asleep_wakes(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it, it.waker():
        await it.asleep()
        it.annotate(f"{names.DOMAIN}/idle-after", "soon")
        await it.awake()
        await it.until(lambda: any("soon" in message for _, message in it.events()))


async def test_its_own_idle_time(tmp_path: Path) -> None:
    async with scene(tmp_path, idle_after="1s") as it, it.waker():
        await it.asleep()


# --- the ConfigMap ------------------------------------------------------------------------------------------------


async def test_a_setting_changes_without_a_restart(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.configure(idle_after="1h", scrape_interval="1s")
        async with it.waker() as running:
            assert running.service.config.live.idle_after == timedelta(hours=1)
            it.configure(idle_after="1s", page_status="429")
            await it.asleep()
            assert (await it.visit()).status == 429


async def test_a_bad_value_is_told_and_the_last_good_one_stays(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.configure(idle_after="1h", scrape_interval="1s")
        async with it.waker() as running:
            it.configure(idle_after="soon", hold_for="7s", colour="red")
            await it.until(lambda: len(it.events(names.CONFIG_MAP)) == 2)
            told = dict.fromkeys(reason for reason, _ in it.events(names.CONFIG_MAP))
            assert list(told) == ["BadSetting"]
            messages = " ".join(message for _, message in it.events(names.CONFIG_MAP))
            assert "idle-after: 'soon'" in messages
            assert "'colour'" in messages
            live = running.service.config.live
            assert (live.idle_after, live.hold_for) == (timedelta(hours=1), timedelta(seconds=7))
            it.cluster.verbs.delete(kinds.CONFIG_MAPS, Key("kubesleeper", names.CONFIG_MAP))
            async with asyncio.timeout(5):
                while running.service.config.live.idle_after != timedelta(minutes=30):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)


async def test_paused_what_sleeps_can_still_be_woken(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        it.configure(idle_after="1h")
        async with it.waker() as running:
            await asyncio.gather(it.put_to_sleep(), it.put_to_sleep("blog"))
            it.configure(paused="true")
            await it.served()
            await it.awake()
            it.annotate(names.STATE, "asleep")
            await it.until(lambda: it.replicas("blog") == 0 and it.replicas() == 2)
            assert running.service.config.live.paused


# --- pins ---------------------------------------------------------------------------------------------------------


async def test_pinned_asleep_no_visitor_wakes_it(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it, it.waker():
        it.annotate(names.STATE, "asleep")
        await asyncio.gather(it.asleep(), it.put_to_sleep("blog"))
        page = await it.visit()
        assert page.status == 503
        assert (await it.visit(Accept="*/*")).status == 503
        await it.served("blog")  # long enough for a knock to be heard
        assert it.replicas() == 0
        assert "put to sleep" in page.body or "asleep" in page.body.lower()


async def test_pinned_awake_it_stays_and_wakes(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG, state="awake") as it, it.waker(QUICK):
        it.annotate(names.STATE, None, "blog")
        await it.asleep("blog")
        assert it.replicas() == 2
        it.annotate(names.STATE, "awake", "blog")
        await it.awake("blog")


# --- commands -----------------------------------------------------------------------------------------------------


async def test_sleep_until_the_next_visitor(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        before = it.wish()
        said = await pin.sleep(it.settings(), "default", "shop", pin=False)
        assert said.startswith("deployment/shop in default: ")
        await it.asleep()
        await it.served()
        await it.awake()
        assert it.wish() == before


async def test_who_came_before_it_was_asked_for_does_not_undo_a_sleep(tmp_path: Path) -> None:
    """A visitor's second request during a wake is newer than the wake that is written down."""
    async with scene(tmp_path, replace(SHOP, ready_after="1s")) as it, it.waker() as running:
        await it.put_to_sleep()
        running.service.registry.knock(APP)
        await it.until(lambda: it.replicas() == 2)
        running.service.registry.knock(APP)
        await pin.sleep(it.settings(), "default", "shop", pin=False)
        await it.asleep()
        assert [reason for reason, _ in it.events()].count("Waking") == 1


async def test_wake(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await pin.sleep(it.settings(), "default", "deployment/shop", pin=False)
        await it.asleep()
        await pin.wake(it.settings(), "default", "shop", pin=False)
        await it.awake()


async def test_pin_and_auto(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await pin.sleep(it.settings(), "default", "shop", pin=True)
        await it.asleep()
        for other in (pin.sleep, pin.wake):
            with pytest.RaisesGroup(pytest.RaisesExc(WakerError, match="is pinned asleep"), flatten_subgroups=True):
                await other(it.settings(), "default", "shop", pin=False)
        await pin.wake(it.settings(), "default", "shop", pin=True)
        await it.awake()
        said = await pin.auto(it.settings(), "default", "shop", pin=False)
        assert said.endswith(f"{names.STATE} removed")
        assert names.STATE not in it.noted()


async def shown(it: ServiceScene, **query: Any) -> str:
    """What `waker status` prints where there is no terminal; as JSON, if the test does not say otherwise."""
    out = StringIO()
    await status.status(it.settings(), StatusQuery(**{"output": "json"} | query), Terminal(out))
    return out.getvalue()


async def test_status_without_the_service(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        async with it.waker():
            await pin.sleep(it.settings(), "default", "shop", pin=True)
            await it.asleep()
        rows = json.loads(await shown(it))
        assert [(each["name"], each["phase"], each["replicas"], each["saved"]) for each in rows] == [
            ("blog", "Awake", 2, ""),
            ("shop", "Asleep", 0, "2"),
        ]
        table = (await shown(it, namespace="default", output="table")).splitlines()
        assert " ".join(table[0].split()) == ("NAMESPACE NAME KIND PHASE IDLE FOR SLEEPS IN REPLICAS SAVED REASON")
        assert len(table) == 3
        assert json.loads(await shown(it, namespace="elsewhere")) == []


# --- edits while asleep -------------------------------------------------------------------------------------------


async def test_its_owner_scales_it_up_while_asleep(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await pin.sleep(it.settings(), "default", "shop", pin=False)
        await it.asleep()
        it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "shop"), MERGE, {"spec": {"replicas": 5}})
        await it.awake()
        assert it.replicas() == 5


async def test_its_owner_gives_a_route_another_backend_while_asleep(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it, it.waker():
        await pin.sleep(it.settings(), "default", "shop", pin=False)
        await it.asleep()
        rules = json.loads(json.dumps(it.ingress()["spec"]["rules"]))
        rules[0]["http"]["paths"][0]["backend"] = {"service": {"name": "blog", "port": {"name": "http"}}}
        it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, {"spec": {"rules": rules}})
        await it.until(lambda: names.SAVED_BACKENDS not in (it.ingress()["metadata"].get("annotations") or {}))
        assert it.ingress()["spec"]["rules"] == rules


async def test_its_manifest_is_applied_again_while_asleep(tmp_path: Path) -> None:
    """Once is an accident: it sleeps on. Again and again is somebody who means it: it wakes."""
    async with scene(tmp_path) as it, it.waker():
        rules = it.ingress()["spec"]["rules"]
        await pin.sleep(it.settings(), "default", "shop", pin=False)
        await it.asleep()
        for _ in range(3):
            if not it.held():
                break
            it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, {"spec": {"rules": rules}})
            await it.until(lambda: it.held() or it.replicas())
        await it.until(it.replicas)
        await it.awake()


async def test_a_service_of_waker_s_name_that_is_not_ours(tmp_path: Path) -> None:
    """Nothing can be pointed at it: the app stays awake, and its user hears why."""
    async with scene(tmp_path) as it:
        foreign = {"name": names.WAKER_SERVICE, "namespace": "default"}
        it.cluster.load(
            [{"apiVersion": "v1", "kind": "Service", "metadata": foreign, "spec": {"ports": [{"port": 80}]}}]
        )
        before = it.cluster.get("Service", "default", names.WAKER_SERVICE)
        async with it.waker(QUICK):
            await it.until(lambda: any(names.WAKER_SERVICE in message for _, message in it.events()))
            assert [reason for reason, _ in it.events()] == ["CannotSleep"]
            assert (it.replicas(), it.held()) == (2, False)
            assert it.cluster.get("Service", "default", names.WAKER_SERVICE) == before
