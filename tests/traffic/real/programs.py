"""Real proxies, started for a test on the loopback, and an app behind them. Tests wait by asking again, not by a clock."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.fetch import fetch
from waker.traffic.ledger import Scrape

STARTS_WITHIN = SHOWN_WITHIN = 30  # seconds; a program on a cold disk starts slowly


def program(name: str) -> str:
    """Where a program is, "" if it is not on this machine. Skipper's is built by `build-skipper` beside this file."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "kubesleeper"
    return shutil.which(name) or shutil.which(name, path="/usr/sbin") or shutil.which(name, path=str(cache)) or ""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def echo(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    async for message in answer:
        await answer.send_str(message.data)
    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    """A download that goes on until the client leaves."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"first\n")
    await asyncio.Event().wait()
    return answer


@asynccontextmanager
async def app() -> AsyncIterator[int]:
    """The port of a small web app: `/`, `/ws`, `/endless`."""
    routes = [web.get("/", hello), web.get("/ws", echo), web.get("/endless", endless)]
    application = web.Application()
    application.add_routes(routes)
    async with TestServer(application, shutdown_timeout=0) as server:
        yield server.port or 0


@dataclass
class Proxy:
    """A running proxy: requests go to `port`; it is scraped as waker does."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    adapter: Adapter
    pod: Pod
    port: int

    async def scrape(self, *keys: SeriesKey) -> Scrape:
        """Scrape it now."""
        return (await fetch(self.session, self.adapter, self.pod, frozenset(keys)))[0]

    async def until(self, seen: Callable[[Scrape], bool], *keys: SeriesKey) -> Scrape:
        """The first scrape for which `seen` is true."""
        async with asyncio.timeout(SHOWN_WITHIN):
            while not seen(scrape := await self.scrape(*keys)):
                pass
            return scrape

    async def get(self, path: str = "/", host: str = "shop.example.org", method: str = "GET") -> int:
        """The status of one request."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, headers={"Host": host}) as answer:
            await answer.read()
            return answer.status

    def websocket(self) -> aiohttp.client._WSRequestContextManager:
        return self.session.ws_connect(f"http://127.0.0.1:{self.port}/ws", headers={"Host": "shop.example.org"})

    async def started(self) -> None:
        """Wait until it can be scraped, and takes requests."""
        async with asyncio.timeout(STARTS_WITHIN):
            while True:
                try:
                    await self.scrape()
                    await self.get()
                except (ScrapeError, aiohttp.ClientError):
                    await asyncio.sleep(0)
                    continue
                return


@asynccontextmanager
async def running(command: list[str], adapter: Adapter, pod: Pod, port: int) -> AsyncIterator[Proxy]:
    """Start a proxy, and end it."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as session:
            proxy = Proxy(process, session, adapter, pod, port)
            await proxy.started()
            yield proxy
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
