"""Asking starting pods: how often, what counts as a yes, and when a yes is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from waker.cluster import readiness
from waker.cluster.readiness import LAST, ProbedPod, ReadinessProber, pause, probe_passes
from waker.plan.model import Address
from waker.plan.readiness_probes import ReadinessProbe

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CHECK = ReadinessProbe("run-1", Address("10.0.0.7", 8080), "/healthz")
POD = ProbedPod(("10.0.0.7",), (CHECK,))


class StartingApp:
    """Pods that answer as told, and who is asked how often."""

    def __init__(self) -> None:
        self.pods: list[ProbedPod] = []
        self.answers: dict[ReadinessProbe, list[bool]] = {}
        self.asks: list[ReadinessProbe] = []
        self.told = asyncio.Event()
        self.now = NOW
        self.checking = ReadinessProber(lambda: self.pods, self.told.set, self._passes, lambda: self.now)

    async def _passes(self, check: ReadinessProbe) -> bool:
        self.asks.append(check)
        left = self.answers.get(check, [True])
        return left.pop(0) if len(left) > 1 else left[0]

    def become(self, *pods: ProbedPod) -> None:
        """Kubernetes tells something new."""
        self.pods = list(pods)
        self.checking.pods_changed()

    async def asked(self, times: int) -> None:
        """Until that many asks were made."""
        async with asyncio.timeout(5):
            while len(self.asks) < times:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)

    async def tells(self) -> frozenset[str]:
        """Until one more answers."""
        async with asyncio.timeout(5):
            await self.told.wait()
        self.told.clear()
        return self.checking.ready_hosts()


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StartingApp]:
    """Asked without a pause."""
    monkeypatch.setattr(readiness, "pause", lambda *_: 0.0)
    found = StartingApp()
    task = asyncio.create_task(found.checking.run())
    yield found
    task.cancel()


async def test_it_is_asked_until_it_says_yes_and_then_no_more(app: StartingApp) -> None:
    app.answers[CHECK] = [False, False, True]
    app.become(POD)
    assert await app.tells() == {"10.0.0.7"}
    await asyncio.sleep(0.01)
    assert len(app.asks) == 3


async def test_it_has_to_say_yes_as_often_in_a_row_as_its_user_wants(app: StartingApp) -> None:
    check = ReadinessProbe("run-1", Address("10.0.0.7", 8080), "/healthz", successes=2)
    app.answers[check] = [True, False, True, True]
    app.become(ProbedPod(("10.0.0.7",), (check,)))
    await app.tells()
    assert app.asks.count(check) == 4


async def test_all_its_containers_have_to_say_yes(app: StartingApp) -> None:
    other = ReadinessProbe("run-2", Address("10.0.0.7", 9000))
    app.answers[other] = [False]
    app.become(ProbedPod(("10.0.0.7",), (CHECK, other)))
    await app.asked(6)
    assert app.checking.ready_hosts() == set()
    app.answers[other] = [True]
    assert await app.tells() == {"10.0.0.7"}


async def test_it_is_not_asked_before_its_user_wants(app: StartingApp) -> None:
    app.become(
        ProbedPod(
            ("10.0.0.7",), (ReadinessProbe("run-1", Address("10.0.0.7", 8080), after=NOW + timedelta(seconds=3)),)
        )
    )
    await asyncio.sleep(0.01)
    assert app.asks == []
    app.now += timedelta(seconds=3)
    assert await app.tells() == {"10.0.0.7"}


async def test_a_yes_holds_when_kubernetes_says_so_too(app: StartingApp) -> None:
    app.become(POD)
    await app.tells()
    app.become(ProbedPod(("10.0.0.7",), ready=True))
    assert app.checking.ready_hosts() == {"10.0.0.7"}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([], id="it is gone"),
        pytest.param([ProbedPod(("10.0.0.7",))], id="it does not run any more"),
        pytest.param(
            [ProbedPod(("10.0.0.7",), (ReadinessProbe("run-2", CHECK.address, "/healthz"),))], id="it began again"
        ),
    ],
)
async def test_a_yes_is_over(app: StartingApp, after: list[ProbedPod]) -> None:
    app.become(POD)
    await app.tells()
    app.answers = {check: [False] for pod in after for check in pod.probes}
    app.become(*after)
    assert app.checking.ready_hosts() == set()


async def test_who_was_ready_and_is_not_any_more_has_to_say_it_again(app: StartingApp) -> None:
    app.become(POD)
    await app.tells()
    app.become(ProbedPod(("10.0.0.7",), ready=True))
    app.answers[CHECK] = [False]
    app.become(POD)
    await app.asked(3)
    assert app.checking.ready_hosts() == set()


def test_who_starts_for_long_is_asked_less_often() -> None:
    assert pause(0.1) == pytest.approx(0.03)
    assert pause(10) == pytest.approx(0.5)
    assert pause(3600) == LAST


def test_many_that_start_at_once_cost_no_more_than_a_few() -> None:
    assert pause(0.1, crowd=readiness.FEW) == pytest.approx(0.03)
    assert pause(0.1, crowd=1000) == pytest.approx(6)
    assert pause(3600, crowd=1000) == pytest.approx(6)


# --- one try, over real sockets ---------------------------------------------------------------------------------------


@pytest.fixture
async def pod(unused_tcp_port_factory: Any) -> AsyncIterator[tuple[Address, list[web.Request]]]:
    """A pod that answers as its path says."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        if request.path == "/slow":
            await asyncio.sleep(5)
        return web.Response(status=int(request.path[1:]) if request.path[1:].isdigit() else 200)

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = unused_tcp_port_factory()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Address("127.0.0.1", port), seen
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "yes"),
    [("/200", True), ("/204", True), ("/302", False), ("/404", False), ("/503", False), ("/slow", False), (None, True)],
)
async def test_what_counts_as_a_yes(pod: Any, path: str | None, yes: bool) -> None:
    address, _ = pod
    async with aiohttp.ClientSession() as session:
        assert (
            await probe_passes(session, ReadinessProbe("run-1", address, path, timeout=0.1 if path == "/slow" else 1))
            is yes
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
async def test_what_a_user_writes_never_ends_the_process(pod: Any, path: str, headers: Any) -> None:
    address, _ = pod
    async with aiohttp.ClientSession() as session:
        for https in (False, True):
            check = ReadinessProbe("run-1", address, path, https=https, headers=headers, timeout=0.2)
            assert await probe_passes(session, check) in (True, False)


async def test_of_many_pods_a_few_are_asked_at_once_and_all_in_the_end(app: StartingApp) -> None:
    many = [ProbedPod((f"10.0.0.{n}",), (ReadinessProbe(f"run-{n}", Address(f"10.0.0.{n}", 8080)),)) for n in range(9)]
    app.answers = {check: [False] for pod in many for check in pod.probes}
    app.become(*many)
    await app.asked(readiness.AT_ONCE * 100)
    assert set(app.asks) == {check for pod in many for check in pod.probes}


async def test_it_asks_as_the_user_wrote_it(pod: Any) -> None:
    address, seen = pod
    headers = (("Host", "shop.example.org"), ("X-Deep", "1"))
    async with aiohttp.ClientSession() as session:
        assert await probe_passes(session, ReadinessProbe("run-1", address, "/a%20b?deep=1", headers=headers))
    assert seen[0].raw_path == "/a%20b?deep=1"
    assert (seen[0].host, seen[0].headers["X-Deep"]) == ("shop.example.org", "1")
    assert seen[0].headers["User-Agent"].startswith("kube-probe/")
