"""How much a connection reads at once: little, but for a few whose body is being forwarded."""

import asyncio
import io
import socket
from typing import Any

import pytest
from aiohttp import web

from tests.web.conftest import PortUnderTest, until
from waker.web import heads, server


def reads_at_once(connection: Any) -> int:
    return len(connection.get_buffer(-1))


def receive_buffer(connection: Any) -> int:
    return int(connection.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))


@pytest.mark.usefixtures("app_is_open")
async def test_only_a_few_connections_read_much_and_only_while_their_body_is_forwarded(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_WIDE", 2)
    wide, buffer = server.WIDE, 50_000
    monkeypatch.setattr(server, "WIDE", buffer)
    go_on = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await go_on.wait()
        return web.Response(text=str(len(await request.read())))

    await rig.upstream(slow)
    async with rig.client.get("/", headers={"X-Kubesleeper": "poll"}):
        (connection,) = rig.connections()
    assert reads_at_once(connection) == heads.READ_AT_ONCE
    pending = [asyncio.create_task(rig.client.put("/", data=io.BytesIO(b"x" * 3_000_000))) for _ in range(3)]
    await until(lambda: len(rig.connections()) == 3 and rig.apps.in_flight == 3)
    await until(lambda: sorted(map(reads_at_once, rig.connections()))[1:] == [wide] * 2)
    assert sorted(map(reads_at_once, rig.connections()))[0] == heads.READ_AT_ONCE
    assert list(map(receive_buffer, rig.connections())).count(2 * buffer) == 2, "Linux doubles it"
    go_on.set()
    for each in pending:
        async with await each as answer:
            assert await answer.text() == "3000000"
    await until(lambda: set(map(reads_at_once, rig.connections())) == {heads.READ_AT_ONCE})
    assert 2 * buffer not in map(receive_buffer, rig.connections())


@pytest.mark.usefixtures("app_is_open")
async def test_a_visitor_who_leaves_makes_room_for_another_to_be_read_fast(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_WIDE", 1)

    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    await rig.upstream(never)
    for _ in range(2):
        pending = asyncio.create_task(rig.client.put("/", data=io.BytesIO(b"x" * 3_000_000)))
        await until(lambda: [reads_at_once(each) for each in rig.connections()] == [server.WIDE])
        pending.cancel()
        await until(lambda: not rig.connections())
