"""Scenario 11: ten thousand requests of all kinds while the app wakes: nothing lost, nothing delivered twice.

Every request has an id that the app writes down. A client that is asked to come back does so with the same id, so in
the end each id that somebody waited for must be there once; those that must wake nothing may be there at most once, as
they also arrive when the app is up.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from tests.e2e import apps
from tests.e2e.apps import Rule, StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.curl import curl
from tests.e2e.scene import Scene
from tests.e2e.test_10_clients import SOCKETS
from waker import names

REQUESTS = 10_000
AT_ONCE = 600
AGAIN = 0.5  # seconds until who was told to come back does so
BODY = b"x" * 20_000


@dataclass(slots=True)
class Mix:
    """Everybody who asks. What each saw, by kind."""

    session: aiohttp.ClientSession
    base: str
    host: str
    seen: Counter[str] = field(default_factory=Counter)

    async def plain(self, id: str) -> bool:
        return await self._asked("plain", "GET", id, b"")

    async def browser(self, id: str) -> bool:
        return await self._asked("browser", "GET", id, b"", Accept="text/html")

    async def post(self, id: str) -> bool:
        return await self._asked("post", "POST", id, BODY)

    async def chunked(self, id: str) -> bool:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(BODY), 7000):
                yield BODY[start : start + 7000]

        return await self._asked("chunked", "PUT", id, BODY, pieces)

    async def head(self, id: str) -> bool:
        async with self.session.head(f"{self.base}/{id}", headers={"Host": self.host}) as answer:
            self.seen[f"head {answer.status}"] += 1
            return answer.status in (200, 503)

    async def events(self, id: str) -> bool:
        headers = {"Host": self.host, "Accept": "text/event-stream"}
        async with self.session.get(f"{self.base}/{id}", headers=headers) as answer:
            text = await answer.text()
            return self._told("events", answer, text == "data: 0\n\ndata: 1\n\ndata: 2\n\n")

    async def socket(self, id: str) -> bool:
        headers = {"Host": self.host, "Origin": f"http://{self.host}"}
        try:
            async with self.session.ws_connect(f"{self.base}/{id}", headers=headers) as socket:
                await socket.send_str(id)
                echo = await socket.receive_str(timeout=20)
        except aiohttp.WSServerHandshakeError as error:
            if error.status != 503 or names.MARKER not in (error.headers or {}):
                raise
            self.seen["socket 503"] += 1
            return False
        assert echo == id
        self.seen["socket 101"] += 1
        return True

    async def _asked(
        self, kind: str, method: str, id: str, body: bytes, pieces: Callable[[], object] | None = None, **more: str
    ) -> bool:
        data = pieces() if pieces else body or None
        headers = {"Host": self.host} | more
        async with self.session.request(method, f"{self.base}/{id}", data=data, headers=headers) as answer:
            right = await answer.text() == f"ledger {method} {hashlib.sha256(body).hexdigest()}\n"
            return self._told(kind, answer, right)

    def _told(self, kind: str, answer: aiohttp.ClientResponse, right: bool) -> bool:
        """Whether it was the app. Anything else than the app's right answer or waker's 503 is a loss."""
        self.seen[f"{kind} {answer.status}"] += 1
        if answer.status == 200:
            assert right, (kind, answer.headers)
            return True
        assert (answer.status, names.MARKER in answer.headers) == (503, True), (kind, answer)
        return False


@needs_bed("counts deliveries with a program of its own as the image")
@pytest.mark.parametrize("controller", ["traefik", "contour"], indirect=True)
def test_ten_thousand_of_all_kinds(scene: Scene) -> None:
    shop = scene.app("shop", image="ledger", ingresses=("shop",))
    ingress = apps.ingress(shop, "shop", [Rule(shop.host, "shop")])
    ingress["metadata"]["annotations"] = SOCKETS
    scene.create(ingress)
    scene.awake(shop)
    until("it answers through the controller", lambda: curl(scene.address, shop.host, "/ledger").status == 200, 30)
    scene.sleep(shop)

    seen = asyncio.run(everybody(scene, shop))

    scene.awake(shop)
    written = json.loads(curl(scene.address, shop.host, "/ledger").text)
    assert [id for id, often in written.items() if often != 1] == []
    assert [id for id in ids() if id not in written and not id.startswith("head")] == []
    assert seen["browser 503"] > 0  # it did sleep
    assert seen["head 503"] > 0
    assert scene.history.replicas(shop.kind, shop.name) == [1, 0, 1]


KINDS = ("plain", "post", "browser", "chunked", "plain", "events", "socket", "post", "head", "plain")


def ids() -> list[str]:
    return [f"{KINDS[number % len(KINDS)]}-{number}" for number in range(REQUESTS)]


async def everybody(scene: Scene, app: StageApp) -> Counter[str]:
    base = f"http://{scene.address.host}:{scene.address.port}"
    waiting = iter(ids())
    # A connection each: on one that was kept the library would ask a second time by itself.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        mix = Mix(session, base, app.host)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one_after_the_other(mix, waiting))
    return mix.seen


async def one_after_the_other(mix: Mix, waiting: Iterator[str]) -> None:
    """A visitor: the next id, again and again until the app itself has answered, then the next one."""
    for id in waiting:
        ask: Callable[[str], Awaitable[bool]] = getattr(mix, id.partition("-")[0])
        while not await ask(id):  # noqa: ASYNC110 a client that comes again
            await asyncio.sleep(AGAIN)
