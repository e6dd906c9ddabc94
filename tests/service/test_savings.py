"""A day of the whole service, scripted: what it says that sleep has saved is the number worked out by hand."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import waker.service
from waker.commands import savings
from waker.demo import kinds
from waker.demo.kinds import Key

from .scene import BLOG, MERGE, SHOP, RunningWaker, ServiceScene, scene

# Of one pod: the shop has two of them, the blog one later in the day.
SHOP_POD = {"cpu": "250m", "memory": "512Mi"}
BLOG_POD = {"cpu": "1", "memory": "1Gi"}
PRICES = {"price_core_hour": "0.04", "price_gib_hour": "0.005", "currency": "EUR"}
EXACT = 0.005  # the day passes in jumps, but what is between them takes some real seconds


class Clock:
    """Of the service: the real one, and what the script adds."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_on(self, **how_long: float) -> None:
        self.ahead += timedelta(**how_long)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(waker.service, "now", found)
    return found


def reserve(it: ServiceScene, name: str, requests: dict[str, str]) -> None:
    """Write requests into the pod template of an app."""
    containers = it.deployment(name)["spec"]["template"]["spec"]["containers"]
    wanted = [each | {"resources": {"requests": requests}} for each in containers]
    patch = {"spec": {"template": {"spec": {"containers": wanted}}}}
    it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", name), MERGE, patch)


async def counted(it: ServiceScene, running: RunningWaker) -> dict[str, float]:
    """The counters of savings, without the beginning and the end of their names."""
    families = text_string_to_metric_families((await it.private(running, "/metrics")).body)
    samples = [sample for family in families for sample in family.samples if "_saved_" in sample.name]
    assert {sample.labels["namespace"] for sample in samples} <= {"default"}
    return {each.name.removeprefix("kubesleeper_saved_").removesuffix("_seconds_total"): each.value for each in samples}


async def test_a_scripted_day(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop (2 pods) sleeps from 20:00 to 8:00 and from 12:00 to 14:00, the blog (1 pod) from 20:00 to 20:00."""
    async with scene(tmp_path, SHOP, BLOG) as it:
        it.configure(**PRICES)
        reserve(it, "shop", SHOP_POD)
        reserve(it, "blog", BLOG_POD)
        it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "blog"), MERGE, {"spec": {"replicas": 1}})
        await it.until(lambda: not it.held("blog") and it.replicas("blog") == 1)
        async with it.waker() as running:
            await it.put_to_sleep("shop")
            await it.put_to_sleep("blog")
            await until_counted(it, running, 2)
            clock.pass_on(hours=12)
            await it.served("shop")
            await it.awake("shop")
            clock.pass_on(hours=4)  # the shop is open
            await it.put_to_sleep("shop")
            await until_counted(it, running, 2)
            clock.pass_on(hours=2)
            await it.served("shop")
            await it.awake("shop")
            clock.pass_on(hours=6)
            found = await counted(it, running)
            # By hand: the shop 14 h with 2 pods, the blog 24 h with 1.
            assert found == {
                "replica": pytest.approx((14 * 2 + 24 * 1) * 3600, EXACT),
                "cpu_core": pytest.approx((14 * 2 * 0.25 + 24 * 1) * 3600, EXACT),
                "memory_byte": pytest.approx((14 * 2 * 0.5 + 24 * 1) * 3600 * 2**30, EXACT),
            }
            await it.until(lambda: len(running.service.runtime.wakes.ended()) == 2)
            monkeypatch.setattr(savings, "ask_service", partial(ask, it, running))
            shown = (await savings.savings(it.settings(), None, "table")).splitlines()
            # 31 core hours at 0.04 and 38 GiB hours at 0.005 are 1.43 EUR.
            columns = shown[1].split()
            assert columns[:2] == ["default", "1"]
            assert [float(each) for each in columns[2:]] == [
                pytest.approx(52, EXACT), pytest.approx(31, EXACT), pytest.approx(38, EXACT), pytest.approx(1.43, EXACT),
            ]  # fmt: skip
            assert shown[0].split()[-1] == "EUR"
            assert shown[-1].startswith("The last 2 wakes took ")


async def ask(it: ServiceScene, running: RunningWaker, _api: object, _settings: object, path: str) -> Any:
    """In place of the API server's proxy, which the embedded one has not."""
    return json.loads((await it.private(running, path)).body)


async def until_counted(it: ServiceScene, running: RunningWaker, apps: int) -> None:
    """Wait until waker itself knows that so many apps sleep: the clock must not jump before."""
    await it.until(lambda: sum(running.service.runtime.savings.sleeping().values()) == apps)
