"""The public port on a real socket, with a real client before it, scripted apps behind it and pods on real sockets."""

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
from waker.plan.doors import DoorKey, port_name
from waker.plan.model import Address, AppId, Kind, Phase
from waker.plan.routes.route import Backend
from waker.settings.configmap import Live
from waker.web import forward
from waker.web.apps import View
from waker.web.connections import runner
from waker.web.page import WaitingPage
from waker.web.public_port import PublicPort, public_port

APP = AppId(Kind.DEPLOYMENT, "demo", "shop")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASLEEP = View(APP, Phase.ASLEEP, "The shop", Backend("shop", 80))
DOOR = DoorKey(APP, Backend("shop", 80))
HOST = "shop.example.com"
WAIT_HOST = "wait.example.com"
LONGEST_PAGE = 15 * 1024  # bytes, see docs/page.md
BROWSER = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}  # its headers
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeApps:
    """`Apps` with one app, as the test sets it. `addresses` are given one after the other, the last one for ever."""

    app_view: View | None = ASLEEP
    open_door: bool = True
    decided: bool = True
    rule_hosts: frozenset[str] = frozenset({HOST})
    addresses: list[Address | None] = field(default_factory=lambda: [None])
    knocks: list[AppId] = field(default_factory=list)
    page_views: list[AppId] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # set it to report a change
    waits: list[timedelta] = field(default_factory=list)
    lookups: int = 0
    gate: asyncio.Event | None = None  # if there is one, no address is given before it is set
    waiting: asyncio.Event = field(default_factory=asyncio.Event)  # set as soon as somebody waits
    in_flight: int = 0
    most_in_flight: int = 0

    def view(self, app: AppId, backend: Backend) -> View | None:
        self.lookups += 1
        return self.app_view

    def is_decided(self, app: AppId) -> bool:
        return self.decided

    async def wait_until_decided(self, app: AppId, within: timedelta) -> bool:
        self.waits.append(within)
        self.waiting.set()
        if self.gate:
            await self.gate.wait()
            self.decided = True
        return self.decided

    def is_open(self, app: AppId, backend: Backend) -> bool:
        return self.open_door

    def hosts(self, app: AppId) -> frozenset[str]:
        return self.rule_hosts

    def knock(self, app: AppId, by: str = "") -> None:
        self.knocks.append(app)

    def page_viewed(self, app: AppId) -> None:
        self.page_views.append(app)

    async def wait_for_change(self, app: AppId, within: timedelta) -> None:
        await self.changed.wait()
        self.changed.clear()

    async def wait_for_address(self, view: View, within: timedelta, *, knocking: bool = False) -> Address | None:
        self.waits.append(within)
        self.waiting.set()
        if self.gate and within:
            await self.gate.wait()
        return self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]

    @contextmanager
    def forwarding(self, app: AppId, backend: Backend) -> Iterator[None]:
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    def set_phase(self, phase: Phase, **fields: object) -> None:
        """The app in this phase, with these fields of `View`."""
        self.app_view = replace(ASLEEP, phase=phase, **fields)  # type: ignore[arg-type]


@dataclass
class PortUnderTest:
    """The app's door and all around it. `client` asks there, `outside` at the public port; `upstream` starts the app's pod."""

    apps: FakeApps
    port: PublicPort
    client: aiohttp.ClientSession
    outside: aiohttp.ClientSession
    upstream: Callable[[Handler], Awaitable[Address]]
    address: Address
    connections: Callable[[], list[Any]]  # of the public port


def _with_line_breaks(app_handler: Handler) -> Any:
    """The library's router finds no route for a path with a line break."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (app_handler if "\n" in request.path else handler)(request)

    return answer


async def app_answer(request: web.Request) -> web.Response:
    """An app that answers what it was asked."""
    return web.Response(text=f"app: {request.method} {request.path_qs} {await request.text()}")


async def until(holds: Callable[[], object]) -> None:
    """Let the loop run until something holds that has no event of its own."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def serve(stack: AsyncExitStack, app_runner: web.AppRunner) -> Address:
    """Serve on port 0 until the stack is closed."""
    await app_runner.setup()
    stack.push_async_callback(app_runner.cleanup)
    site = web.TCPSite(app_runner, "127.0.0.1", 0)
    await site.start()
    return Address("127.0.0.1", app_runner.addresses[0][1])


@pytest.fixture
async def rig() -> AsyncIterator[PortUnderTest]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(forward.client())
        apps = FakeApps()
        port = PublicPort(
            apps, PAGE, session, Metrics("test"), live=lambda: LIVE, clock=lambda: NOW,
            door=lambda number: DOOR if number == address.port else None,
            door_named=lambda name: DOOR if name == port_name(DOOR) else None,
            proof=lambda number, nonce: f"{number} {nonce}",
        )  # fmt: skip

        async def upstream(handler: Handler) -> Address:
            app = web.Application(client_max_size=2**30, middlewares=[_with_line_breaks(handler)])
            app.router.add_route("*", "/{tail:.*}", handler)
            address = await serve(
                stack, web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=0.1)
            )
            apps.addresses = [address]
            return address

        public = runner(public_port(port))
        address = await serve(stack, public)
        second = web.TCPSite(public, "127.0.0.1", 0)
        await second.start()

        async def client_of(number: int) -> aiohttp.ClientSession:
            return await stack.enter_async_context(
                aiohttp.ClientSession(
                    f"http://127.0.0.1:{number}", headers={"Host": HOST}, auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(20),
                )
            )  # fmt: skip

        client, outside = await client_of(address.port), await client_of(public.addresses[1][1])
        yield PortUnderTest(
            apps, port, client, outside, upstream, address, lambda: public.server.connections if public.server else []
        )


@pytest.fixture
def app_is_open(rig: PortUnderTest) -> None:
    """Its app can be reached."""
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)


PAGE = WaitingPage()
LIVE = Live(wait_host=WAIT_HOST)
