"""Where an app wakes as fast as `page-after`, browsers are held for a moment and see no page; clients come first."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from tests.web.conftest import APP, BROWSER, LIVE, NOW, PortUnderTest, app_answer, until
from waker.plan.model import Phase, VisitorPolicy
from waker.plan.progress import Trouble
from waker.web.concurrency import SlotCounts

FAST = timedelta(milliseconds=600)


async def test_a_browser_is_held_where_the_app_is_awake_in_no_time(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP, typical=FAST)
    await rig.upstream(app_answer)
    async with rig.client.get("/a", headers=BROWSER) as answer:
        assert (answer.status, await answer.text()) == (200, "app: GET /a ")
    assert rig.apps.waits == [timedelta(seconds=2)]
    assert rig.apps.knocks == [APP]
    assert rig.apps.page_views == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"typical": timedelta(seconds=1)}, id="an app that is not fast"),
        pytest.param({"typical": None}, id="an app that nobody has waited for yet"),
        pytest.param({"typical": FAST, "trouble": Trouble.CRASH}, id="in trouble"),
        pytest.param({"typical": FAST, "since": NOW - timedelta(seconds=2)}, id="late already"),
        pytest.param(
            {"typical": FAST, "visitors": VisitorPolicy(page_after=timedelta())}, id="its user wants the page"
        ),
    ],
)
async def test_a_browser_is_shown_the_page_at_once(rig: PortUnderTest, fields: dict[str, object]) -> None:
    rig.apps.set_phase(Phase.WAKING, **fields)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert rig.apps.waits == []


async def test_a_fast_app_that_is_slow_today_shows_the_page_after_all(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, typical=FAST, since=NOW - timedelta(seconds=0.5))
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert rig.apps.waits == [timedelta(seconds=1.5)]


async def test_where_no_place_is_free_for_a_browser_it_is_shown_the_page(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP, typical=FAST)
    rig.port.held.counts = SlotCounts(per_app=0)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert rig.apps.waits == []


async def test_a_form_of_a_browser_is_held_for_longer_than_that(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP, typical=FAST)
    await rig.upstream(app_answer)
    async with rig.client.post("/order", data=b"x", headers=BROWSER) as answer:
        assert answer.status == 200
    assert rig.apps.waits == [LIVE.hold_for]


@pytest.mark.parametrize("phase", [Phase.ASLEEP, Phase.WAKING, Phase.FALLING_ASLEEP])
async def test_a_crowd_of_browsers_leaves_clients_and_neighbours_their_places(rig: PortUnderTest, phase: Phase) -> None:
    """A browser can be shown the page, a client cannot."""
    rig.port.held.counts = SlotCounts(share=3, reserve=30, common=3, per_namespace=3, per_app=6)
    rig.apps.set_phase(phase, typical=FAST)
    rig.apps.gate = asyncio.Event()
    browsers = [asyncio.create_task(rig.client.get("/", headers=BROWSER)) for _ in range(20)]
    await until(lambda: sum(each.done() for each in browsers) == 17)
    assert {(await each).content_type for each in browsers if each.done()} == {"text/html"}
    assert rig.port.held.taken == {APP: 3}
    client = asyncio.create_task(rig.client.post("/order", data=b"x"))
    await until(lambda: rig.port.held.taken[APP] == 4 or client.done())
    assert not client.done()
    with rig.port.held.slots(APP._replace(name="blog"), 5) as free:
        assert free
    await rig.upstream(app_answer)
    rig.apps.gate.set()
    async with await client as answer:
        assert answer.status == 200
    for each in browsers:
        (await each).close()


async def test_browsers_of_an_app_that_is_there_are_no_crowd(rig: PortUnderTest) -> None:
    """They are forwarded, and the page would be no answer."""
    arrived, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        arrived.release()
        await go_on.wait()
        return web.Response()

    await rig.upstream(slow)
    rig.port.held.counts = SlotCounts(share=1)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True, typical=FAST)
    browsers = [asyncio.create_task(rig.client.get("/", headers=BROWSER)) for _ in range(3)]
    for _ in browsers:
        await asyncio.wait_for(arrived.acquire(), 5)
    go_on.set()
    assert [(await each).status for each in browsers] == [200, 200, 200]
