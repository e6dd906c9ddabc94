"""Somebody changes replicas or notes by hand, while an app sleeps or wakes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.commands import pin
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.demo.samples import READY_AFTER

from .scene import MERGE, NEVER, ServiceScene, scene

NEVER_READY = {"spec": {"template": {"metadata": {"annotations": {READY_AFTER: "60m"}}}}}


def change(it: ServiceScene, patch: dict[str, Any]) -> None:
    """As `kubectl patch deployment shop`."""
    it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "shop"), MERGE, patch)


def scale(it: ServiceScene, replicas: int) -> None:
    """As `kubectl scale deployment shop`."""
    change(it, {"spec": {"replicas": replicas}})


async def wake_that_never_ends(it: ServiceScene) -> None:
    """It sleeps, somebody comes, and its new pods do not get ready."""
    await it.put_to_sleep()
    change(it, NEVER_READY)
    assert (await it.visit()).page
    await it.until(lambda: it.replicas() == 2)


def autoscaler(least: int, target: str = "shop") -> dict[str, Any]:
    """A HorizontalPodAutoscaler."""
    about = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": "default", "name": f"{target}-{least}"},
        "spec": {"scaleTargetRef": about, "minReplicas": least, "maxReplicas": 9},
    }


@pytest.mark.parametrize(
    ("autoscalers", "guess"),
    [
        pytest.param([], 1, id="no autoscaler"),
        pytest.param([autoscaler(3)], 3, id="an autoscaler's minimum"),
        pytest.param([autoscaler(3, "blog")], 1, id="another app's"),
        pytest.param([autoscaler(0)], 1, id="that allows 0"),
    ],
)
@pytest.mark.parametrize("number", [None, "many"])
async def test_a_lost_number(tmp_path: Path, number: str | None, autoscalers: list[Any], guess: int) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        it.cluster.load(autoscalers)
        it.annotate(names.SAVED_REPLICAS, number)
        await it.until(lambda: "Stuck" in dict(it.events()))
        assert it.replicas() == 0, "nobody has come yet"
        await it.served()
        await it.awake()
        assert it.replicas() == guess
        assert f"set to {guess}" in dict(it.events())["GuessedReplicas"]
        assert names.SAVED_REPLICAS not in it.noted()


@pytest.mark.parametrize("number", [None, "many"])
async def test_without_kubesleeper_a_lost_number_is_its_owners_to_set(tmp_path: Path, number: str | None) -> None:
    async with scene(tmp_path) as it, it.waker():
        before = it.ingress()["spec"]
        await it.put_to_sleep()
        it.annotate(names.SAVED_REPLICAS, number)
        await it.until(lambda: "Stuck" in dict(it.events()))
        it.annotate(names.ENABLED, "false")
        await it.until(lambda: not it.held())
        assert it.ingress()["spec"] == before
        assert it.replicas() == 0
        await it.until(lambda: "its routes go back" in str(it.events()))
        scale(it, 2)
        await it.until(lambda: set(it.noted()) == {names.ENABLED})


async def test_a_wake_that_somebody_stops(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await wake_that_never_ends(it)
        scale(it, 0)
        await it.until(lambda: names.STOPPED_AT in it.noted())
        assert names.WAKE_REQUESTED_AT not in it.noted()
        await it.until(lambda: "`waker wake` at once" in dict(it.events()).get("Stuck", ""))
        version = it.version()
        for _ in range(20):
            assert (await it.visit()).page
        assert (it.replicas(), it.version()) == (0, version)
        change(it, {"spec": {"template": {"metadata": {"annotations": {READY_AFTER: "20ms"}}}}})
        await pin.wake(it.settings(), "default", "shop", pin=False)
        await it.awake()
        assert it.replicas() == 2
        assert names.STOPPED_AT not in it.noted()


async def test_visitors_wake_it_later(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(replace(NEVER, wake_timeout=timedelta(seconds=1))):
        await wake_that_never_ends(it)
        scale(it, 0)
        await it.until(lambda: names.STOPPED_AT in it.noted())
        change(it, {"spec": {"template": {"metadata": {"annotations": {READY_AFTER: "20ms"}}}}})
        await it.served()
        await it.awake()


async def test_without_kubesleeper_it_stays_at_0(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await wake_that_never_ends(it)
        scale(it, 0)
        it.annotate(names.ENABLED, None)
        await it.until(lambda: not it.held() and not it.noted())
        assert it.replicas() == 0


async def test_scaled_up_while_it_sleeps_and_not_ready_is_told(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(replace(NEVER, wake_timeout=timedelta(milliseconds=300))):
        await it.put_to_sleep()
        change(it, NEVER_READY)
        scale(it, 5)
        await it.until(lambda: "not ready" in dict(it.events()).get("Stuck", ""))
        assert it.replicas() == 5
