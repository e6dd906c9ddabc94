"""The service as its operators meet it: the private port, two replicas, a dry run."""

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ports import next_port
from waker import names
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault
from waker.plan.model import AppId
from waker.reconcile.app import AppReconciler

from .scene import BLOG, QUICK, SHOP, SHOP_ID, WRITES, RunningWaker, ServiceScene, scene


async def test_the_private_port(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it, it.waker() as running:
        await it.put_to_sleep()
        await it.visit("blog")
        assert (await it.private(running, "/healthz")).status == 200
        assert (await it.private(running, "/readyz")).status == 200
        apps = json.loads((await it.private(running, "/apps")).body)
        assert [(each["name"], each["phase"], each["replicas"], each["saved"]) for each in apps] == [
            ("blog", "Awake", 2, ""),
            ("shop", "Asleep", 0, "2"),
        ]
        metrics = (await it.private(running, "/metrics")).body
        assert 'phase="Asleep"' in metrics
        assert 'verb="PATCH"' in metrics
        assert (await it.private(running, "/")).status == 404


async def test_not_ready_before_everything_is_known(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        held = it.cluster.api.faults.order(Fault("list", "ingresses", hangs=True))
        starting = asyncio.create_task(ready_at_last(it))
        await held.reached.wait()  # by then it listens
        answer = await it.private(it.started[0], "/readyz")
        assert answer.status == 503
        assert "ingresses: not listed yet" in answer.body
        assert (await it.private(it.started[0], "/healthz")).status == 200
        it.cluster.api.faults.clear()
        await starting


async def ready_at_last(it: ServiceScene) -> None:
    """A waker that starts."""
    async with it.waker() as running:
        assert (await it.private(running, "/readyz")).status == 200


async def test_who_comes_while_a_new_waker_still_lists_gets_the_page(tmp_path: Path) -> None:
    """Its door is there before anything else is known: a container that starts again is still listed."""
    async with scene(tmp_path, state="asleep") as it:
        async with it.waker() as first:
            await it.asleep()
            await first.crash()
        held = it.cluster.api.faults.order(Fault("list", "ingresses", hangs=True))
        second = await it.start()
        await held.reached.wait()
        await it.until(lambda: second.service.listeners.version)
        visit = asyncio.create_task(it.visit())
        await it.until(lambda: second.service.registry.is_wanted(SHOP_ID))
        assert second.service.unready()
        it.cluster.api.faults.clear()
        answer = await visit
        assert (answer.status, answer.page, "shop" in answer.body) == (503, True, True)
        await leaves(second)


async def test_a_waker_is_ready_before_it_has_decided_on_every_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(tmp_path) as it:
        async with it.waker():
            await it.put_to_sleep()
        passes, proceed = AppReconciler._pass, asyncio.Event()

        async def late(reconciler: AppReconciler, app: AppId) -> timedelta | None:
            await proceed.wait()
            return await passes(reconciler, app)

        monkeypatch.setattr(AppReconciler, "_pass", late)
        running = await it.start()
        await it.until(lambda: not running.service.unready())
        assert not list(running.service.registry.entries())
        assert (await it.private(running, "/apps")).status == 503, "rather than a part of them"
        visit = asyncio.create_task(it.visit())
        await it.until(lambda: running.service.registry.is_wanted(SHOP_ID))
        proceed.set()
        assert (await visit).page
        await it.served()
        assert [each["name"] for each in json.loads((await it.private(running, "/apps")).body)] == ["shop"]
        await leaves(running)


async def test_a_first_door_does_not_make_it_unready_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.until(lambda: running.service.doors.book.version)
        running.service.listeners.version = ""  # as in the moment before it listens there
        assert running.service.unready() == []


async def test_the_waker_of_the_real_pods(tmp_path: Path) -> None:
    """Without --advertise: the ready pods behind the Service `waker` are mirrored."""
    async with scene(tmp_path) as it:
        private = next_port()
        own(it.cluster, private)
        async with it.waker(advertise="", private_port=private):
            await it.put_to_sleep()
            await it.served()
            await it.awake()


def own(cluster: DemoCluster, private_port: int, public_port: int = 1) -> None:
    """Where waker's own Service leads: to one ready replica."""
    metadata = {"name": "waker-1", "namespace": "kubesleeper", "labels": {names.SLICE_SERVICE: names.OWN_SERVICE}}
    slice_of_waker = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "ports": [{"name": names.OWN_PRIVATE_PORT, "port": private_port}, {"name": "http", "port": public_port}],
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
    }
    cluster.load([slice_of_waker])


async def test_only_the_holder_of_the_lease_sleeps_and_the_other_wakes(tmp_path: Path) -> None:
    """Visitors reach the second one only: it may wake, and it takes over when the first one leaves."""
    async with scene(tmp_path) as it:
        private = next_port()
        own(it.cluster, private)
        async with it.waker(QUICK, identity="first", advertise="", bind_address="127.0.0.2") as first:
            await leading(it, "first")
            async with it.waker(QUICK, identity="second", advertise="", private_port=private) as second:
                assert (first.service.lease.held, second.service.lease.held) == (True, False)
                await it.asleep()
                assert (await it.visit()).page
                await it.served()
                await it.awake()
                assert (first.service.lease.held, second.service.lease.held) == (True, False)
                told = [reason for reason, _ in it.events()]
                assert (told.count("Asleep"), told.count("Waking")) == (1, 1), "by one of them"
                await it.asleep()
                await leaves(first)
                await leading(it, "second")
                await it.served()
                await it.awake()
                await it.asleep()


async def leaves(waker: RunningWaker) -> None:
    """An orderly end."""
    waker.task.cancel()
    await asyncio.wait([waker.task])


async def leading(it: ServiceScene, name: str) -> None:
    """Wait until this one holds the Lease."""

    def holds() -> bool:
        lease = it.cluster.get("Lease", "kubesleeper", names.LEASE)
        return bool(lease and lease["spec"].get("holderIdentity") == name)

    await it.until(holds)


async def test_a_dry_run_changes_no_app(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with scene(tmp_path, SHOP, BLOG) as it:
        async with it.waker():
            await it.put_to_sleep("blog")
        before, writes = written(it), it.cluster.api.faults.counted(WRITES)
        async with it.waker(dry_run=True):
            it.annotate(names.STATE, "asleep")
            await said(caplog, "dry run: would Redirect")
            await it.visit("blog")
            await said(caplog, "dry run: would ScaleUp")
            it.annotate(names.STATE, None)
        assert written(it) == before
        assert it.cluster.api.faults.counted(WRITES) == writes  # no Event, and not the Lease of the real one


def written(it: ServiceScene) -> Any:
    """All that a dry run must leave as it is."""
    specs = [each["spec"] for kind in ("Deployment", "Ingress", "Service") for each in it.cluster.objects(kind)]
    return specs, it.noted(), it.noted("blog"), sorted(it.present())


async def said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until it is in the log."""
    async with asyncio.timeout(10):
        while words not in caplog.text:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
