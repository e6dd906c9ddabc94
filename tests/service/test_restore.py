"""`waker restore`: what users had is theirs again, whatever is refused; and what is left is named."""

import asyncio
from pathlib import Path

import pytest

from waker import names
from waker.commands import restore
from waker.demo import kinds
from waker.demo.faults import Fault, throttled, unavailable
from waker.demo.kinds import Key
from waker.demo.refusals import ApiRefusal

from .scene import BLOG, MERGE, SHOP, scene

LEFT_NOTHING = "KubeSleeper puts nothing to sleep any more, and has left nothing in the namespaces of apps."
DENIED = ApiRefusal(403, "Forbidden", "nobody may change it")


@pytest.mark.parametrize("service", ["gone", "running"])
async def test_restore_gives_everything_back(tmp_path: Path, service: str) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        before = it.wish(), it.wish("blog")
        it.configure(idle_after="1h")
        async with it.waker() as running:
            await asyncio.gather(it.put_to_sleep(), it.put_to_sleep("blog"))
            if service == "gone":
                await running.crash()
            said = await restore.restore_all(it.settings(), "10s")
            assert said.complete
            assert said.text == "2 apps were asleep and are awake again. " + LEFT_NOTHING
            assert (it.wish(), it.wish("blog")) == before
            assert it.present() == []
            config = it.cluster.get("ConfigMap", "kubesleeper", names.CONFIG_MAP)
            assert config
            assert config["data"]["paused"] == "true"
        assert [set(it.noted(name)) for name in ("shop", "blog")] == [{names.ENABLED}] * 2
        assert (await restore.restore_all(it.settings(), "10s")).text == "Nothing was asleep. " + LEFT_NOTHING


async def test_the_settings_stay_their_installers(tmp_path: Path) -> None:
    """Else Helm 4 and `kubectl apply --server-side` could not set them again afterwards."""
    async with scene(tmp_path, SHOP) as it:
        it.cluster.verbs.keeps_managers = True
        it.configure(idle_after="1h")
        assert (await restore.restore_all(it.settings(), "10s")).complete
        config = it.cluster.get("ConfigMap", "kubesleeper", names.CONFIG_MAP)
        assert config
        assert config["data"]["paused"] == "true"
        owners = [each.get("manager") for each in config["metadata"].get("managedFields") or []]
        assert names.FIELD_MANAGER not in owners


async def test_restore_does_not_wait_for_ever(tmp_path: Path) -> None:
    """An app that cannot become ready gets its routes back all the same."""
    async with scene(tmp_path, state="asleep") as it:
        async with it.waker():
            await it.asleep()
        template = {"spec": {"template": {"metadata": {"annotations": {"demo/ready-after": "1h"}}}}}
        it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "shop"), MERGE, template)
        await restore.restore_all(it.settings(), "1s")
        assert it.replicas() == 2
        assert not it.held()


async def test_nothing_to_restore(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        before = it.writes()
        said = (await restore.restore_all(it.settings(), "10s")).text
        assert said.startswith("Nothing was asleep. KubeSleeper is gone (there is no ConfigMap ")
        assert said.endswith("), and has left nothing in the namespaces of apps.")
        assert it.writes() <= before + 1  # the ConfigMap, which is not there


@pytest.mark.parametrize("was", ["asleep", "visited"])
async def test_a_lost_number_is_named(tmp_path: Path, was: str) -> None:
    """The routes are the user's again all the same."""
    async with scene(tmp_path) as it:
        before = it.ingress()["spec"]
        async with it.waker() as running:
            await it.put_to_sleep()
            await running.crash()
            it.annotate(names.SAVED_REPLICAS, None)
            if was == "visited":
                it.annotate(names.WAKE_REQUESTED_AT, "2026-01-31T12:00:00Z")
            said = await restore.restore_all(it.settings(), "10s")
        assert not said.complete
        assert "saved-replicas is gone" in said.text
        assert it.ingress()["spec"] == before
        assert it.replicas() == (1 if was == "visited" else 0)


async def test_one_that_is_refused_stops_nobody_else_and_is_named(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        async with it.waker():
            await asyncio.gather(it.put_to_sleep(), it.put_to_sleep("blog"))
        it.cluster.api.faults.order(Fault("patch", "ingresses", "shop", times=None, refusal=DENIED))
        said = await restore.restore_all(it.settings(), "2s")
        assert not said.complete
        lines = said.text.splitlines()
        assert lines[0].startswith("1 app was asleep and is awake again. KubeSleeper is gone (")
        assert [
            each
            for each in lines
            if each.startswith("left: Deployment default/shop") and "nobody may change it" in each
        ]
        assert it.held()
        assert it.replicas() == 2
        assert not it.held("blog")
        assert names.SAVED_REPLICAS not in it.noted("blog")
        it.cluster.api.faults.clear()
        assert (await restore.restore_all(it.settings(), "10s")).complete
        assert not it.held()


@pytest.mark.parametrize(
    "like",
    [Fault(refusal=throttled()), Fault(refusal=unavailable()), Fault(cuts=True)],
    ids=["throttled", "unavailable", "cut"],
)
async def test_an_api_server_that_is_ill_for_a_moment_is_no_reason_to_stop(tmp_path: Path, like: Fault) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        before = it.wish(), it.wish("blog")
        async with it.waker():
            await asyncio.gather(it.put_to_sleep(), it.put_to_sleep("blog"))
        for resource in ("deployments", "ingresses"):
            it.cluster.api.faults.order(Fault("patch", resource, times=2, refusal=like.refusal, cuts=like.cuts))
        await restore.restore_all(it.settings(), "20s")
        assert (it.wish(), it.wish("blog")) == before


async def test_it_does_not_claim_to_be_paused(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.configure(idle_after="1h")
        it.cluster.api.faults.order(Fault("patch", "configmaps", times=None, refusal=DENIED))
        said = await restore.restore_all(it.settings(), "2s")
        assert not said.complete
        assert "KubeSleeper could not be paused, so it may put apps to sleep again: " in said.text
        assert "nobody may change it" in said.text


async def test_routes_of_a_workload_that_is_gone(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        before = it.ingress()["spec"]
        async with it.waker():
            await it.put_to_sleep()
        it.cluster.verbs.remove(kinds.DEPLOYMENTS, Key("default", "shop"))
        await restore.restore_all(it.settings(), "5s")
        assert it.ingress()["spec"] == before


@pytest.mark.parametrize("service", ["running", "gone"])
async def test_one_app(tmp_path: Path, service: str) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        before = it.wish()
        async with it.waker() as running:
            await asyncio.gather(it.put_to_sleep(), it.put_to_sleep("blog"))
            if service == "gone":
                await running.crash()
            said = await restore.restore_one(it.settings(), "10s", "default", "shop")
            assert said.complete
            assert said.text.startswith("deployment/shop in default is as its user had it, and pinned awake")
            assert said.text.endswith("; `waker auto deployment/shop -n default` lets it sleep again")
            after = it.wish()
            assert after[:2] == before[:2]
            assert after[2] == before[2] | {names.STATE: "awake"}
            assert (it.replicas("blog"), it.held("blog")) == (0, True)
