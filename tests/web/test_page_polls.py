"""The waiting page's polls: held, answered when the app can be reached, never a knock."""

import asyncio

from aiohttp import web

from tests.web.conftest import APP, PortUnderTest
from waker import names
from waker.plan.model import Phase
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Step
from waker.web import hold_times
from waker.web.concurrency import SlotCounts

POLL = {names.MARKER: names.MARK_POLL}


async def test_a_poll_never_knocks_and_gets_the_state(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, step=Step.PULLED)
    async with rig.client.head("/deep", headers=POLL) as answer:
        assert answer.status == 202
        assert answer.headers[names.MARKER] == "waiting; phase=Waking; mood=waking; step=3; say=pulled"
    assert not rig.apps.knocks
    assert rig.apps.page_views == [APP]
    assert rig.apps.waits == [hold_times.POLL_HOLD]


async def test_a_poll_is_held_for_less_where_the_page_has_no_websocket(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, transport=PageTransport(push=False))
    async with rig.client.head("/", headers=POLL) as answer:
        assert answer.status == 202
    assert rig.apps.waits == [hold_times.POLL_HOLD_ALONE]


async def test_a_poll_is_answered_when_a_pod_is_ready_and_not_forwarded(rig: PortUnderTest) -> None:
    received: list[str] = []

    async def counting(request: web.Request) -> web.Response:
        received.append(request.method)
        return web.Response()

    await rig.upstream(counting)
    rig.apps.gate = asyncio.Event()
    poll = asyncio.create_task(rig.client.head("/", headers=POLL))
    await rig.apps.waiting.wait()
    assert not poll.done()
    rig.apps.gate.set()
    async with await poll as answer:
        assert answer.status == 204
        assert names.MARKER not in answer.headers
    assert not received
    assert not rig.apps.knocks


async def test_polls_have_slots_of_their_own(rig: PortUnderTest) -> None:
    rig.port.polls.counts = SlotCounts(per_app=0)
    async with rig.client.head("/", headers=POLL) as answer:
        assert answer.status == 202
    assert [wait.total_seconds() for wait in rig.apps.waits] == [0]
