"""A scripted house, a real server in front of it and a real client, all on port 0."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from waker.metrics import Metrics
from waker.plan.model import Address, AppId, Kind, Phase
from waker.plan.routes.route import Backend
from waker.settings.live import Live
from waker.web import forward
from waker.web.apps import View
from waker.web.connections import runner
from waker.web.page import WaitingPage
from waker.web.public_port import PublicPort, public_port

APP = AppId(Kind.DEPLOYMENT, "demo", "shop")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASLEEP = View(APP, Phase.ASLEEP, "The shop", Backend("shop", 80))
HOST = "shop.example.com"
WAIT_HOST = "wait.example.com"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeApps:
    """Apps with one app, that does as told. `ways` are given one after the other; the last one for ever."""

    view: View | None = ASLEEP
    ways: list[Address | None] = field(default_factory=lambda: [None])
    knocks: list[AppId] = field(default_factory=list)
    looks: list[AppId] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # set it to tell news
    waits: list[timedelta] = field(default_factory=list)
    found: list[tuple[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None  # the way opens when it is set
    waiting: asyncio.Event = field(default_factory=asyncio.Event)  # set as soon as somebody waits
    carried: int = 0
    most_carried: int = 0

    def find(self, host: str, path: str) -> View | None:
        self.found.append((host, path))
        return self.view if host == HOST else None

    def serves_host(self, host: str) -> bool:
        return bool(self.view) and host == HOST

    def knock(self, app: AppId) -> None:
        self.knocks.append(app)

    def page_viewed(self, app: AppId) -> None:
        self.looks.append(app)

    async def wait_for_change(self, app: AppId, within: timedelta) -> None:
        await self.changed.wait()
        self.changed.clear()

    async def wait_for_address(self, view: View, within: timedelta, *, knocking: bool = False) -> Address | None:
        self.waits.append(within)
        self.waiting.set()
        if self.gate and within:
            await self.gate.wait()
        return self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]

    @contextmanager
    def passing(self, app: AppId) -> Iterator[None]:
        self.carried += 1
        self.most_carried = max(self.carried, self.most_carried)
        try:
            yield
        finally:
            self.carried -= 1

    def is_(self, phase: Phase, **more: object) -> None:
        self.view = replace(ASLEEP, phase=phase, **more)  # type: ignore[arg-type]


@dataclass
class PortUnderTest:
    """Everything together. `client` speaks to the public port as `HOST`."""

    apps: FakeApps
    port: PublicPort
    client: aiohttp.ClientSession
    upstream: Callable[[Handler], Awaitable[Address]]
    address: Address
    connections: Callable[[], list[Any]]  # of the public port


async def until(true: Callable[[], object]) -> None:
    """Let the loop turn until something that has no event of its own is so."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def serve(stack: AsyncExitStack, app_runner: web.AppRunner) -> Address:
    await app_runner.setup()
    stack.push_async_callback(app_runner.cleanup)
    site = web.TCPSite(app_runner, "127.0.0.1", 0)
    await site.start()
    return Address("127.0.0.1", app_runner.addresses[0][1])


@pytest.fixture
async def stand() -> AsyncIterator[PortUnderTest]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(forward.client())
        house = FakeApps()
        door = PublicPort(house, PAGE, session, Metrics("test"), live=lambda: LIVE, clock=lambda: NOW)

        async def upstream(handler: Handler) -> Address:
            app = web.Application(client_max_size=2**30)
            app.router.add_route("*", "/{tail:.*}", handler)
            address = await serve(
                stack, web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=0.1)
            )
            house.ways = [address]
            return address

        public = runner(public_port(door))
        address = await serve(stack, public)
        client = await stack.enter_async_context(
            aiohttp.ClientSession(
                f"http://127.0.0.1:{address.port}", headers={"Host": HOST}, auto_decompress=False,
                timeout=aiohttp.ClientTimeout(20),
            )
        )  # fmt: skip
        yield PortUnderTest(
            house, door, client, upstream, address, lambda: public.server.connections if public.server else []
        )


PAGE = WaitingPage()
LIVE = Live(wait_host=WAIT_HOST)
