"""The process itself: `python -m waker` as the image runs it."""

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.ports import next_port
from waker import leaving, names

from .scene import SHOP, ServiceScene, scene


@pytest.fixture(scope="module", autouse=True)
def demo() -> Iterator["subprocess.Popen[str]"]:
    """`waker demo --check`, beside the other tests of this file: it takes its time."""
    command = [sys.executable, "-m", "waker", "demo", "--check"]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        yield process
        process.kill()


async def started(*arguments: str) -> Process:
    """`python -m waker ...`."""
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "waker", *arguments, stdout=PIPE, stderr=PIPE)


@asynccontextmanager
async def serving(it: ServiceScene) -> AsyncIterator[tuple[Process, str]]:
    """`waker run`, ready, and where its private port is."""
    private = next_port()
    it.configure()
    process = await started(
        *("run", "--kubeconfig", str(it.folder / "kubeconfig"), "--waker-namespace", "kubesleeper"),
        *("--public-port", str(it.port), "--private-port", str(private), "--advertise", "127.0.0.1"),
        *("--identity", "process", "--log-format", "json"),
    )
    url = f"http://127.0.0.1:{private}"
    try:
        async with asyncio.timeout(20):
            while await status(it, f"{url}/readyz") != 200:  # noqa: ASYNC110 - another process tells no event
                await asyncio.sleep(0.05)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def status(it: ServiceScene, url: str) -> int:
    """0: nobody is there."""
    try:
        async with it.session.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def test_told_to_leave_it_goes_on_serving_for_a_moment_and_leaves(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, serving(it) as (process, url):
        it.annotate(names.STATE, "asleep")
        await it.asleep()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(3):
            while await status(it, f"{url}/readyz") != 503:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        page = await it.visit()
        assert (page.status, page.page) == (503, True)
        assert await status(it, f"{url}/healthz") == 200
        assert await asyncio.wait_for(process.wait(), leaving.LONGEST - 5) == 0, "it does not wait for nobody"
        lease = it.cluster.get("Lease", "kubesleeper", names.LEASE)
        assert lease
        assert lease["spec"]["holderIdentity"] == ""


async def test_who_is_held_when_it_is_told_to_leave_still_gets_the_app(tmp_path: Path) -> None:
    """Longer than controllers take to stop sending requests here, which is all that it waited for once."""
    async with scene(tmp_path, replace(SHOP, ready_after="6s")) as it, serving(it) as (process, _):
        it.annotate(names.STATE, "asleep")
        await it.asleep()
        it.annotate(names.STATE, None)
        held = asyncio.create_task(it.visit(Accept="*/*"))
        await it.until(lambda: it.replicas() > 0)
        process.send_signal(signal.SIGTERM)
        visit = await held
        assert (visit.status, visit.page) == (200, False)
        assert await asyncio.wait_for(process.wait(), 8) == 0


async def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, serving(it) as (process, _):
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 5) in (0, 130)


async def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, serving(it) as (_, url):
        taken = url.rpartition(":")[2]
        process = await started(
            *("run", "--kubeconfig", str(it.folder / "kubeconfig"), "--private-port", taken, "--public-port", "0")
        )
        _, said = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 1
        assert b"address already in use" in said.lower()
        assert said.splitlines()[-1].startswith(b"waker: ")
        assert b"Traceback" not in said


def test_the_demo_checks_itself(demo: "subprocess.Popen[str]") -> None:
    said, problems = demo.communicate(timeout=60)
    assert (demo.returncode, problems) == (0, ""), said
    assert "all is well" in said
