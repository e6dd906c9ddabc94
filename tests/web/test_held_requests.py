"""Held requests: who is held, for how long, what waiting may cost, and that a request is forwarded once."""

import asyncio
import json
from datetime import timedelta

import pytest
from aiohttp import web

from tests.web.conftest import APP, BROWSER, HOST, LIVE, PAGE, PortUnderTest, app_answer, until
from waker import names
from waker.plan.model import Address, Phase, VisitorPolicy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Trouble
from waker.web import held_memory, public_port
from waker.web.concurrency import SlotCounts

ENGLISH = PAGE.languages["en"]


async def test_a_client_is_held_and_forwarded_once(rig: PortUnderTest) -> None:
    await rig.upstream(app_answer)
    rig.apps.gate = asyncio.Event()
    pending = asyncio.create_task(rig.client.post("/order?n=1", data=b"one book"))
    await rig.apps.waiting.wait()
    assert rig.apps.knocks == [APP]
    assert rig.port.held.taken[APP] == 1
    rig.apps.gate.set()
    async with await pending as answer:
        assert (answer.status, await answer.text()) == (200, "app: POST /order?n=1 one book")
    assert rig.apps.waits == [LIVE.hold_for]
    assert (rig.apps.in_flight, rig.apps.most_in_flight) == (0, 1)
    assert not rig.port.held.taken


async def test_a_client_that_was_held_too_long_gets_the_reason(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, trouble=Trouble.IMAGE)
    async with rig.client.post("/order", data=b"x") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) > 0
        problem = json.loads(await answer.text())
        assert (problem["status"], problem["detail"], problem["phase"]) == (503, ENGLISH["say.image"], "Waking")


async def test_a_client_that_leaves_is_no_longer_held(rig: PortUnderTest) -> None:
    await rig.upstream(app_answer)
    rig.apps.gate = asyncio.Event()
    pending = asyncio.create_task(rig.client.post("/order", data=b"x"))
    await rig.apps.waiting.wait()
    pending.cancel()
    await until(lambda: not rig.port.held.taken)
    assert rig.apps.most_in_flight == 0


async def test_with_hold_browsers_are_held_too_and_then_get_the_page(rig: PortUnderTest) -> None:
    hold = VisitorPolicy(while_asleep="hold", hold_for=timedelta(seconds=7))
    rig.apps.set_phase(Phase.ASLEEP, visitors=hold)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    await rig.upstream(app_answer)
    async with rig.client.get("/a", headers=BROWSER) as answer:
        assert (answer.status, await answer.text()) == (200, "app: GET /a ")
    assert rig.apps.waits == [hold.hold_for, hold.hold_for]
    assert rig.apps.knocks == [APP, APP]


async def test_with_page_only_requests_that_would_lose_something_are_held(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP, visitors=VisitorPolicy(while_asleep="page"))
    async with rig.client.get("/", headers={"Accept": "*/*"}) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert not rig.apps.waits
    async with rig.client.post("/", data=b"x", headers={"Accept": "*/*"}) as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert rig.apps.waits == [LIVE.hold_for]


PREFLIGHT = {"Origin": "https://other.example", "Access-Control-Request-Method": "DELETE"}


async def test_a_preflight_is_held_and_only_the_app_grants_it(rig: PortUnderTest) -> None:
    async def grants(request: web.Request) -> web.Response:
        return web.Response(status=204, headers={"Access-Control-Allow-Origin": request.headers["Origin"]})

    await rig.upstream(grants)
    rig.apps.gate = asyncio.Event()
    pending = asyncio.create_task(rig.client.options("/order", headers=PREFLIGHT))
    await rig.apps.waiting.wait()
    assert rig.apps.knocks == [APP]
    rig.apps.gate.set()
    async with await pending as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://other.example")


async def test_a_preflight_that_was_held_too_long_is_not_granted(rig: PortUnderTest) -> None:
    async with rig.client.options("/order", headers=PREFLIGHT) as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


# --- limits -------------------------------------------------------------------------------------------------------


async def test_without_a_free_slot_a_request_is_answered_at_once(rig: PortUnderTest) -> None:
    rig.port.held.counts = SlotCounts(per_app=1)
    rig.apps.gate = asyncio.Event()
    held = asyncio.create_task(rig.client.get("/"))
    await rig.apps.waiting.wait()
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    rig.apps.gate.set()
    (await held).close()


async def test_a_forwarded_request_keeps_its_slot_until_it_is_answered(rig: PortUnderTest) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return web.Response()

    await rig.upstream(slow)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    rig.port.held.counts = SlotCounts(per_app=1)
    first = asyncio.create_task(rig.client.get("/"))
    await arrived.wait()
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    go_on.set()
    async with await first as answer:
        assert answer.status == 200
    assert not rig.port.held.taken


