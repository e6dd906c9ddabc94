import asyncio
from contextlib import suppress

import pytest

from tests.web.conftest import APP, HOST, PortUnderTest, until
from waker import names
from waker.web import connections

HEAD = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()


class Link:
    """A connection as `Connections` sees it."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


def test_who_brings_no_request_in_time_is_closed() -> None:
    watched, silent = connections.Connections(), Link()
    for _ in range(connections.PATIENCE):
        watched.close_silent([silent])
    assert not silent.closed
    watched.close_silent([silent])
    assert silent.closed


async def test_who_has_asked_may_rest(stand: PortUnderTest) -> None:
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(HEAD + b"User-Agent: kube-probe/1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(connections.PATIENCE * 2):
        stand.port.connections.close_silent(stand.connections())
    writer.write(HEAD + b"User-Agent: kube-probe/1\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"", b"G", HEAD + b"X-Slow: "], ids=["nothing", "a letter", "half a head"])
async def test_half_a_head_is_no_request(stand: PortUnderTest, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(sent)
    await until(lambda: len(stand.connections()) == 1)
    for _ in range(connections.PATIENCE + 1):
        stand.port.connections.close_silent(stand.connections())
    with suppress(ConnectionResetError):  # what was sent and not read
        assert await reader.read() == b""
    writer.close()
    assert not stand.connections()
    assert not stand.apps.found


async def test_those_who_have_gone_are_forgotten(stand: PortUnderTest) -> None:
    async with stand.client.head("/") as answer:
        assert answer.status == 503
    stand.port.connections.close_silent([])
    assert not stand.port.connections._active
    assert not stand.port.connections._silent


async def test_beyond_the_most_connections_the_answer_is_503_at_once(
    stand: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 1)
    stand.port.connections.close_silent([Link(), Link()])
    async with stand.client.get("/") as answer:
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
    assert not stand.apps.found
    stand.port.connections.close_silent([Link()])
    async with stand.client.post("/", data=b"x") as answer:
        assert answer.content_type == "application/problem+json"
    assert stand.apps.knocks == [APP]


@pytest.mark.parametrize("size", [connections.LONGEST_HEADER * 2, connections.LONGEST_HEADER * 40])
async def test_a_header_beyond_all_bounds_is_refused(stand: PortUnderTest, size: int) -> None:
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(HEAD + b"X-Long: " + b"x" * size + b"\r\n\r\n")
    with suppress(ConnectionError):  # refused before all was sent
        assert (await reader.readline()).split(b" ")[1] in (b"400", b"431")
    writer.close()
    assert not stand.apps.found
