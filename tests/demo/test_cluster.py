"""The whole cluster: it starts at once, can be reached, and ends cleanly."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from waker.demo.cluster import DemoCluster
from waker.demo.kinds import PODS, Key
from waker.demo.samples import SAMPLES, manifests
from waker.errors import DemoError


async def test_it_starts_quickly_and_ends_with_its_tasks() -> None:
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    started = loop.time()
    async with DemoCluster():
        assert loop.time() - started < 0.3
    assert asyncio.all_tasks() == before


async def test_it_can_end_at_any_moment() -> None:
    """Open watches and starting pods do not delay it."""
    async with aiohttp.ClientSession() as session:
        async with DemoCluster() as cluster:
            cluster.load(manifests(SAMPLES["shop"], "default", replicas=2))
            stream = await session.get(f"{cluster.api_url}/api/v1/pods?watch=true")
            await cluster.until(lambda: len(cluster.objects("Pod", "default")) == 2)
        assert b'"ADDED"' in await stream.read()  # the stream ended regularly


async def test_the_ingress_is_a_pod(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    pod = cluster.store.get(PODS, Key("traefik", "traefik"))
    assert pod is not None
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    async with session.get(f"http://{pod['status']['podIP']}:{ports['metrics']}/metrics") as answer:
        assert "traefik_config_reloads_total" in await answer.text()
    async with session.get(f"http://{pod['status']['podIP']}:{ports['web']}/") as answer:
        assert answer.status == 200
    shop = cluster.get("Ingress", "default", "shop")
    assert shop is not None
    assert shop["spec"]["ingressClassName"] == "traefik"


async def test_the_kubeconfig_names_the_api_server(cluster: DemoCluster, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig(tmp_path / "config").read_text())
    assert config["clusters"][0]["cluster"] == {"server": cluster.api_url}
    assert config["current-context"] == config["contexts"][0]["name"]


async def test_an_unknown_kind_cannot_be_loaded(cluster: DemoCluster) -> None:
    with pytest.raises(DemoError):
        cluster.load([{"apiVersion": "v1", "kind": "Unicorn", "metadata": {"name": "u"}}])


async def test_a_crash_ends_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("crash")

    monkeypatch.setattr("waker.demo.endpoints.reconcile", crash)

    async def wait_inside() -> None:
        async with asyncio.timeout(5), DemoCluster() as cluster:
            cluster.load(manifests(SAMPLES["shop"], "default"))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await wait_inside()
    assert caught.group_contains(RuntimeError, match="crash")
