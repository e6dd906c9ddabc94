"""Ownership checks leave no connection behind: waker forwards with the same session, and addresses of pods are used again."""

import aiohttp
from aiohttp import web

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import HttpTarget
from waker.traffic.ownership import Owner, check_owner
from waker.web import forward

TARGET = HttpTarget("shop.example.com", "/")


async def test_each_check_has_a_connection_of_its_own() -> None:
    asked: list[tuple[object, str]] = []

    async def controller(request: web.BaseRequest) -> web.Response:
        asked.append((request.transport, request.headers.get("Connection", "")))
        return web.Response(headers={names.MARKER: names.MARK_PAGE})

    runner = web.ServerRunner(web.Server(controller))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pod = Address("127.0.0.1", runner.addresses[0][1])
    async with forward.client() as session:
        for _ in range(2):
            assert await check_owner(session, pod, TARGET) is Owner.WAKER
        assert kept(session) == 0
    await runner.cleanup()
    assert [header for _, header in asked] == ["close", "close"]
    assert asked[0][0] is not asked[1][0]


def kept(session: aiohttp.ClientSession) -> int:
    """How many connections wait for a further request."""
    assert session.connector is not None
    return sum(len(each) for each in session.connector._conns.values())
