"""The head of a request: how long it may be and take, whatever pieces it arrives in, on both ports."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from typing import Any, cast

import pytest
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.conftest import HOST, PortUnderTest, serve
from waker.metrics import Metrics
from waker.plan.model import Address
from waker.web import heads, private_port

LINE = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n".encode()
GET, END = LINE + b"\r\n", b"\r\n"
POST = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\n".encode()
CHUNKED = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


class Timer:
    """A timer that a test ends."""

    def __init__(self, loop: "LoopOfTimers") -> None:
        self._loop = loop

    def cancel(self) -> None:
        self._loop.running.remove(self)


class LoopOfTimers:
    """An event loop, as far as `heads` knows it: it has timers, and never lets one go off."""

    def __init__(self) -> None:
        self.running: list[Timer] = []

    def call_later(self, _delay: float, _callback: Callable[[], object]) -> Timer:
        self.running.append(Timer(self))
        return self.running[-1]


class QuietProtocol:
    """A connection whose body nobody has to stop."""

    _reading_paused = False

    def pause_reading(self) -> None: ...
    def resume_reading(self, **_: bool) -> None: ...


class ParserScene:
    """The bounded parser before the library's own, and what it was fed."""

    def __init__(self, begun: heads.BegunHeads | None = None) -> None:
        self.timers = LoopOfTimers()
        loop, protocol = cast("Any", self.timers), cast("Any", QuietProtocol())
        parser = HttpRequestParser(
            protocol, loop, 2**16, max_line_size=heads.LONGEST_HEAD, max_field_size=heads.LONGEST_HEAD
        )
        self.bounded = heads.BoundedParser(parser, protocol, begun or heads.BegunHeads(), lambda: None, loop)
        self.fed = 0

    def feed(self, data: bytes) -> list[Any]:
        """The messages, each as its method or as the status of its error. An error drops what comes later."""
        found = []
        for start in range(0, len(data) or 1, heads.READ_AT_ONCE):
            piece = data[start : start + heads.READ_AT_ONCE]
            messages, _, _ = self.bounded.feed_data(piece)
            found += [message.method if hasattr(message, "method") else message.status for message, _ in messages]
            self.fed += 0 if self.bounded.refused else len(piece)
        return found

    @property
    def is_timed(self) -> bool:
        return bool(self.timers.running)


