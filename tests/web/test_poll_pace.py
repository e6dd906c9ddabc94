"""How often waiting pages ask: few at once a second, a crowd together no more than RATE times a second."""

import asyncio
import heapq

import pytest

from tests.web.conftest import APP, PortUnderTest
from waker import names
from waker.plan.model import AppId, Kind, Phase
from waker.web import poll_pace
from waker.web.poll_pace import LEAST, MOST, RATE, PollPace

OTHER = AppId(Kind.DEPLOYMENT, "demo", "blog")
TAKES = 0.3  # s from a page's request to the next pause, as in the page's script


def polls_a_second(tabs: int, seconds: int = 120) -> float:
    """So many tabs, all opened within 5 s and as obedient as the page's script: how often they ask in the last half."""
    pace, asked = PollPace(), 0
    due = [(100.0 + TAKES + number * 5 / tabs, number) for number in range(tabs)]
    heapq.heapify(due)
    while due[0][0] < 100 + seconds:
        now, tab = heapq.heappop(due)
        asked += now > 100 + seconds / 2
        heapq.heappush(due, (now + max(LEAST, pace.again(APP, now)), tab))
    return asked / (seconds / 2)


@pytest.mark.parametrize(
    ("tabs", "least", "most"),
    [
        pytest.param(1, 0.9, 1.1, id="one tab"),
        pytest.param(200, 190, 210, id="as many as may ask once a second"),
        pytest.param(1000, RATE / 3, RATE * 1.1, id="a thousand"),
        pytest.param(10_000, RATE / 2, 10_000 / MOST * 1.1, id="ten thousand"),
    ],
)
def test_the_more_pages_the_more_seldom_each_asks(tabs: int, least: float, most: float) -> None:
    assert least <= polls_a_second(tabs) <= most


def test_a_crowd_that_is_gone_delays_nobody() -> None:
    pace = PollPace()
    assert [pace.again(APP, 100.0) for _ in range(10_000)][-1] == MOST
    assert pace.again(APP, 100.0 + MOST) == LEAST


def test_a_crowd_delays_the_pages_of_its_own_app_only() -> None:
    pace = PollPace()
    for _ in range(10_000):
        pace.again(APP, 100.0)
    assert pace.again(OTHER, 100.0) == LEAST


def test_apps_that_nobody_waits_for_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_pace, "KEPT", 10)
    pace = PollPace()
    for number in range(100):
        pace.again(AppId(Kind.DEPLOYMENT, "demo", str(number)), 100.0 + number)
    assert len(pace._last) <= 10


async def test_a_poll_is_told_when_to_ask_again(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING)

    async def told() -> int:
        async with rig.client.head("/", headers={names.MARKER: names.MARK_POLL}) as answer:
            assert answer.status == 202
            return int(answer.headers["Retry-After"])

    assert await told() == 1
    for _ in range(5 * RATE):
        rig.port.pace.again(APP, asyncio.get_running_loop().time())
    assert 4 <= await told() <= 6
