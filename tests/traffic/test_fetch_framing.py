"""How a metrics page arrives: what may be cut short unnoticed, or cannot be read, is named, and never just fewer series."""

import asyncio
import gzip

import aiohttp
import pytest

from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import TRAEFIK
from waker.traffic.fetch import fetch
from waker.traffic.ledger import Scrape

KEY = ("team-a-shop-80@kubernetes",)
PAGE = b'traefik_service_requests_total{code="200",service="team-a-shop-80@kubernetes"} 7\n'
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)


async def scraped(head: str, body: bytes) -> Scrape:
    """What waker makes of these very bytes; then the connection is closed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, aiohttp.ClientSession() as session:
        port = server.sockets[0].getsockname()[1]
        pod = Pod("ingress", "t-1", "uid", "127.0.0.1", ready=True, ports={"metrics": port})
        scrape, _ = await fetch(session, TRAEFIK, pod, frozenset({KEY}))
        return scrape


TEXT = "Content-Type: text/plain; version=0.0.4"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(f"{TEXT}\r\nContent-Length: {len(PAGE)}", PAGE, id="with its length"),
        pytest.param(f"{TEXT}\r\nTransfer-Encoding: chunked", CHUNKED, id="in chunks"),
        pytest.param(f"{TEXT}; charset=utf-8\r\nConnection: close", PAGE + b"# EOF\n", id="it says that it is whole"),
        pytest.param(
            f"{TEXT}\r\nContent-Encoding: gzip\r\nConnection: close", gzip.compress(PAGE), id="gzip has an end"
        ),
        pytest.param(f"{TEXT}; charset=ISO-8859-1\r\nContent-Length: {len(PAGE)}", PAGE, id="letters as in ASCII"),
        pytest.param(f"Content-Length: {len(PAGE)}", PAGE, id="no type"),
    ],
)
async def test_a_page_that_is_read(head: str, body: bytes) -> None:
    found = await scraped(head, body)
    assert found.tallies[KEY].total == 7


@pytest.mark.parametrize(
    ("head", "body", "why"),
    [
        pytest.param(f"{TEXT}\r\nConnection: close", PAGE, "does not say how long", id="nobody knows whether it is whole"),
        pytest.param(f"{TEXT}\r\nConnection: close", PAGE[:-3], "malformed line", id="cut in a line"),
        pytest.param(f"{TEXT}\r\nContent-Length: 500", PAGE, "broke off its metrics page", id="shorter than it says"),
        pytest.param(f"{TEXT}\r\nTransfer-Encoding: chunked", CHUNKED[:-5], "broke off its metrics page", id="a chunk too few"),
        pytest.param(f"{TEXT}\r\nContent-Encoding: br\r\nContent-Length: 3", b"abc", "compressed as 'br'", id="Brotli"),
        pytest.param(
            "Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily\r\nContent-Length: 3",
            b"abc", "as protocol buffers", id="protocol buffers",
        ),
        pytest.param(f"{TEXT}; charset=utf-16\r\nContent-Length: 3", b"abc", "in the encoding 'utf-16'", id="UTF-16"),
        pytest.param(f"{TEXT}; charset*=utf-8''%00\r\nContent-Length: 3", b"abc", "in the encoding", id="no name"),
        pytest.param(f"{TEXT}; charset=x-odd\r\nContent-Length: 3", b"abc", "in the encoding 'x-odd'", id="an odd one"),
    ],
)  # fmt: skip
async def test_a_page_that_may_lack_something_is_named(head: str, body: bytes, why: str) -> None:
    with pytest.raises(ScrapeError, match=why):
        await scraped(head, body)
