"""Answers to what is no proper HTTP: they name no library and repeat nothing, on both ports."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from tests.web.conftest import HOST, PortUnderTest, serve
from waker.metrics import Metrics
from waker.plan.model import Address
from waker.web import private_port

SECRET = b"s3cr3t"  # a part of each request that no answer and no log line may repeat
HEAD = b"GET /%s HTTP/1.1\r\nHost: %s\r\n" % (SECRET, HOST.encode())
TLS_CLIENT_HELLO = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + SECRET * 20

BROKEN = {
    "garbage": SECRET + b"\r\n\r\n",
    "binary garbage": b"\x00\xff" + SECRET + b"\r\n\r\n",
    "a method that is no word": b"G{%s} / HTTP/1.1\r\n\r\n" % SECRET,
    "a header of 100 kB": HEAD + b"X-Long: " + SECRET + b"x" * 100_000 + b"\r\n\r\n",
    "a target of 100 kB": b"GET /%s HTTP/1.1\r\n\r\n" % (SECRET * 20_000),
    "a thousand headers": HEAD + b"".join(b"X-%d: %s\r\n" % (each, SECRET) for each in range(1000)) + b"\r\n",
    "a header without a colon": HEAD + SECRET + b"\r\n\r\n",
    "a header with a NUL": HEAD + b"X-Zero: \x00" + SECRET + b"\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % SECRET,
    "a bad Content-Length": HEAD + b"Content-Length: " + SECRET + b"\r\n\r\n",
    "two Content-Lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "both kinds of length": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/0.9": b"GET /" + SECRET + b"\r\n\r\n",
    "HTTP/3": b"GET /%s HTTP/3.0\r\n\r\n" % SECRET,
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS ClientHello": TLS_CLIENT_HELLO + b"\r\n\r\n",
    "an Expect that nobody knows, at no path": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: %s\r\n\r\n" % SECRET,
    "an Expect that nobody knows": HEAD + b"Expect: " + SECRET + b"\r\n\r\n",
    "CONNECT": b"CONNECT %s:443 HTTP/1.1\r\nHost: x\r\n\r\n" % SECRET,
    "a method that nobody has": b"%s /apps HTTP/1.1\r\nHost: x\r\n\r\n" % SECRET.upper(),
    "no such path": HEAD + b"\r\n",
    "a bad handshake of a WebSocket": HEAD
    + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n" % SECRET
    + b"Sec-WebSocket-Version: 1\r\nSec-WebSocket-Protocol: kubesleeper.page\r\n\r\n",
    "a broken request behind a good one": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + SECRET + b"\r\n\r\n",
}


@pytest.fixture(params=["public port", "private port"])
async def port(request: pytest.FixtureRequest, rig: PortUnderTest) -> AsyncIterator[Address]:
    async with AsyncExitStack() as stack:
        application = private_port.private_port(Metrics("test"), private_port.ServiceReports())
        private = await serve(stack, private_port.runner(application))
        yield rig.address if request.param == "public port" else private


async def answer_to(port: Address, sent: bytes) -> bytes:
    """All that comes back until the connection is closed, or until nothing more comes."""
    reader, writer = await asyncio.open_connection(*port)
    received = b""
    with suppress(ConnectionError):  # refused before all was sent
        writer.write(sent)
        await writer.drain()
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(0.5):
            while more := await reader.read(65536):
                received += more
    writer.close()
    return received


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
async def test_no_answer_names_the_library_or_repeats_the_request(
    port: Address, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await answer_to(port, sent)
    assert answer.startswith(b"HTTP/")
    for word in (SECRET.lower(), b"server:", b"aiohttp", b"python", b"traceback"):
        assert word not in answer.lower()
    assert len(answer) < 2000
    assert SECRET.decode() not in caplog.text.lower()


@pytest.mark.parametrize("sent", [BROKEN["garbage"], BROKEN["a TLS ClientHello"], BROKEN["a header with a NUL"]])
async def test_a_request_that_cannot_be_parsed_is_answered_in_three_words(port: Address, sent: bytes) -> None:
    head, _, body = (await answer_to(port, sent)).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.0 400 Bad Request\r\n", b"HTTP/1.1 400 Bad Request\r\n"))
    assert body == b"400 Bad Request\n"


async def test_a_handler_of_the_private_port_that_fails_shows_nothing() -> None:
    def fail() -> list[str]:
        raise ValueError(SECRET.decode())

    async with AsyncExitStack() as stack:
        address = await serve(
            stack, private_port.runner(private_port.private_port(Metrics("test"), private_port.ServiceReports(fail)))
        )
        answer = await answer_to(address, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n500 Internal Server Error\n")
    assert b"server:" not in answer.lower()


async def test_the_private_port_names_no_server() -> None:
    async with AsyncExitStack() as stack:
        address = await serve(
            stack, private_port.runner(private_port.private_port(Metrics("test"), private_port.ServiceReports()))
        )
        for path in (b"/healthz", b"/readyz", b"/metrics", b"/apps", b"/apps/demo/Deployment/shop"):
            answer = await answer_to(address, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
            assert answer.startswith(b"HTTP/1.1 ")
            assert b"server:" not in answer.lower()
