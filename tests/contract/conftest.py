"""The two servers that the contract holds for. The real one is used when KUBECONFIG names it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from waker.demo.cluster import DemoCluster, Options

from .client import Client, session_of

ETCD = "http://127.0.0.1:2379"


@dataclass(frozen=True, slots=True)
class ContractPlace:
    """A server under test. `forget` makes every version read so far too old."""

    client: Client
    forget: Callable[[], Awaitable[None]]


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("real", marks=pytest.mark.ground)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ContractPlace]:
    """A fresh namespace on one of the servers."""
    real = request.param == "real"
    if real and "KUBECONFIG" not in os.environ:
        pytest.skip("KUBECONFIG names no API server")
    async with AsyncExitStack() as stack:
        forget: Callable[[], Awaitable[None]]
        if real:
            session = await stack.enter_async_context(session_of(Path(os.environ["KUBECONFIG"])))
            forget = partial(restarted, session)
        else:
            options = Options(bookmark_every=timedelta(milliseconds=50))
            cluster = await stack.enter_async_context(DemoCluster(options))
            session = await stack.enter_async_context(session_of(cluster.kubeconfig(tmp_path / "config")))
            forget = partial(forgotten, cluster)
        client = Client(session, f"contract-{uuid4().hex[:8]}")
        await client.create("namespaces", {"metadata": {"name": client.namespace}})
        yield ContractPlace(client, forget)
        await client.delete(f"namespaces/{client.namespace}")


@pytest.fixture
def api(place: ContractPlace) -> Client:
    """A client of the server under test."""
    return place.client


async def forgotten(cluster: DemoCluster) -> None:
    """The embedded server forgets on demand."""
    cluster.store.forget()


async def restarted(session: aiohttp.ClientSession) -> None:
    """A real server remembers only what etcd has not compacted, and only since it started."""
    if "GROUND_DIR" not in os.environ:
        pytest.skip("only a test bed may be restarted")
    async with aiohttp.ClientSession() as etcd:
        async with etcd.post(f"{ETCD}/v3/kv/range", json={"key": "Lw=="}) as answer:
            revision = (await answer.json(content_type=None))["header"]["revision"]
        async with etcd.post(f"{ETCD}/v3/kv/compaction", json={"revision": revision}) as answer:
            assert answer.status == 200
    process = int((Path(os.environ["GROUND_DIR"]) / "pids" / "kube-apiserver").read_text())
    os.kill(process, signal.SIGKILL)
    while not await answers(session):  # noqa: ASYNC110 - another process tells no event
        await asyncio.sleep(0.1)


async def answers(session: aiohttp.ClientSession) -> bool:
    """Is the server ready again?"""
    try:
        async with session.get("/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
