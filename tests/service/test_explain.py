"""`waker explain` against the whole service: what the private port tells, and what the command makes of it without one."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.commands import explain
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.explain.causes import overview
from waker.explain.text import text
from waker.settings.durations import parse_duration

from .scene import MERGE, NEVER, SHOP, RunningWaker, ServiceScene, scene

AWAKE_FOR_LONG = replace(NEVER, scrape_interval=timedelta(milliseconds=50))


async def asked(it: ServiceScene, running: RunningWaker, name: str = "shop") -> Any:
    """What the running service tells."""
    answer = await it.private(running, f"/apps/default/Deployment/{name}")
    assert answer.status == 200
    return json.loads(answer.body)


def words(facts: Any) -> list[str]:
    return [each["kind"] for each in facts["against"]]


async def counted(it: ServiceScene, running: RunningWaker, requests: int) -> Any:
    """Wait until the last page of the controller shows so many requests of the shop, and its idle clock runs."""
    while True:
        facts = await asked(it, running)
        values = [each["requests"] for series in facts["series"] for each in series["values"]]
        if values == [requests] and words(facts) == ["in-use"] and facts["sleepsAt"]:
            return facts


async def test_an_app_in_use(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await it.visit()
        async with it.waker(AWAKE_FOR_LONG) as running:
            await counted(it, running, 1)
            await it.visit()
            facts = await counted(it, running, 2)
    (series,), (pod,), (route,) = facts["series"], facts["pods"], facts["routes"]
    assert series["metric"] == "traefik_service_requests_total"
    assert series["labels"] == {"service": "default-shop-http@kubernetes"}
    assert series["spellings"] == [{"labels": series["labels"], "requests": 2}]
    assert (pod["problem"], pod["state"], bool(pod["readAt"]), pod["bytes"] > 100) == ("", "read", True, True)
    assert {"name": "controller.traefik.adapter", "value": "traefik", "source": "default"} in facts["settings"]
    assert (route["host"], route["backend"], route["leadsTo"], route["title"]) == (
        "shop.localhost",
        "shop:http",
        "app",
        "Traefik",
    )
    assert [each["name"] for each in facts["services"]] == ["shop"]
    assert facts["activity"][0]["what"] == f"counted by Traefik pod {pod['pod']}"
    assert (facts["fromService"], facts["enabled"], facts["phase"], facts["replicas"]) == (True, True, "Awake", 2)
    assert facts["sleepsAt"] > facts["at"]
    assert text(facts).startswith("default/shop is awake: last sign of life ")


async def test_status_says_when_it_would_sleep_and_the_overview_why_it_does_not(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(AWAKE_FOR_LONG) as running:
        await it.visit()
        facts = await counted(it, running, 1)
        rows = json.loads((await it.private(running, "/apps")).body)
        (found,) = overview(rows)["causes"]
        it.annotate(names.STATE, "awake")
        await it.until(lambda: running.service.status_rows()[0]["code"] == "PinnedAwake")
        (pinned,) = running.service.status_rows()
    (row,) = rows
    assert (row["code"], row["sleepsAt"]) == ("InUse", facts["sleepsAt"])
    assert parse_duration(row["sleepsIn"]) <= AWAKE_FOR_LONG.idle_after
    assert found["cause"] == "in use: sleeps 1d after its last visit"
    assert found["examples"] == ["default/shop"]
    assert (pinned["sleepsAt"], pinned["sleepsIn"]) == (None, ""), "not by itself"


async def test_the_overview_without_the_service(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP) as it:
        facts = json.loads(await explain.explained_all(it.settings(), None, "json"))
        told = await explain.explained_all(it.settings(), "default", "text")
        elsewhere = await explain.explained_all(it.settings(), "elsewhere", "text")
    assert [(each["code"], each["apps"], each["examples"]) for each in facts["causes"]] == [
        ("TrafficUnknown", 1, ["default/shop"])
    ]
    assert "visits are known to the running service only" in told
    assert elsewhere == "0 apps: 0 asleep, 0 awake."


async def test_asleep(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.put_to_sleep()
        facts = await asked(it, running)
    assert facts["answer"].endswith(": the next visitor wakes it.")
    assert (facts["phase"], facts["replicas"], facts["saved"], facts["against"]) == ("Asleep", 0, 2, [])
    assert [each["leadsTo"] for each in facts["routes"]] == ["waker"]


async def test_every_reason_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path, idle_after="soon", state="awake", service="shop,ghost") as it, it.waker() as running:
        running.service.config.live = replace(NEVER, paused=True)
        await it.until(it.events)
        facts = await asked(it, running)
    assert set(words(facts)) >= {"annotation", "pinned", "discovery", "paused"}
    assert "(and " in facts["answer"]


async def test_an_app_that_is_not_enabled(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.annotate(names.ENABLED, None)
        async with it.waker() as running:
            facts = await asked(it, running)
            assert words(facts) == ["not-enabled"]
            assert facts["answer"].endswith("nothing that is known stands against enabling it.")
            it.cluster.verbs.delete(kinds.INGRESSES, Key("default", "shop"))
            await it.until(lambda: not it.cluster.get("Ingress", "default", "shop"))
            while "discovery" not in words(facts):
                facts = await asked(it, running)
    assert "if it were, it could not sleep: no Ingress names its Service shop." in facts["answer"]


async def test_a_misspelt_annotation_is_told_and_keeps_nothing_awake(tmp_path: Path) -> None:
    misspelt = "kubesleeper.io/idleafter is no annotation that waker knows; is kubesleeper.io/idle-after meant?"
    async with scene(tmp_path, idleafter="20 s") as it, it.waker() as running:
        await it.until(lambda: ("UnknownAnnotation", misspelt) in it.events())
        facts = await asked(it, running)
        await it.put_to_sleep()
    fix = "kubectl annotate deployment/shop -n default kubesleeper.io/idleafter- kubesleeper.io/idle-after='20 s'"
    assert facts["unknownAnnotations"] == [{"text": misspelt, "fix": fix}]
    assert "annotation" not in words(facts)
    assert f"UNKNOWN ANNOTATIONS\n  - {misspelt}\n    fix: {fix}" in text(facts)


async def test_who_misspells_the_first_annotation_of_all_hears_of_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.annotate(names.ENABLED, None)
        it.annotate("kubesleeper.io/enable", "true")
        async with it.waker() as running:
            facts = await asked(it, running)
            assert not facts["enabled"]
            assert [each for each, _ in it.events()] == []
    assert [each["fix"] for each in facts["unknownAnnotations"]] == [
        "kubectl annotate deployment/shop -n default kubesleeper.io/enable- kubesleeper.io/enabled=true"
    ]


@pytest.mark.parametrize("path", ["default/Deployment/nothing", "default/CronJob/shop", "elsewhere/Deployment/shop"])
async def test_what_is_not_there(tmp_path: Path, path: str) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        assert (await it.private(running, f"/apps/{path}")).status == 404


async def test_without_the_service(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP) as it:
        hpa = {"metadata": {"name": "busy", "namespace": "default"}, "apiVersion": "autoscaling/v2"}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5}
        it.cluster.load([{"kind": "HorizontalPodAutoscaler", "spec": spec} | hpa])
        config = {"metadata": {"name": names.CONFIG_MAP, "namespace": "kubesleeper"}, "apiVersion": "v1"}
        it.cluster.load([{"kind": "ConfigMap", "data": {"idle-after": "7m"}} | config])
        facts = json.loads(await explain.explained(it.settings(), "default", "shop", "json"))
        assert (facts["fromService"], facts["against"], facts["pods"]) == (False, [], [])
        assert {"name": "idle-after", "value": "7m", "source": "ConfigMap"} in facts["settings"]
        assert [each["values"] for each in facts["series"]] == [[]]
        assert facts["notes"][-1] == "HPA busy (2 to 5) rests while the app sleeps, and goes on after the wake"
        told = await explain.explained(it.settings(), "default", "deployment/shop", "text")
        assert "known to the running service only" in told.splitlines()[0]


async def test_it_says_when_clients_are_held_for_less_than_their_user_says(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP) as it:
        config = {"metadata": {"name": names.CONFIG_MAP, "namespace": "kubesleeper"}, "apiVersion": "v1"}
        it.cluster.load([{"kind": "ConfigMap", "data": {"controller.traefik.adapter": "contour"}} | config])

        async def notes(value: str | None) -> list[str]:
            annotation = {"projectcontour.io/response-timeout": value}
            it.cluster.verbs.patch(
                kinds.INGRESSES, Key("default", "shop"), MERGE, {"metadata": {"annotations": annotation}}
            )
            facts = json.loads(await explain.explained(it.settings(), "default", "shop", "json"))
            return [each for each in facts["notes"] if "timeout" in each or "held" in each]

        longer = "; projectcontour.io/response-timeout on its Ingress makes that longer"
        held = "clients are held for 13.5s instead of 30s (hold-for), because Contour waits for 15s"
        assert await notes(None) == [f"shop: shop.localhost/: {held}{longer}"]
        assert await notes("40s") == []
        unreadable = "'soon' is not a duration such as 30s or 1m30s, so it counts as not set"
        assert await notes("soon") == [
            f"Ingress default/shop: projectcontour.io/response-timeout: {unreadable}",
            f"shop: shop.localhost/: {held}{longer}",
        ]
