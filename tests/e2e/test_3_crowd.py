"""Scenario 3: 500 visitors at once are one wake, and all end at the app."""

import asyncio
import time

from tests.e2e import load
from tests.e2e.load import LoadAnswer, Request, VisitorAddress, Who
from tests.e2e.scene import Scene, every_controller

VISITORS = 500
POLL_EVERY = 0.5  # seconds; as the page does
PATIENCE = 60.0


@every_controller
def test_a_crowd_is_one_wake(scene: Scene) -> None:
    shop = scene.app("shop", replicas=2, start_delay="1s")
    scene.sleep(shop)
    crowd = [load.browser(shop.host, shop.name), load.curl(shop.host, shop.name)] * (VISITORS // 2)

    visits = asyncio.run(gathered(scene.address, crowd))

    seen = [answer for visit in visits for answer in visit]
    assert all(answer.expected or is_go(answer) for answer in seen), load.summary(seen)
    lost = [visit[-1] for visit in visits if visit[-1].who is not Who.APP]
    assert not lost, f"{len(lost)} never saw the app: {load.summary(lost)}"
    scene.awake(shop)
    assert scene.history.replicas(shop.kind, shop.name) == [2, 0, 2]


def is_go(answer: LoadAnswer) -> bool:
    """What waker says to a page's poll when it passes requests on: load again."""
    return answer.label == "poll" and answer.status == 204


async def gathered(address: VisitorAddress, crowd: list[Request]) -> list[list[LoadAnswer]]:
    """All at once. What each of them saw."""
    return await asyncio.gather(*(stay(address, request) for request in crowd))


async def stay(address: VisitorAddress, request: Request) -> list[LoadAnswer]:
    """A visitor who stays: a browser polls as the page tells it to, a program asks again after a 503."""
    end = time.monotonic() + PATIENCE
    seen = [await load.ask(address, request)]
    again = load.poll(request) if request.label == "browser" else request
    while seen[-1].who is Who.WAKER and time.monotonic() < end:
        await asyncio.sleep(POLL_EVERY)
        seen.append(await load.ask(address, again))
    if again is not request:
        seen.append(await load.ask(address, request))  # the page reloads itself
    return seen
