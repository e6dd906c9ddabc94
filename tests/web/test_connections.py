import asyncio
from contextlib import suppress

import pytest

from tests.web.conftest import APP, HOST, PortUnderTest, until
from waker import names
from waker.web import connections

HEAD = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()


class FakeConnection:
    """A connection as `Connections` sees it."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


def test_a_connection_that_sends_no_request_in_time_is_closed() -> None:
    watched, silent = connections.Connections(), FakeConnection()
    for _ in range(connections.FIRST_REQUEST_TIMEOUT):
        watched.close_silent([silent])
    assert not silent.closed
    watched.close_silent([silent])
    assert silent.closed


async def test_a_connection_may_be_idle_after_its_first_request(rig: PortUnderTest) -> None:
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(HEAD + b"User-Agent: kube-probe/1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(connections.FIRST_REQUEST_TIMEOUT * 2):
        rig.port.connections.close_silent(rig.connections())
    writer.write(HEAD + b"User-Agent: kube-probe/1\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"", b"G", HEAD + b"X-Slow: "], ids=["nothing", "a letter", "half a head"])
async def test_half_a_head_is_not_a_request(rig: PortUnderTest, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(sent)
    await until(lambda: len(rig.connections()) == 1)
    for _ in range(connections.FIRST_REQUEST_TIMEOUT + 1):
        rig.port.connections.close_silent(rig.connections())
    with suppress(ConnectionResetError):  # what was sent and not read
        assert await reader.read() == b""
    writer.close()
    assert not rig.connections()
    assert not rig.apps.lookups


async def test_closed_connections_are_forgotten(rig: PortUnderTest) -> None:
    async with rig.client.head("/") as answer:
        assert answer.status == 503
    rig.port.connections.close_silent([])
    assert not rig.port.connections._active
    assert not rig.port.connections._silent


async def test_beyond_the_limit_of_connections_the_answer_is_503_at_once(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    rig.port.connections.close_silent([FakeConnection(), FakeConnection()])
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
    assert not rig.apps.lookups
    rig.port.connections.close_silent([FakeConnection()])
    async with rig.client.post("/", data=b"x") as answer:
        assert answer.content_type == "application/problem+json"
    assert rig.apps.knocks == [APP]


@pytest.mark.parametrize("size", [connections.LONGEST_HEADER * 2, connections.LONGEST_HEADER * 40])
async def test_a_header_that_is_too_long_is_refused(rig: PortUnderTest, size: int) -> None:
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(HEAD + b"X-Long: " + b"x" * size + b"\r\n\r\n")
    with suppress(ConnectionError):  # refused before all was sent
        assert (await reader.readline()).split(b" ")[1] in (b"400", b"431")
    writer.close()
    assert not rig.apps.lookups
