"""An API server that does not take what waker writes: said where its user looks, never the reason that an app is down."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from waker import names
from waker.demo import kinds
from waker.demo.faults import Fault
from waker.demo.kinds import Key
from waker.demo.refusals import ApiRefusal

from .scene import MERGE, NEVER, RunningWaker, ServiceScene, scene

POLICY = "ValidatingAdmissionPolicy 'frozen' denied request: nobody may change it"
DENIED = ApiRefusal(422, "Invalid", f'"shop" is forbidden: {POLICY}')
ASKED = "2026-01-31T12:00:00Z"


def freeze(it: ServiceScene, resource: str) -> Fault:
    """A policy refuses every change of the shop's own object."""
    return it.cluster.api.faults.order(Fault("patch", resource, "shop", times=None, refusal=DENIED))


def ask_for_sleep(it: ServiceScene) -> None:
    it.annotate(names.SLEEP_REQUESTED_AT, ASKED)


def told(it: ServiceScene, reason: str) -> bool:
    return any(each == reason and POLICY in message for each, message in it.events())


def explained(running: RunningWaker) -> str:
    found = running.service.explain("default", "Deployment", "shop")
    assert found
    return "\n".join(each["text"] for each in found["against"])


async def test_who_may_not_move_the_routes_lets_the_app_be(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        before = it.wish()
        policy = freeze(it, "ingresses")
        ask_for_sleep(it)
        await it.until(lambda: told(it, "CannotSleep") and told(it, "WriteFailed"))
        await it.until(lambda: POLICY in explained(running))
        assert it.wish() == before
        assert (await it.visit()).status == 200
        assert 'kubesleeper_failed_writes_total{cause="admission"}' in (await it.private(running, "/metrics")).body
        tries = policy.met
        await asyncio.sleep(0.5)
        assert policy.met - tries <= 3, "ever more seldom"
        it.cluster.api.faults.clear()
        await it.asleep()


async def test_who_may_not_scale_down_gives_the_routes_back(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        before = it.wish()
        ask_for_sleep(it)
        freeze(it, "deployments")
        await it.until(it.held)
        await it.until(lambda: told(it, "WriteFailed") and not it.held())
        await it.until(lambda: POLICY in explained(running))
        await it.cluster.ingress.caught_up()
        assert (await it.visit()).page is False
        assert it.wish() == before
        it.cluster.api.faults.clear()
        await it.asleep()


async def test_who_may_not_scale_up_is_told_and_woken_soon_after(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        freeze(it, "deployments")
        assert (await it.visit()).page
        await it.until(lambda: told(it, "WriteFailed"))
        it.cluster.api.faults.clear()
        await it.awake()


async def test_who_may_not_give_the_routes_back_serves_through_waker(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        freeze(it, "ingresses")
        assert (await it.visit()).page
        await it.until(lambda: told(it, "WriteFailed"))
        assert (await it.served()).body.startswith("<!doctype html>")
        it.cluster.api.faults.clear()
        await it.awake()


@pytest.mark.parametrize("annotations", [{}, {names.SCALED_UP_AT: None}], ids=["replicas", "replicas and notes"])
async def test_who_sets_replicas_back_is_not_fought_with(tmp_path: Path, annotations: dict[str, None]) -> None:
    """A webhook, say, that keeps it at 0."""
    async with scene(tmp_path) as it, it.waker(replace(NEVER, wake_timeout=timedelta(seconds=1))):
        await it.put_to_sleep()
        await it.visit()
        back = {"metadata": {"annotations": annotations}, "spec": {"replicas": 0}}
        for _ in range(40):
            it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "shop"), MERGE, back)
            await asyncio.sleep(0.01)
        if not annotations:
            await it.until(lambda: "scaled it to 0 while it woke" in dict(it.events())["Stuck"])
            await it.served()
            return
        await it.until(lambda: ("WriteFailed", UNDONE) in it.events())
        await it.awake()


UNDONE = (
    "it was written several times within seconds and is not as it was written: somebody sets back what waker writes"
)
