"""An API server that refuses, hangs, forgets or hangs up in the middle of a sleep and of a wake: later, but right."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from waker import names
from waker.cluster.app_endpoints import Reply
from waker.demo.faults import Fault, throttled, unavailable
from waker.demo.refusals import ApiRefusal
from waker.plan.model import Address

from .scene import QUICK, ServiceScene, scene


async def cycle(it: ServiceScene) -> None:
    """Once down and up."""
    before = it.wish()
    it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
    await it.until(lambda: it.replicas() == 0 and it.held())
    await it.served()
    await it.until(lambda: it.wish() == before)


async def test_watches_that_break_all_the_time(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        cycling = asyncio.create_task(cycle(it))
        while not cycling.done():
            it.cluster.api.drop_watches()
            await asyncio.sleep(0.05)
        await cycling


async def test_versions_that_are_too_old_all_the_time(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        cycling = asyncio.create_task(cycle(it))
        while not cycling.done():
            it.cluster.store.forget()
            it.cluster.api.drop_watches()
            await asyncio.sleep(0.05)
        await cycling


async def test_without_an_api_server_nobody_sleeps_and_the_page_is_still_there(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.put_to_sleep()
        knocked = it.cluster.api.faults.order(Fault(verb="patch", times=None, refusal=unavailable()))
        it.cluster.api.faults.order(Fault(times=None, refusal=unavailable()))
        it.cluster.api.drop_watches()
        page = await it.visit()
        assert (page.status, page.page) == (503, True)
        await knocked.reached.wait()
        assert (await it.private(running, "/healthz")).status == 200
        assert it.replicas() == 0
        it.cluster.api.faults.clear()
        await it.awake()  # the wish was not forgotten


async def test_it_starts_before_the_api_server(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it:
        outage = it.cluster.api.faults.order(Fault(times=None, refusal=unavailable()))
        starting = asyncio.create_task(a_cycle_of_a_new_waker(it))
        await outage.reached.wait()
        it.cluster.api.faults.clear()
        await starting


async def a_cycle_of_a_new_waker(it: ServiceScene) -> None:
    """From its start to the sleep."""
    async with it.waker():
        await it.asleep()


async def test_throttled(tmp_path: Path) -> None:
    """The server says when to come back, and it is kept to."""
    async with scene(tmp_path, state="asleep") as it, it.waker():
        fault = it.cluster.api.faults.order(Fault("patch", "deployments", times=2, refusal=throttled()))
        await it.asleep()
        assert fault.met == 2


async def test_pods_that_waker_may_not_reach_get_their_routes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A NetworkPolicy that lets in the ingress controller only: the wake is slower, and that is all."""

    async def silent(_address: Address) -> Reply:
        return Reply.SILENT

    monkeypatch.setattr("waker.cluster.app_endpoints.reply_of", silent)
    monkeypatch.setattr("waker.cluster.app_endpoints.BELIEVED_AFTER", timedelta(milliseconds=200))
    async with scene(tmp_path) as it, it.waker():
        await cycle(it)


async def test_a_keeper_that_a_quota_refuses_stops_its_apps_sleep_alone_and_the_reason_is_told(tmp_path: Path) -> None:
    quota = ApiRefusal(403, "Forbidden", 'ingresses "kubesleeper-keeper-way-traefik" is forbidden: exceeded quota: few')
    async with scene(tmp_path) as it:
        it.cluster.api.faults.order(Fault("create", "ingresses", times=None, refusal=quota))
        async with it.waker(QUICK):
            await it.until(lambda: "exceeded quota: few" in dict(it.events()).get("CannotSleep", ""))
            assert (it.replicas(), it.held()) == (2, False)
            assert {"Service", "EndpointSlice"} <= set(it.present()), "it stops nothing else"
            it.cluster.api.faults.clear()
            await it.asleep()
            await it.served()


async def test_in_a_namespace_that_is_being_deleted_nothing_is_fought_for(tmp_path: Path) -> None:
    ends = {"causes": [{"reason": "NamespaceTerminating", "message": "it ends", "field": "metadata.namespace"}]}
    refusal = ApiRefusal(403, "Forbidden", "unable to create new content in namespace default", ends)
    async with scene(tmp_path) as it:
        made = it.cluster.api.faults.order(Fault("create", "services", times=None, refusal=refusal))
        async with it.waker(QUICK):
            await it.until(lambda: "is being deleted" in dict(it.events()).get("CannotSleep", ""))
            it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
            await it.until(lambda: "yet: the namespace is being deleted" in dict(it.events())["CannotSleep"])
            tries = made.met
            await asyncio.sleep(0.5)
            assert made.met - tries <= 2
            assert (it.replicas(), it.held()) == (2, False)
