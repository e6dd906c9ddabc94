"""What a scrape may cost: every limit ends in one sentence, whatever the pod sends, and the event loop stays free."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.traffic.fake_controller_pods import INTERVAL, traefik
from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic import exposition, fetch
from waker.traffic.controller_pod import FRESH_INTERVALS
from waker.traffic.controllers import TRAEFIK
from waker.traffic.ledger import Scrape
from waker.traffic.scrape import JITTER, jittered

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fetch = Callable[[Answer], Awaitable[Scrape]]
KEY = ("team-a-shop-80@kubernetes",)
LINE = b'traefik_other{n="0"} 1\n'


@pytest.fixture
async def read(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fetch]:
    """Scrapes a pod that gives this answer, which may be compressed."""
    app = web.Application()
    answers: list[Answer] = []

    async def answered(request: web.Request) -> web.StreamResponse:
        return await answers[-1](request)

    app.router.add_get("/metrics", answered)
    server = TestServer(app)
    await server.start_server()
    pod = Pod("ingress", "t-1", "uid", "127.0.0.1", ready=True, ports={"metrics": server.port or 0})
    monkeypatch.setattr(exposition, "MOST_BYTES", 4 << 20)

    async with aiohttp.ClientSession() as session:

        async def fetched(answer: Answer) -> Scrape:
            answers.append(answer)
            scrape, _ = await fetch.fetch(session, TRAEFIK, pod, frozenset({KEY}), last_size=1 << 30)
            return scrape

        yield fetched
    await server.close()


def sent(*pieces: bytes, packed: bool = False, **more: Any) -> Answer:
    """An answer of these pieces. `length`: the Content-Length that it promises."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"} if packed else {})
        response.content_length = more.get("length")
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        assert request.transport
        if "length" in more:
            request.transport.close()
        return response

    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    """Line after line, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(LINE)
        await asyncio.sleep(0)


async def silent(request: web.Request) -> web.StreamResponse:
    """A pod that takes the request and never answers."""
    await asyncio.Event().wait()
    return await endless(request)


def packed(text: bytes) -> bytes:
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packing.compress(text) + packing.flush()


WHOLE = traefik(shop=5).encode()
BOMB = packed(LINE * (64 << 20 >> 4))  # some 90 MB out of 90 kB


async def test_a_packed_page(read: Fetch) -> None:
    for piece in (1, 7, 100):
        text = packed(WHOLE)
        pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
        assert (await read(sent(*pieces, packed=True))).tallies[KEY].total == 5


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(sent(LINE * 300_000), "sends a metrics page of more than 4 MB", id="too many bytes"),
        pytest.param(
            sent(BOMB, packed=True), "sends a metrics page of more than 4 MB", id="too many bytes once unpacked"
        ),
        pytest.param(
            sent(b'traefik_service_requests_total{a="b"} 1\n' * 11), "more than 10 samples", id="too many series"
        ),
        pytest.param(sent(b"x" * 70_000), "with a line of more than 64 kB", id="a line without end"),
        pytest.param(
            sent(WHOLE, length=len(WHOLE) + 1), "broke off its metrics page: ClientPayloadError", id="half a page"
        ),
        pytest.param(
            sent(packed(WHOLE)[:-9], packed=True), "the compressed data is cut short", id="half a compressed page"
        ),
        pytest.param(
            sent(WHOLE, packed=True),
            "sent a compressed metrics page that cannot be unpacked: Error -3",
            id="it claims to be compressed, and is not",
        ),
        pytest.param(sent(packed(WHOLE), packed(WHOLE), packed=True), "more than one compressed page", id="two pages"),
        pytest.param(endless, "did not send its metrics page in time", id="a line at a time, for ever"),
        pytest.param(silent, "took waker's scrape at .* and did not answer in time", id="nothing at all"),
    ],
)
async def test_a_page_that_costs_too_much_or_is_not_whole(
    read: Fetch, monkeypatch: pytest.MonkeyPatch, answer: Answer, why: str
) -> None:
    monkeypatch.setattr(exposition, "MOST_SAMPLES", 10)
    if answer in (endless, silent):
        monkeypatch.setattr(fetch, "TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    with pytest.raises(ScrapeError, match=why):
        await read(answer)


@pytest.mark.parametrize("answer", [sent(BOMB, packed=True), sent(LINE * 150_000)], ids=["packed", "plain"])
async def test_other_tasks_have_their_turn_after_each_slice(
    read: Fetch, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    sizes: list[int] = []
    turns: list[int] = []  # how many slices had been read at each turn of another task
    feed = exposition.Exposition.feed

    def counted(self: exposition.Exposition, chunk: bytes) -> Any:
        sizes.append(len(chunk))
        return feed(self, chunk)

    async def another_task() -> None:
        while True:
            turns.append(len(sizes))
            await asyncio.sleep(0)

    monkeypatch.setattr(exposition.Exposition, "feed", counted)
    other = asyncio.create_task(another_task())
    with suppress(ScrapeError):  # the bomb is too large
        await read(answer)
    other.cancel()
    assert max(sizes) <= fetch.SLICE
    assert sum(sizes) > 3 << 20
    assert max(after - before for before, after in pairwise(turns)) == 1


def test_time_limits_are_shorter_than_a_scrape_stays_fresh() -> None:
    """A scrape that takes as long as it may is late once; at the default interval, traffic stays known."""
    assert fetch.TIMEOUT.total is not None
    assert fetch.TIMEOUT.sock_read is not None
    assert fetch.TIMEOUT.sock_connect is not None
    assert (
        fetch.TIMEOUT.sock_connect
        < INTERVAL.total_seconds()
        < fetch.TIMEOUT.sock_read
        < FRESH_INTERVALS * INTERVAL.total_seconds()
    )


def test_rounds_of_several_wakers_do_not_coincide() -> None:
    pauses = {jittered(INTERVAL) for _ in range(100)}
    assert len(pauses) > 90
    assert max(abs(each / INTERVAL.total_seconds() - 1) for each in pauses) <= JITTER
