"""waker's own pods: who is asked at which doors it listens, how often, and what is believed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from waker import names
from waker.observe import replicas
from waker.observe.replicas import ListeningReport, Replicas, Slices
from waker.plan.doors import DoorBook, book_of
from waker.plan.model import Address


class OwnSlices:
    """What the informer of waker's own slices knows."""

    def __init__(self) -> None:
        self.ready: tuple[Address, ...] = ()
        self.leaving: tuple[Address, ...] = ()

    def values(self) -> list[Slices]:
        ready = {names.OWN_PRIVATE_PORT: self.ready, "http": (Address("10.0.0.9", 8080),)}
        return [Slices(ready, {names.OWN_PRIVATE_PORT: self.leaving})]


class ReplicasUnderTest:
    """Replicas, a book, and a private port that says what the test wants."""

    def __init__(self) -> None:
        self.slices = OwnSlices()
        self.book = book_of("7", {})
        self.says: Any = {"version": "7", "failed": []}
        self.forwarding: Any = {"forwarding": 0, "open": False}
        self.asked = 0
        self.reported = asyncio.Event()

    async def answer(self, request: web.BaseRequest) -> web.Response:
        if request.path == f"{replicas.DOORS_PATH}/20000":
            return web.json_response(self.forwarding)
        assert request.path == replicas.DOORS_PATH
        self.asked += 1
        return web.json_response(self.says) if self.says != "garbage" else web.Response(text="<html>", status=500)

    @asynccontextmanager
    async def running(
        self, own: Callable[[], Mapping[str, Any]] = dict, advertised: str = ""
    ) -> AsyncIterator[Replicas]:
        runner = web.ServerRunner(web.Server(self.answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.slices.ready = (Address("127.0.0.1", runner.addresses[0][1]),)
        async with aiohttp.ClientSession() as session:
            found = Replicas(session, self.slices, own, lambda: self.book, advertised)  # type: ignore[arg-type]
            task = asyncio.create_task(found.run(self.reported.set))
            yield found
            task.cancel()
        await runner.cleanup()

    async def heard(self) -> None:
        async with asyncio.timeout(5):
            await self.reported.wait()
        self.reported.clear()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "ASK_AGAIN", (0.01, 0.04))


async def test_a_replica_is_asked_until_it_knows_the_book_and_then_no_more() -> None:
    scene = ReplicasUnderTest()
    scene.says = {"version": "6", "failed": []}
    async with scene.running() as found:
        await scene.heard()
        assert found.reports() == {"127.0.0.1": ListeningReport("6")}
        assert not ListeningReport("6").covers(scene.book)
        scene.says = {"version": "7", "failed": []}
        await scene.heard()
        asked = scene.asked
        await asyncio.sleep(0.1)
        assert scene.asked == asked
        scene.book = book_of("8", {})
        scene.says = {"version": "8", "failed": []}
        found.follow()
        await scene.heard()
        assert found.reports() == {"127.0.0.1": ListeningReport("8")}


async def test_a_replica_that_could_not_open_a_door_is_asked_again() -> None:
    scene = ReplicasUnderTest()
    scene.says = {"version": "7", "failed": [20_001]}
    async with scene.running() as found:
        await scene.heard()
        assert found.reports()["127.0.0.1"] == ListeningReport("7", frozenset({20_001}))
        scene.says = {"version": "7", "failed": []}
        await scene.heard()
        assert found.reports()["127.0.0.1"] == ListeningReport("7")


async def test_who_is_no_longer_ready_is_forgotten() -> None:
    scene = ReplicasUnderTest()
    async with scene.running() as found:
        await scene.heard()
        scene.slices.ready = ()
        found.follow()
        await scene.heard()
        assert found.reports() == {}
        assert found.hosts() == frozenset()


@pytest.mark.parametrize(
    ("says", "count"),
    [
        pytest.param({"forwarding": 0, "open": False}, 0, id="nothing"),
        pytest.param({"forwarding": 2, "open": False}, 2, id="two"),
        pytest.param({"forwarding": 0, "open": True}, 1, id="it may begin"),
        pytest.param({"forwarding": "many"}, 1, id="unreadable"),
        pytest.param({"message": "this replica does not know this door"}, 1, id="it does not know the door"),
        pytest.param([], 1, id="no object"),
    ],
)
async def test_before_pods_go_all_replicas_say_what_they_forward(says: Any, count: int) -> None:
    scene = ReplicasUnderTest()
    scene.forwarding = says
    async with scene.running() as found:
        assert await found.forwarding(20_000) == count
        scene.slices.leaving, scene.slices.ready = scene.slices.ready, ()
        assert await found.forwarding(20_000) == count
        scene.slices.leaving = (Address("127.0.0.1", 1),)
        assert await found.forwarding(20_000) == 1, "one that does not answer"
        scene.slices.leaving = ()
        assert await found.forwarding(20_000) == 0


@pytest.mark.parametrize(
    ("says", "ago", "silent"),
    [
        pytest.param({"forwarding": 0, "open": True, "carried": None}, None, False, id="never"),
        pytest.param({"forwarding": 0, "open": True, "carried": 90.5}, timedelta(seconds=90.5), False, id="once"),
        pytest.param({"forwarding": 1, "open": True, "carried": 0}, timedelta(), False, id="now"),
        pytest.param({"forwarding": 1, "open": True}, timedelta(), False, id="now, by an older version"),
        pytest.param({"forwarding": 0, "open": True, "carried": "long ago"}, None, True, id="not a number"),
        pytest.param([], None, True, id="no answer"),
    ],
)
async def test_all_replicas_say_when_they_last_carried_a_request(
    says: Any, ago: timedelta | None, silent: bool
) -> None:
    scene = ReplicasUnderTest()
    scene.forwarding = says
    async with scene.running() as found:
        carried = await found.carried(20_000)
        assert (carried.ago, bool(carried.silent)) == (ago, silent)


@pytest.mark.parametrize("says", ["garbage", [], {}, {"version": 7}, {"failed": [1]}, "7"])
async def test_what_cannot_be_read_is_believed_to_be_nothing(says: Any) -> None:
    """Nobody is listed for that, and nothing fails."""
    scene = ReplicasUnderTest()
    scene.says = says
    async with scene.running() as found:
        async with asyncio.timeout(5):
            while scene.asked < 3:  # noqa: ASYNC110 nobody tells
                await asyncio.sleep(0.01)
        assert found.reports() == {"127.0.0.1": None}


async def test_the_only_waker_asks_itself() -> None:
    scene = ReplicasUnderTest()
    own = {"version": "", "failed": []}
    async with scene.running(lambda: dict(own), "10.0.0.1") as found:
        assert found.hosts() == {"10.0.0.1"}
        own["version"] = "7"
        found.follow()
        await scene.heard()
        assert found.reports() == {"10.0.0.1": ListeningReport("7")}
    assert scene.asked == 0


@pytest.mark.parametrize(
    ("said", "book", "covers"),
    [
        ("7", "7", True),
        ("10", "9", True),
        ("9", "10", False),
        ("", "7", False),
        ("abc", "abc", True),
        ("abc", "7", False),
    ],
)
def test_up_to_which_version(said: str, book: str, *, covers: bool) -> None:
    assert ListeningReport(said).covers(DoorBook(book)) is covers