async def test_a_big_body_takes_more_slots_than_a_small_one(rig: PortUnderTest) -> None:
    rig.apps.gate = asyncio.Event()
    for size, slots in (
        (100, 1),
        (held_memory.BODY_AHEAD * 100, 1 + held_memory.BODY_AHEAD // held_memory.SLOT_BYTES),
    ):
        _, writer = await asyncio.open_connection(*rig.address)
        writer.write(f"PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
        await rig.apps.waiting.wait()
        assert rig.port.held.taken[APP] == slots
        writer.close()
        await writer.wait_closed()
        await until(lambda: not rig.port.held.taken)
        rig.apps.waiting.clear()


async def test_a_long_head_takes_more_slots_than_a_short_one(rig: PortUnderTest) -> None:
    rig.apps.gate = asyncio.Event()
    held = asyncio.create_task(rig.client.get("/", headers={"X-Long": "x" * 40_000}))
    await rig.apps.waiting.wait()
    assert rig.port.held.taken[APP] == 1 + held_memory.HEAD_COPIES * 40_000 // held_memory.SLOT_BYTES
    rig.apps.gate.set()
    (await held).close()


# --- once ---------------------------------------------------------------------------------------------------------


async def test_if_a_pod_refuses_another_one_is_tried(
    rig: PortUnderTest, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_port, "RETRY_PAUSES", (0, 0))
    good, nobody = await rig.upstream(app_answer), Address("127.0.0.1", unused_tcp_port)
    rig.apps.addresses = [nobody, nobody, good]
    async with rig.client.post("/order", data=b"one book") as answer:
        assert (answer.status, await answer.text()) == (200, "app: POST /order one book")
    rig.apps.addresses = [nobody]
    for headers, content_type in (({}, "application/problem+json"), (BROWSER, "text/html")):
        rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
        async with rig.client.get("/", headers=headers) as answer:
            assert (answer.status, answer.content_type) == (503, content_type)
            assert answer.headers[names.MARKER] == "waiting; phase=RestoringRoutes"
    assert rig.apps.in_flight == 0


async def test_who_was_held_before_a_pod_refuses_is_held_no_longer_in_all(
    rig: PortUnderTest, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller in front of waker gives up after its own time, whatever the request waited for."""
    monkeypatch.setattr(public_port, "RETRY_PAUSES", (0, 0))
    good, nobody = await rig.upstream(app_answer), Address("127.0.0.1", unused_tcp_port)
    rig.apps.addresses = [nobody, good]
    rig.apps.gate = asyncio.Event()
    asked = asyncio.create_task(rig.client.post("/order", data=b"one book"))
    await rig.apps.waiting.wait()
    await asyncio.sleep(0.2)
    rig.apps.gate.set()
    assert (await asked).status == 200
    first, second = rig.apps.waits
    assert second <= first - timedelta(seconds=0.2)


async def test_a_request_is_never_sent_twice(rig: PortUnderTest) -> None:
    received: list[str] = []

    async def dies(request: web.Request) -> web.Response:
        received.append(request.method)
        assert request.transport
        request.transport.abort()
        return web.Response()

    await rig.upstream(dies)
    for method in ("GET", "PUT", "POST"):
        async with rig.client.request(method, "/", data=None if method == "GET" else b"x") as answer:
            assert (answer.status, answer.content_type) == (502, "application/problem+json")
            assert names.MARKER in answer.headers
    assert received == ["GET", "PUT", "POST"]
    assert rig.apps.in_flight == 0


ENVOY = {"X-Envoy-Expected-Rq-Timeout-Ms": "15000"}


@pytest.mark.parametrize(
    ("way", "headers", "held"),
    [
        pytest.param(timedelta(seconds=60), {}, 30.0, id="hold-for is shorter"),
        pytest.param(timedelta(seconds=15), {}, 13.5, id="the way is shorter"),
        pytest.param(timedelta.max, ENVOY, 13.5, id="Envoy says so"),
        pytest.param(timedelta(seconds=5), ENVOY, 4.0, id="the shortest counts"),
        pytest.param(timedelta.max, {"X-Envoy-Expected-Rq-Timeout-Ms": "never"}, 30.0, id="a header of nonsense"),
    ],
)
async def test_waker_answers_before_the_controller_gives_up(
    rig: PortUnderTest, way: timedelta, headers: dict[str, str], held: float
) -> None:
    rig.apps.set_phase(Phase.WAKING, transport=PageTransport(timeout=way))
    async with rig.client.post("/order", data=b"x", headers=headers) as answer:
        assert (answer.status, names.MARKER in answer.headers) == (503, True)
        assert int(answer.headers["Retry-After"]) > 0
    assert [each.total_seconds() for each in rig.apps.waits] == [held]


async def test_browsers_and_polls_do_not_wait_longer_than_the_controller_either(rig: PortUnderTest) -> None:
    short = PageTransport(timeout=timedelta(seconds=0.9))
    rig.apps.set_phase(Phase.RESTORING_ROUTES, transport=short)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert answer.content_type == "text/html"
    async with rig.client.head("/", headers={names.MARKER: names.MARK_POLL}) as answer:
        assert answer.status == 202
    rig.apps.set_phase(Phase.WAKING, transport=short, visitors=VisitorPolicy(while_asleep="hold"))
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert answer.content_type == "text/html"
    assert [round(each.total_seconds(), 3) for each in rig.apps.waits] == [0.6, 0.6, 0.6]
