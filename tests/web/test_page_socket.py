"""The waiting page's WebSocket: known by its subprotocol alone, it gets each change of the wake and wakes nothing itself."""

import asyncio

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from tests.web.conftest import APP, HOST, PortUnderTest, until
from waker import names
from waker.plan.model import Phase
from waker.plan.progress import Step, Trouble
from waker.web.concurrency import SlotCounts


async def connect(rig: PortUnderTest, *protocols: str) -> ClientWebSocketResponse:
    return await rig.client.ws_connect("/deep?x=1", protocols=protocols)


async def test_it_gets_each_change_once_and_the_end(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, step=Step.ASKED)
    page = await connect(rig, names.PAGE_PROTOCOL)
    assert page.protocol == names.PAGE_PROTOCOL
    assert await page.receive_json(timeout=5) == {"mood": "waking", "step": 1, "say": "asked"}
    rig.apps.changed.set()  # a change that the page does not show
    await until(lambda: not rig.apps.changed.is_set())
    rig.apps.set_phase(Phase.WAKING, step=Step.SCHEDULED, trouble=Trouble.IMAGE)
    rig.apps.changed.set()
    assert await page.receive_json(timeout=5) == {"mood": "troubled", "step": 2, "say": "image"}
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    rig.apps.changed.set()
    assert await page.receive_json(timeout=5) == {"open": True}
    assert (await page.receive(timeout=5)).type is WSMsgType.CLOSE
    assert not rig.apps.knocks
    assert set(rig.apps.page_views) == {APP}
    await until(lambda: not rig.port.polls.taken)


async def test_a_page_that_leaves_gives_its_slot_back(rig: PortUnderTest) -> None:
    page = await connect(rig, names.PAGE_PROTOCOL)
    await page.receive_json(timeout=5)
    assert rig.port.polls.taken[APP] == 1
    await page.close()
    await until(lambda: not rig.port.polls.taken)
    page = await connect(rig, names.PAGE_PROTOCOL)
    await page.receive_json(timeout=5)
    assert page._response.connection
    page._response.connection.close()  # without a close frame
    await until(lambda: not rig.port.polls.taken)
    await page.close()


async def test_without_a_free_slot_it_is_closed_with_try_again_later(rig: PortUnderTest) -> None:
    rig.port.polls.counts = SlotCounts(per_app=0)
    page = await connect(rig, names.PAGE_PROTOCOL)
    assert (await page.receive(timeout=5)).type is WSMsgType.CLOSE
    assert page.close_code == 1013


async def test_the_page_reloads_when_its_app_is_gone(rig: PortUnderTest) -> None:
    page = await connect(rig, names.PAGE_PROTOCOL)
    await page.receive_json(timeout=5)
    rig.apps.app_view = None
    rig.apps.changed.set()
    assert await page.receive_json(timeout=5) == {"open": True}
    await page.close()


@pytest.mark.parametrize("protocols", [(), ("chat",), ("chat", names.PAGE_PROTOCOL)], ids=["none", "the app's", "both"])
async def test_an_apps_own_websocket_goes_to_the_app(rig: PortUnderTest, protocols: tuple[str, ...]) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("chat",))
        await socket.prepare(request)
        await socket.send_str(f"app: {await socket.receive_str()}")
        return socket

    await rig.upstream(echo)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    page = await connect(rig, *protocols)
    await page.send_str("hello")
    assert await page.receive_str(timeout=5) == "app: hello"
    await page.close()
    assert rig.apps.knocks == [APP]


async def test_without_its_upgrade_it_still_never_reaches_the_app(rig: PortUnderTest) -> None:
    async def unexpected(_request: web.Request) -> web.Response:
        raise AssertionError

    await rig.upstream(unexpected)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    async with rig.client.get("/deep", headers={"Sec-WebSocket-Protocol": names.PAGE_PROTOCOL}) as answer:
        assert answer.status == 202
        assert answer.headers[names.MARKER].startswith(names.MARK_PAGE)
    assert not rig.apps.knocks


async def test_an_app_that_is_not_waker_s_has_no_socket(rig: PortUnderTest) -> None:
    rig.apps.app_view = None
    with pytest.raises(WSServerHandshakeError) as refused:
        await connect(rig, names.PAGE_PROTOCOL)
    assert refused.value.status == 421


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        pytest.param(f"https://{HOST}", {}, id="the page's own"),
        pytest.param(f"https://{HOST.upper()}", {}, id="in capitals"),
        pytest.param(f"https://{HOST}:8443", {"Host": f"{HOST}:8443"}, id="with its port"),
        pytest.param(f"https://{HOST}", {"Host": f"{HOST}:443"}, id="the port of https, written out in between"),
        pytest.param(f"http://{HOST}:80", {}, id="the port of http, written out"),
        pytest.param(f"https://{HOST}", {"Host": "shop.svc", "X-Forwarded-Host": HOST}, id="a rewritten Host"),
        pytest.param(None, {}, id="no browser"),
    ],
)
async def test_the_page_itself_gets_its_socket(rig: PortUnderTest, origin: str | None, headers: dict[str, str]) -> None:
    page = await rig.client.ws_connect("/", protocols=(names.PAGE_PROTOCOL,), origin=origin, headers=headers)
    assert "mood" in await page.receive_json(timeout=5)
    await page.close()


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://evil.example", id="a foreign page"),
        pytest.param(f"https://evil{HOST}", id="a prefix"),
        pytest.param(f"https://{HOST}.evil.example", id="a suffix"),
        pytest.param(f"https://{HOST}:8443", id="another port"),
        pytest.param(f"http://{HOST}:443", id="the port of another scheme"),
        pytest.param(f"https://{HOST}@evil.example", id="userinfo"),
        pytest.param(f"https://evil.example/{HOST}", id="a path"),
        pytest.param(f"ftp://{HOST}", id="a scheme that has no pages"),
        pytest.param(f"https://[{HOST}", id="half an IPv6 address"),
        pytest.param(f"https://{HOST}:x", id="a port that is no number"),
        pytest.param(HOST, id="no scheme"),
        pytest.param("null", id="a sandbox"),
        pytest.param("", id="empty"),
    ],
)
async def test_a_foreign_page_gets_no_socket(rig: PortUnderTest, origin: str) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await rig.client.ws_connect("/", protocols=(names.PAGE_PROTOCOL,), headers={"Origin": origin})
    assert refused.value.status == 403
    assert refused.value.headers is not None
    assert refused.value.headers[names.MARKER] == names.MARK_PAGE
    assert not rig.apps.page_views
    assert not rig.port.polls.taken


async def test_many_pages_get_the_end_at_once(rig: PortUnderTest) -> None:
    pages = await asyncio.gather(*(connect(rig, names.PAGE_PROTOCOL) for _ in range(50)))
    for page in pages:
        await page.receive_json(timeout=5)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    while rig.port.polls.taken:
        rig.apps.changed.set()
        await asyncio.sleep(0)
    for page in pages:
        assert await page.receive_json(timeout=5) == {"open": True}
        await page.close()
