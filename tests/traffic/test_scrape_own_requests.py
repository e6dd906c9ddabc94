"""Requests that waker itself sends are no visits, and never hide one."""

import asyncio
from datetime import timedelta

from aiohttp import web

from tests.traffic.fake_controller_pods import AT_CONTOUR, AT_TRAEFIK, SHOP, ScrapeScene, contour, traefik, watched
from waker.traffic.controllers import CONTOUR, TRAEFIK
from waker.traffic.rounds import AGAIN


async def test_requests_of_waker_are_no_visits(scene: ScrapeScene) -> None:
    pod = scene.add(CONTOUR, "envoy-1", contour(("team-a_shop_80", 5, 0)))
    await watched(scene, AT_CONTOUR)
    scene.scraper.discount(pod, AT_CONTOUR, 2)
    scene.change(pod, contour(("team-a_shop_80", 7, 0)))
    await scene.round()
    assert scene.visits == []
    scene.scraper.discount(pod, AT_TRAEFIK)


async def test_a_request_that_envoy_never_counted_does_not_hide_a_visit(scene: ScrapeScene) -> None:
    pod = scene.add(CONTOUR, "envoy-1", contour(("team-a_shop_80", 5, 0)))
    await watched(scene, AT_CONTOUR)
    scene.scraper.discount(pod, AT_CONTOUR)
    await scene.round(after=timedelta(seconds=1))
    scene.change(pod, contour(("team-a_shop_80", 6, 0)))
    await scene.round(after=timedelta(seconds=1))
    assert scene.visits == [SHOP]


async def test_nothing_is_discounted_where_the_page_tells_methods_apart(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.scraper.discount(pod, AT_TRAEFIK)
    scene.change(pod, traefik(shop=6))
    await scene.round()
    assert scene.visits == [SHOP]


def shop(total: int, active: int) -> str:
    return contour(("team-a_shop_80", total, active))


async def test_what_is_open_may_be_a_request_of_wakers_own_so_the_page_is_read_again(scene: ScrapeScene) -> None:
    pod = scene.add(CONTOUR, "envoy-1", shop(5, 0))
    await watched(scene, AT_CONTOUR)
    pages = iter([shop(6, 1), shop(6, 0)])

    async def answer(_: web.Request) -> web.Response:
        with scene.scraper.asking(pod, [AT_CONTOUR]) as discount:
            discount(AT_CONTOUR, 1)
            return web.Response(text=next(pages))

    scene.change(pod, answer)
    await scene.round()
    assert scene.visits == []
    assert not list(pages)


async def test_who_stays_open_is_a_visitor(scene: ScrapeScene) -> None:
    pod = scene.add(CONTOUR, "envoy-1", shop(5, 0))
    await watched(scene, AT_CONTOUR)
    scene.change(pod, shop(5, 1))
    scene.requests.clear()
    with scene.scraper.asking(pod, [AT_CONTOUR]) as discount:
        discount(AT_CONTOUR, 1)
    await scene.round()
    assert scene.visits == [SHOP]
    assert 1 < len(scene.requests) <= 1 + AGAIN
    scene.requests.clear()
    await scene.round()
    assert (scene.visits, len(scene.requests)) == ([SHOP], 1), "waker has not asked it"


async def test_a_page_waits_until_the_requests_that_it_may_show_are_answered(scene: ScrapeScene) -> None:
    pod = scene.add(CONTOUR, "envoy-1", shop(5, 0))
    await watched(scene, AT_CONTOUR)
    scene.change(pod, shop(6, 0))
    with scene.scraper.asking(pod, [AT_CONTOUR]) as discount:
        reading = asyncio.create_task(scene.round())
        done, _ = await asyncio.wait([reading], timeout=0.3)  # far longer than it takes to read it
        assert not done
        discount(AT_CONTOUR, 1)
    await reading
    assert scene.visits == []