def long_head(size: int, fields: int = 30) -> bytes:
    """A head of exactly so many bytes."""
    left = size - len(GET) - fields * len("X-00: \r\n")
    sizes = [left // fields] * (fields - 1) + [left - left // fields * (fields - 1)]
    return LINE + b"".join(b"X-%02d: %s\r\n" % (n, b"x" * length) for n, length in enumerate(sizes)) + END


@settings(max_examples=60, deadline=None)
@given(st.integers(1000, 2 * heads.LONGEST_HEAD), st.integers(3, 90), st.lists(st.integers(1, 30_000), max_size=20))
def test_a_head_is_refused_when_it_is_too_long_whatever_pieces_it_comes_in(
    size: int, fields: int, pieces: list[int]
) -> None:
    scene, head, found = ParserScene(), long_head(size, fields), []
    assert len(head) == size
    for piece in pieces:
        found += scene.feed(head[:piece]) if head else []
        head = head[piece:]
    found += scene.feed(head) if head else []
    assert found == (["GET"] if size <= heads.LONGEST_HEAD else [431])
    assert scene.fed <= heads.LONGEST_HEAD + heads.READ_AT_ONCE


@pytest.mark.parametrize(
    "before", [GET, POST + b"abc", CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"], ids=["get", "post", "chunked"]
)
def test_every_head_of_a_connection_has_the_same_limit(before: bytes) -> None:
    scene = ParserScene()
    for _ in range(3):
        assert len(scene.feed(before)) == 1
        assert scene.feed(long_head(heads.LONGEST_HEAD)) == ["GET"]
    assert len(scene.feed(before)) == 1
    assert scene.feed(long_head(heads.LONGEST_HEAD + 1)) == [431]
    assert scene.feed(GET) == [], "nothing behind it is parsed"


def test_incomplete_heads_of_all_connections_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MOST_BEGUN", 3 * 20_000 + 2 * heads.READ_AT_ONCE)
    begun, half = heads.BegunHeads(), long_head(40_000)[:20_000]
    scenes = [ParserScene(begun) for _ in range(5)]
    assert [scene.feed(half) for scene in scenes] == [[], [], [], [431], [431]]
    assert ParserScene(begun).feed(GET) == ["GET"], "what arrives whole does not count"
    assert scenes[0].feed(long_head(40_000)[20_000:]) == ["GET"]
    for each in scenes:
        each.bounded.stop()
    assert begun.size == 0


def test_a_body_does_not_count_as_head() -> None:
    scene = ParserScene()
    body = b"x" * (4 * heads.LONGEST_HEAD)
    scene.feed(LINE.replace(b"GET", b"PUT") + b"Content-Length: %d\r\n\r\n" % len(body))
    assert scene.feed(body) == []
    assert scene.feed(GET) == ["GET"]


@pytest.mark.parametrize(
    ("sent", "timed"),
    [
        pytest.param([], True, id="a new connection"),
        pytest.param([b"G"], True, id="one letter"),
        pytest.param([GET], False, id="a whole head"),
        pytest.param([GET[:-1], GET[-1:]], False, id="a whole head in two pieces"),
        pytest.param([POST], False, id="a body is expected"),
        pytest.param([POST, b"abc"], False, id="idle after a body"),
        pytest.param([POST + b"abc"], False, id="idle after a head and body in one piece"),
        pytest.param([CHUNKED, b"3\r\nabc\r\n0\r\n\r\n"], False, id="idle after chunks"),
        pytest.param([GET, b"G"], True, id="the second head has begun"),
        pytest.param([GET + b"GET / HT"], True, id="the second head has begun right behind the first"),
        pytest.param([POST, b"abc", b"G"], True, id="the head behind a body has begun"),
        pytest.param([GET, GET[:9], GET[9:]], False, id="the second head is whole"),
        pytest.param([GET + GET], False, id="two heads at once"),
        pytest.param([b"\x16\x03\x01 no HTTP\r\n\r\n"], False, id="refused"),
    ],
)
def test_time_runs_while_a_head_is_expected_or_incomplete(sent: Iterable[bytes], timed: bool) -> None:
    scene = ParserScene()
    for each in sent:
        scene.feed(each)
    assert scene.is_timed == timed
    scene.bounded.stop()
    assert not scene.is_timed


@pytest.fixture(params=["public port", "private port"])
async def either_port(request: pytest.FixtureRequest, rig: PortUnderTest) -> AsyncIterator[Address]:
    async with AsyncExitStack() as stack:
        application = private_port.private_port(Metrics("test"), private_port.ServiceReports())
        private = await serve(stack, private_port.runner(application))
        yield rig.address if request.param == "public port" else private


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.read()


@pytest.mark.parametrize("size", [heads.LONGEST_HEAD + 1, 40 * heads.LONGEST_HEAD])
async def test_a_head_that_is_too_long_is_answered_431(either_port: Address, size: int) -> None:
    reader, writer = await asyncio.open_connection(*either_port)
    writer.write(long_head(size, 100))
    head, _, body = (await reader.readuntil(b"Large\n")).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.0 431 Request Header Fields Too Large\r\n", b"HTTP/1.1 431 "))
    assert body == b"431 Request Header Fields Too Large\n"
    writer.close()


@pytest.mark.parametrize(
    ("size", "kept"),
    [(1000, True), (heads.READ_AT_ONCE, True), (heads.READ_AT_ONCE + 1, False), (heads.LONGEST_HEAD, False)],
)
async def test_a_long_head_is_answered_and_is_the_last_of_its_connection(
    either_port: Address, size: int, kept: bool
) -> None:
    """The library keeps the last head of an idle connection."""
    reader, writer = await asyncio.open_connection(*either_port)
    for _ in range(2 if kept else 1):
        writer.write(long_head(size))
        answer = await reader.readuntil(b"\r\n\r\n")
        assert not answer.startswith(b"HTTP/1.1 4")
        assert (b"connection: close" not in answer.lower()) == kept
        await asyncio.sleep(0)
        reader._buffer.clear()  # type: ignore[attr-defined]  # the body
    if not kept:
        await read_to_the_end(reader)
    writer.close()


@pytest.mark.parametrize("sent", [b"", b"G", LINE + b"X-Slow: "], ids=["nothing", "a letter", "half a head"])
async def test_a_connection_that_brings_no_head_in_time_is_closed(
    either_port: Address, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "HEAD_TIMEOUT", 0.05)
    reader, writer = await asyncio.open_connection(*either_port)
    writer.write(sent)
    with suppress(ConnectionResetError):  # what was sent and not read
        assert await read_to_the_end(reader) == b""
    writer.close()


async def test_a_second_head_that_does_not_end_in_time_closes_the_connection(
    either_port: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = await asyncio.open_connection(*either_port)
    writer.write(GET)
    await reader.readuntil(b"\r\n\r\n")
    monkeypatch.setattr(heads, "HEAD_TIMEOUT", 0.05)
    writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
    assert b"HTTP/" not in await read_to_the_end(reader)
    writer.close()
