"""The two servers that the contract holds for. The real one is tested on the test bed only, for its
history is compacted and its connections are cut."""

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

from tests.e2e.bed import ON_BED
from waker.demo.cluster import DemoCluster, Options

from .client import Client, session_of

ETCD = "http://127.0.0.1:2379"


@dataclass(frozen=True, slots=True)
class ServerUnderTest:
    """A server under test, and a way to make every version read so far too old."""

    client: Client
    forget: Callable[[], Awaitable[None]]


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("real", marks=pytest.mark.ground)])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ServerUnderTest]:
    """One of the servers, with a new namespace."""
    real = request.param == "real"
    if real and not ON_BED:
        pytest.skip("needs the test bed, see docs/testing.md")
    async with AsyncExitStack() as stack:
        forget: Callable[[], Awaitable[None]]
        if real:
            session = await stack.enter_async_context(session_of(Path(os.environ["KUBECONFIG"])))
            forget = partial(compact_and_kill, session)
        else:
            options = Options(bookmark_every=timedelta(milliseconds=50))
            cluster = await stack.enter_async_context(DemoCluster(options))
            session = await stack.enter_async_context(session_of(cluster.kubeconfig(tmp_path / "config")))
            forget = partial(forget_history, cluster)
        client = Client(session, f"contract-{uuid4().hex[:8]}")
        await client.create("namespaces", {"metadata": {"name": client.namespace}})
        yield ServerUnderTest(client, forget)
        await client.delete(f"namespaces/{client.namespace}")


@pytest.fixture
def api(server: ServerUnderTest) -> Client:
    """A client of the server under test."""
    return server.client


async def forget_history(cluster: DemoCluster) -> None:
    """Make the embedded server forget its history."""
    cluster.store.forget()


async def compact_and_kill(session: aiohttp.ClientSession) -> None:
    """Compact etcd and kill the API server, which the test bed starts again. It then knows no earlier version."""
    if "GROUND_DIR" not in os.environ:
        pytest.skip("only the API server of a test bed may be restarted")
    async with aiohttp.ClientSession() as etcd:
        async with etcd.post(f"{ETCD}/v3/kv/range", json={"key": "Lw=="}) as response:
            revision = (await response.json(content_type=None))["header"]["revision"]
        async with etcd.post(f"{ETCD}/v3/kv/compaction", json={"revision": revision}) as response:
            assert response.status == 200
    process = int((Path(os.environ["GROUND_DIR"]) / "pids" / "kube-apiserver").read_text())
    os.kill(process, signal.SIGKILL)
    while not await is_ready(session):  # noqa: ASYNC110 - another process sends no event
        await asyncio.sleep(0.1)


async def is_ready(session: aiohttp.ClientSession) -> bool:
    """Whether the server is ready again."""
    try:
        async with session.get("/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
