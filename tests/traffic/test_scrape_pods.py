"""Controller pods that come, go, restart, are not ready or have counted nothing yet."""

from dataclasses import replace

import aiohttp

from tests.traffic.fake_controller_pods import (
    AT_CONTOUR,
    AT_TRAEFIK,
    BLOG,
    BLOG_AT_TRAEFIK,
    SHOP,
    ScrapeScene,
    contour,
    refuse,
    traefik,
    watched,
)
from waker.plan.model import Container
from waker.plan.snapshot import Traffic
from waker.traffic.controller_pod import GRACE
from waker.traffic.controllers import CONTOUR, TRAEFIK


async def test_a_pod_that_counts_nothing_yet_is_primed(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik())
    scene.counted_as = frozenset({BLOG_AT_TRAEFIK.key})
    await watched(scene, AT_TRAEFIK)
    assert scene.primed == ["t-1"]
    scene.change(pod, traefik(blog=1))
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now), "the app's own series comes with its first visitor"
    await scene.round()
    assert scene.primed == ["t-1"]


async def test_a_prime_that_fails_is_no_crash(scene: ScrapeScene) -> None:
    scene.primed = UnreachablePod()
    scene.add(TRAEFIK, "t-1", traefik())
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP).unknown


class UnreachablePod(list[str]):
    def append(self, _: str) -> None:
        raise aiohttp.ClientConnectionError


async def test_a_new_pod_may_have_been_visited_before_it_was_read(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5, blog=1))
    scene.scraper.watch(BLOG, frozenset({BLOG_AT_TRAEFIK}))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    scene.add(TRAEFIK, "t-2", traefik(shop=1, blog=0))
    await scene.round()
    assert (scene.scraper.traffic(SHOP), scene.scraper.traffic(BLOG)) == (Traffic(scene.now), Traffic(start))


async def test_a_pod_that_is_gone_took_its_last_count_along(scene: ScrapeScene) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    scene.replace(TRAEFIK, first)
    await scene.round()
    assert (scene.scraper.traffic(SHOP), scene.visits) == (Traffic(start), [])
    gone = scene.now
    assert scene.scraper.certainty(SHOP).doubted_at == gone
    await scene.round()
    assert scene.scraper.certainty(SHOP).doubted_at == gone


async def test_a_restart_in_place_may_have_lost_a_visit(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, traefik(blog=1, started=2000))
    await scene.round()
    assert scene.scraper.certainty(SHOP).doubted_at == scene.now


async def test_a_container_that_restarted_may_have_been_visited_before(scene: ScrapeScene) -> None:
    """Where no start time shows it; its counters begin at 0 again."""
    pod = scene.add(CONTOUR, "e-1", contour(("team-a_shop_80", 5, 0)))
    await watched(scene, AT_CONTOUR)
    scene.pods[CONTOUR.controller] = [replace(pod, containers=(Container(restarts=1),))]
    await scene.round()
    assert scene.scraper.certainty(SHOP).doubted_at is None, "a visit is more than a doubt"
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now)
    last = scene.now
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(last), "once"


async def test_a_pod_that_is_not_ready_is_waited_for_but_not_for_ever(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.add(TRAEFIK, "t-2", refuse(503), ready=False)
    await watched(scene, AT_TRAEFIK)
    assert "t-2" in scene.scraper.traffic(SHOP).unknown, "it may still serve"
    await scene.round(after=GRACE)
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now)


async def test_a_pod_that_is_not_ready_is_still_read(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    draining = scene.add(TRAEFIK, "t-2", traefik(shop=5), ready=False)
    await watched(scene, AT_TRAEFIK)
    scene.change(draining, traefik(shop=6))
    await scene.round()
    assert scene.visits == [SHOP]


async def test_a_pod_without_an_address_is_ignored(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.replace(TRAEFIK, pod, replace(pod, uid="pending", address=""))
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now)
