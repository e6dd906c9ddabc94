"""An app whose controller does not follow: twice in vain, then reported, put off, and remembered over a restart of waker."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from waker import names
from waker.plan import way_down

from .scene import QUICK, RunningWaker, ServiceScene, scene

NOT_FOLLOWED = "an ingress controller pod has not followed within"


def tries(it: ServiceScene) -> int:
    return int(it.noted().get(names.TURNED_BACK, "0").split()[0])


def told(it: ServiceScene) -> list[str]:
    return [message for reason, message in it.events() if reason == "CannotSleep" and "2 times in a row" in message]


def against(running: RunningWaker) -> list[str]:
    found = running.service.explain("default", "Deployment", "shop")
    assert found
    return [f"{each['kind']}: {each['text']}" for each in found["against"]]


async def stays_awake(it: ServiceScene) -> None:
    await it.until(lambda: names.WAKE_REQUESTED_AT not in it.noted())
    before = it.version()
    await asyncio.sleep(1.5)  # several idle periods
    assert it.version() == before
    assert not it.held()
    assert it.replicas() == 2


async def test_two_tries_in_vain_and_then_it_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way_down, "FOLLOW_WITHIN", timedelta(milliseconds=400))
    async with scene(tmp_path) as it:
        async with it.waker(QUICK) as running:
            await it.until(lambda: "Ingress" in it.present())
            await it.cluster.ingress.caught_up()
            it.cluster.ingress.following.clear()
            await it.until(lambda: tries(it) == 1)
            assert told(it) == [], "once may be chance"
            await it.until(lambda: tries(it) == 2 and not it.held())
            await it.until(lambda: told(it))
            assert told(it)[0].startswith(NOT_FOLLOWED)
            assert "answered by somebody else than waker (HTTP 200)" in told(it)[0]
            await it.until(lambda: any(each.startswith("turned-back: 2 times") for each in against(running)))
            await stays_awake(it)
        async with it.waker(QUICK) as running:
            await it.until(lambda: any(each.startswith("turned-back: 2 times") for each in against(running)))
            await stays_awake(it)
            it.cluster.ingress.following.set()
            await it.put_to_sleep()
            assert names.TURNED_BACK not in it.noted()
