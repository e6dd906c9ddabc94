"""The page's own WebSocket: told by its subprotocol alone, it hears how the start goes and never wakes anything."""

import asyncio

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from tests.web.conftest import APP, PortUnderTest, until
from waker import names
from waker.plan.model import Phase
from waker.plan.progress import Step, Trouble


async def listen(stand: PortUnderTest, *protocols: str) -> ClientWebSocketResponse:
    return await stand.client.ws_connect("/deep?x=1", protocols=protocols)


async def test_it_hears_each_change_once_and_the_end(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING, step=Step.ASKED)
    page = await listen(stand, names.PAGE_PROTOCOL)
    assert page.protocol == names.PAGE_PROTOCOL
    assert await page.receive_json(timeout=5) == {"mood": "waking", "step": 1, "say": "asked"}
    stand.apps.changed.set()  # news that the page does not show
    await until(lambda: not stand.apps.changed.is_set())
    stand.apps.is_(Phase.WAKING, step=Step.SCHEDULED, trouble=Trouble.IMAGE)
    stand.apps.changed.set()
    assert await page.receive_json(timeout=5) == {"mood": "troubled", "step": 2, "say": "image"}
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    stand.apps.changed.set()
    assert await page.receive_json(timeout=5) == {"open": True}
    assert (await page.receive(timeout=5)).type is WSMsgType.CLOSE
    assert not stand.apps.knocks
    assert set(stand.apps.looks) == {APP}
    await until(lambda: not stand.port.polls.waiting)


async def test_who_leaves_gives_the_place_back(stand: PortUnderTest) -> None:
    page = await listen(stand, names.PAGE_PROTOCOL)
    await page.receive_json(timeout=5)
    assert stand.port.polls.waiting[APP] == 1
    await page.close()
    await until(lambda: not stand.port.polls.waiting)
    page = await listen(stand, names.PAGE_PROTOCOL)
    await page.receive_json(timeout=5)
    assert page._response.connection
    page._response.connection.close()  # without a word
    await until(lambda: not stand.port.polls.waiting)
    await page.close()


async def test_beyond_the_places_it_is_told_to_come_later(stand: PortUnderTest) -> None:
    stand.port.polls.per_app = 0
    page = await listen(stand, names.PAGE_PROTOCOL)
    assert (await page.receive(timeout=5)).type is WSMsgType.CLOSE
    assert page.close_code == 1013


async def test_an_app_that_is_gone_lets_the_page_load_again(stand: PortUnderTest) -> None:
    page = await listen(stand, names.PAGE_PROTOCOL)
    await page.receive_json(timeout=5)
    stand.apps.view = None
    stand.apps.changed.set()
    assert await page.receive_json(timeout=5) == {"open": True}
    await page.close()


@pytest.mark.parametrize("protocols", [(), ("chat",), ("chat", names.PAGE_PROTOCOL)], ids=["none", "its own", "both"])
async def test_an_apps_own_socket_is_the_apps(stand: PortUnderTest, protocols: tuple[str, ...]) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("chat",))
        await socket.prepare(request)
        await socket.send_str(f"app: {await socket.receive_str()}")
        return socket

    await stand.upstream(echo)
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    page = await listen(stand, *protocols)
    await page.send_str("hello")
    assert await page.receive_str(timeout=5) == "app: hello"
    await page.close()
    assert stand.apps.knocks == [APP]


async def test_without_its_upgrade_it_is_still_the_pages_and_never_reaches_the_app(stand: PortUnderTest) -> None:
    async def unexpected(_request: web.Request) -> web.Response:
        raise AssertionError

    await stand.upstream(unexpected)
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    async with stand.client.get("/deep", headers={"Sec-WebSocket-Protocol": names.PAGE_PROTOCOL}) as answer:
        assert answer.status == 202
        assert answer.headers[names.MARKER].startswith(names.MARK_PAGE)
    assert not stand.apps.knocks


async def test_an_unknown_host_has_none(stand: PortUnderTest) -> None:
    stand.apps.view = None
    with pytest.raises(WSServerHandshakeError) as refused:
        await listen(stand, names.PAGE_PROTOCOL)
    assert refused.value.status == 404


async def test_many_are_told_at_once(stand: PortUnderTest) -> None:
    pages = await asyncio.gather(*(listen(stand, names.PAGE_PROTOCOL) for _ in range(50)))
    for page in pages:
        await page.receive_json(timeout=5)
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    while stand.port.polls.waiting:
        stand.apps.changed.set()
        await asyncio.sleep(0)
    for page in pages:
        assert await page.receive_json(timeout=5) == {"open": True}
        await page.close()
