"""A move is followed when it is proved, not when it is late enough: routes for which no answer shows where they lead."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from waker import names
from waker.demo import kinds
from waker.demo.faults import Fault
from waker.demo.kinds import Key
from waker.demo.refusals import ApiRefusal
from waker.plan.routes.keeper import NEWER

from .scene import MERGE, ServiceScene, scene

LAG = 2.0  # seconds, of the demo cluster's ingress as waker knows it
KEEPER = "kubesleeper-keeper-way-traefik"
EXPRESSION = {"path": "/item/[0-9]+", "pathType": "ImplementationSpecific"}


def use_expression(it: ServiceScene) -> None:
    """The shop's only path is a regular expression, which no made-up request is known to match."""
    spec = it.ingress()["spec"]
    (rule,) = spec["rules"]
    paths = [rule["http"]["paths"][0] | EXPRESSION]
    patch = {"spec": {"rules": [rule | {"http": {"paths": paths}}]}}
    it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, patch)


def newer_paths(it: ServiceScene) -> list[str]:
    ingress = it.cluster.get("Ingress", "default", KEEPER)
    (rule,) = ingress["spec"]["rules"] if ingress else ({"http": {"paths": []}},)
    return [each["path"] for each in rule["http"]["paths"] if each["path"].startswith(NEWER)]


async def test_a_path_that_only_a_newer_configuration_has_proves_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        use_expression(it)
        async with it.waker() as running:
            await it.put_to_sleep()
            first = newer_paths(it)
            (said,) = (running.service.explain("default", "Deployment", "shop") or {"notes": []})["notes"]
            assert said.startswith("that Traefik follows was proved by a newer path")
            await it.visit(path="/item/[0-9]+")
            await it.awake()
            await it.put_to_sleep()
            second = newer_paths(it)
    assert len(first) == len(second) == 1
    assert first != second, "a path of a former move proves nothing of this one"


async def test_a_controller_that_is_later_than_its_usual_lag_is_waited_for(tmp_path: Path) -> None:
    """Its pods are needed: it still sends them visitors."""
    async with scene(tmp_path) as it:
        use_expression(it)
        async with it.waker():
            await it.until(lambda: it.cluster.get("Ingress", "default", KEEPER))
            await it.cluster.ingress.caught_up()
            it.cluster.ingress.following.clear()
            asleep = asyncio.create_task(it.put_to_sleep())
            await it.until(lambda: newer_paths(it))
            await asyncio.sleep(LAG / 2)
            assert it.replicas() == 2
            it.cluster.ingress.following.set()
            await asleep


async def test_where_the_path_cannot_be_written_the_lag_has_to_do(tmp_path: Path) -> None:
    policy = ApiRefusal(403, "Forbidden", f'ingresses "{KEEPER}" is forbidden: nobody may change it')
    async with scene(tmp_path) as it:
        use_expression(it)
        async with it.waker() as running:
            await it.until(lambda: it.cluster.get("Ingress", "default", KEEPER))
            it.cluster.api.faults.order(Fault("patch", "ingresses", KEEPER, times=None, refusal=policy))
            await it.put_to_sleep()
            (said,) = (running.service.explain("default", "Deployment", "shop") or {"notes": []})["notes"]
            assert said.startswith("whether Traefik follows could not be proved")
            assert newer_paths(it) == []


async def test_an_app_does_not_fall_asleep_again_before_its_last_wake_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller that never noticed the wake seems to follow; later it would take the wake first, without pods behind it.

    That is told once it has lasted: a moment of it is nothing special.
    """
    monkeypatch.setattr("waker.reconcile.report.REACHED_WITHIN", timedelta(seconds=3))
    warning = ("CannotSleep", "pinned asleep, but its ingress controllers have not followed its last wake yet")
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        it.cluster.ingress.following.clear()
        it.annotate(names.STATE, "awake")
        await it.until(lambda: it.replicas() and not it.held() and names.SAVED_REPLICAS not in it.noted())
        it.annotate(names.STATE, "asleep")
        for _ in range(20):
            await asyncio.sleep(0.02)
            assert it.replicas()
            assert not it.held()
            assert warning not in it.events()
        await it.until(lambda: warning in it.events())
        it.cluster.ingress.following.set()
        await it.asleep()
