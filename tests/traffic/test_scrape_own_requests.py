"""Requests that waker itself sends are no visits, and never hide one."""

from datetime import timedelta

from tests.traffic.fake_controller_pods import AT_CONTOUR, AT_TRAEFIK, SHOP, ScrapeScene, contour, traefik, watched
from waker.traffic.controllers import CONTOUR, TRAEFIK


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
