"""Probing starting pods: how often, what passes, and when a success is forgotten."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from waker.cluster import readiness
from waker.cluster.readiness import LONGEST_PAUSE, ProbedPod, ReadinessProber, pause, probe_passes
from waker.plan.model import Address
from waker.plan.readiness_probes import ReadinessProbe

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PROBE = ReadinessProbe("run-1", Address("10.0.0.7", 8080), "/healthz")
POD = ProbedPod(("10.0.0.7",), (PROBE,))


class StartingApp:
    """The pods of an app, whose probes give the results that a test has set, and the record of all probes."""

    def __init__(self) -> None:
        self.pods: list[ProbedPod] = []
        self.results: dict[ReadinessProbe, list[bool]] = {}  # the last one is repeated; a probe without any passes
        self.probed: list[ReadinessProbe] = []
        self.became_ready = asyncio.Event()
        self.now = NOW
        self.prober = ReadinessProber(lambda: self.pods, self.became_ready.set, self._run_probe, lambda: self.now)

    async def _run_probe(self, probe: ReadinessProbe) -> bool:
        self.probed.append(probe)
        left = self.results.get(probe, [True])
        return left.pop(0) if len(left) > 1 else left[0]

    def become(self, *pods: ProbedPod) -> None:
        """The informer reports that these are the pods now."""
        self.pods = list(pods)
        self.prober.pods_changed()

    async def probes(self, times: int) -> None:
        """Wait until so many probes were run."""
        async with asyncio.timeout(5):
            while len(self.probed) < times:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0)

    async def ready_hosts(self) -> frozenset[str]:
        """Wait until a further pod is ready, and return all that are."""
        async with asyncio.timeout(5):
            await self.became_ready.wait()
        self.became_ready.clear()
        return self.prober.ready_hosts()


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StartingApp]:
    """It is probed without pauses."""
    monkeypatch.setattr(readiness, "pause", lambda *_: 0.0)
    found = StartingApp()
    task = asyncio.create_task(found.prober.run())
    yield found
    task.cancel()


async def test_a_pod_is_probed_until_it_passes_and_no_more(app: StartingApp) -> None:
    app.results[PROBE] = [False, False, True]
    app.become(POD)
    assert await app.ready_hosts() == {"10.0.0.7"}
    await asyncio.sleep(0.01)
    assert len(app.probed) == 3


async def test_a_probe_has_to_pass_success_threshold_times_in_a_row(app: StartingApp) -> None:
    probe = ReadinessProbe("run-1", Address("10.0.0.7", 8080), "/healthz", successes=2)
    app.results[probe] = [True, False, True, True]
    app.become(ProbedPod(("10.0.0.7",), (probe,)))
    await app.ready_hosts()
    assert app.probed.count(probe) == 4


async def test_the_probes_of_all_containers_have_to_pass(app: StartingApp) -> None:
    other = ReadinessProbe("run-2", Address("10.0.0.7", 9000))
    app.results[other] = [False]
    app.become(ProbedPod(("10.0.0.7",), (PROBE, other)))
    await app.probes(6)
    assert app.prober.ready_hosts() == set()
    app.results[other] = [True]
    assert await app.ready_hosts() == {"10.0.0.7"}


async def test_no_probe_before_the_initial_delay_is_over(app: StartingApp) -> None:
    app.become(
        ProbedPod(
            ("10.0.0.7",), (ReadinessProbe("run-1", Address("10.0.0.7", 8080), after=NOW + timedelta(seconds=3)),)
        )
    )
    await asyncio.sleep(0.01)
    assert app.probed == []
    app.now += timedelta(seconds=3)
    assert await app.ready_hosts() == {"10.0.0.7"}


async def test_a_success_holds_once_kubernetes_calls_the_pod_ready(app: StartingApp) -> None:
    app.become(POD)
    await app.ready_hosts()
    app.become(ProbedPod(("10.0.0.7",), ready=True))
    assert app.prober.ready_hosts() == {"10.0.0.7"}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([], id="the pod is gone"),
        pytest.param([ProbedPod(("10.0.0.7",))], id="its containers no longer run"),
        pytest.param(
            [ProbedPod(("10.0.0.7",), (ReadinessProbe("run-2", PROBE.address, "/healthz"),))],
            id="its container was restarted",
        ),
    ],
)
async def test_a_success_is_forgotten(app: StartingApp, after: list[ProbedPod]) -> None:
    app.become(POD)
    await app.ready_hosts()
    app.results = {probe: [False] for pod in after for probe in pod.probes}
    app.become(*after)
    assert app.prober.ready_hosts() == set()


async def test_a_pod_that_becomes_unready_has_to_pass_again(app: StartingApp) -> None:
    app.become(POD)
    await app.ready_hosts()
    app.become(ProbedPod(("10.0.0.7",), ready=True))
    app.results[PROBE] = [False]
    app.become(POD)
    await app.probes(3)
    assert app.prober.ready_hosts() == set()


def test_the_longer_a_start_takes_the_rarer_the_probes() -> None:
    assert pause(0.1) == pytest.approx(0.03)
    assert pause(10) == pytest.approx(0.5)
    assert pause(3600) == LONGEST_PAUSE


def test_many_apps_that_start_at_once_cost_no_more_than_a_few() -> None:
    assert pause(0.1, apps=readiness.APPS_AT_FULL_RATE) == pytest.approx(0.03)
    assert pause(0.1, apps=1000) == pytest.approx(6)
    assert pause(3600, apps=1000) == pytest.approx(6)


# --- one probe, over real sockets -------------------------------------------------------------------------------------


@pytest.fixture
async def pod(unused_tcp_port_factory: Any) -> AsyncIterator[tuple[Address, list[web.Request]]]:
    """A pod that responds with the status that the path names."""
    received: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        received.append(request)
        if request.path == "/slow":
            await asyncio.sleep(5)
        return web.Response(status=int(request.path[1:]) if request.path[1:].isdigit() else 200)

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = unused_tcp_port_factory()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Address("127.0.0.1", port), received
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "passes"),
    [("/200", True), ("/204", True), ("/302", False), ("/404", False), ("/503", False), ("/slow", False), (None, True)],
)
async def test_what_passes(pod: Any, path: str | None, passes: bool) -> None:
    address, _ = pod
    async with aiohttp.ClientSession() as session:
        assert (
            await probe_passes(session, ReadinessProbe("run-1", address, path, timeout=0.1 if path == "/slow" else 1))
            is passes
        )


@pytest.mark.parametrize("path", ["/healthz", None])
async def test_nobody_there_is_a_no(unused_tcp_port: int, path: str | None) -> None:
    async with aiohttp.ClientSession() as session:
        assert not await probe_passes(session, ReadinessProbe("run-1", Address("127.0.0.1", unused_tcp_port), path))
        assert not await probe_passes(session, ReadinessProbe("run-1", Address("no such host", 1), path))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/a b", ()),
        ("/\r\nX: y", ()),
        ("/%", ()),
        ("/\udcff", ()),
        ("//evil.example.org/", ()),
        ("/200", (("Transfer-Encoding", "chunked"),)),
        ("/200", (("Content-Length", "many"),)),
        ("/200", (("Content-Encoding", "zstd"),)),
        ("/200", (("Host", ""),)),
        ("/200", (("Host", "\u00fc b"),)),
        ("/200", (("X-Deep", "1\r\n\r\n"),)),
        ("/200", (("", "1"),)),
        ("/200", (("Cookie", ";;;=\x00"), ("Expect", "100-continue"), ("Authorization", "Basic ???"))),
    ],
)
async def test_no_probe_that_a_user_can_write_raises(pod: Any, path: str, headers: Any) -> None:
    address, _ = pod
    async with aiohttp.ClientSession() as session:
        for https in (False, True):
            probe = ReadinessProbe("run-1", address, path, https=https, headers=headers, timeout=0.2)
            assert await probe_passes(session, probe) in (True, False)


async def test_of_many_pods_a_few_are_probed_at_once_and_all_in_the_end(app: StartingApp) -> None:
    many = [ProbedPod((f"10.0.0.{n}",), (ReadinessProbe(f"run-{n}", Address(f"10.0.0.{n}", 8080)),)) for n in range(9)]
    app.results = {probe: [False] for pod in many for probe in pod.probes}
    app.become(*many)
    await app.probes(readiness.PODS_AT_ONCE * 100)
    assert set(app.probed) == {probe for pod in many for probe in pod.probes}


async def test_a_probe_is_sent_as_the_user_wrote_it(pod: Any) -> None:
    address, received = pod
    headers = (("Host", "shop.example.org"), ("X-Deep", "1"))
    async with aiohttp.ClientSession() as session:
        assert await probe_passes(session, ReadinessProbe("run-1", address, "/a%20b?deep=1", headers=headers))
    assert received[0].raw_path == "/a%20b?deep=1"
    assert (received[0].host, received[0].headers["X-Deep"]) == ("shop.example.org", "1")
    assert received[0].headers["User-Agent"].startswith("kube-probe/")
