"""What moves an app's clock: the first complete scrape of all pods, a visit through any pod, an open request."""

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
from waker.plan.snapshot import Traffic
from waker.traffic.controllers import CONTOUR, TRAEFIK


async def test_the_clock_starts_when_all_pods_have_been_read(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    second = scene.add(TRAEFIK, "t-2", refuse(500))
    assert scene.scraper.traffic(SHOP) == Traffic(unknown="its traffic is not watched yet")
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP).visited_at is None
    assert "t-2" in scene.scraper.traffic(SHOP).unknown
    scene.change(second, traefik(shop=7))
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now)
    assert scene.visits == [], "what was counted before is no visit"


async def test_a_visit_through_any_pod_moves_the_clock(scene: ScrapeScene) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5, blog=1))
    second = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    scene.scraper.watch(BLOG, frozenset({BLOG_AT_TRAEFIK}))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    await scene.round()
    assert (scene.scraper.traffic(SHOP), scene.visits) == (Traffic(start), [])
    scene.change(second, traefik(shop=6))
    await scene.round()
    assert (scene.scraper.traffic(SHOP), scene.visits) == (Traffic(scene.now), [SHOP])
    assert scene.scraper.traffic(BLOG) == Traffic(start)
    scene.change(first, traefik(shop=5, blog=2))
    await scene.round()
    assert (scene.scraper.traffic(BLOG), scene.visits) == (Traffic(scene.now), [BLOG])


async def test_an_app_at_two_controllers_needs_both(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK, AT_CONTOUR)
    assert scene.scraper.traffic(SHOP).unknown == (
        "no pod of Contour has the labels app=envoy in projectcontour or "
        "app.kubernetes.io/name=contour,app.kubernetes.io/component=envoy; "
        "if its pods have others, or are elsewhere, set controller.CLASS.selector and namespace"
    )
    envoy = scene.add(CONTOUR, "e-1", contour(("team-a_shop_80", 0, 0)))
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now)
    scene.change(envoy, contour(("team-a_shop_80", 1, 0)))
    await scene.round()
    assert scene.visits == [SHOP]


async def test_an_open_request_is_a_visit_as_long_as_it_lasts(scene: ScrapeScene) -> None:
    envoy = scene.add(CONTOUR, "e-1", contour(("team-a_shop_80", 3, 0)))
    await watched(scene, AT_CONTOUR)
    scene.change(envoy, contour(("team-a_shop_80", 4, 1)))
    for _ in range(3):
        await scene.round()
        assert scene.scraper.traffic(SHOP) == Traffic(scene.now)
    last = scene.now
    scene.change(envoy, contour(("team-a_shop_80", 4, 0)))
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(last)


async def test_an_app_is_the_sum_over_its_spellings(scene: ScrapeScene) -> None:
    other = BLOG_AT_TRAEFIK.key
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK._replace(others=(other,)))
    scene.change(pod, traefik(shop=5, blog=1))
    await scene.round()
    assert scene.visits == [SHOP]
    scene.scraper.discount(pod, AT_TRAEFIK._replace(others=(other,)))
    scene.change(pod, traefik(shop=6, blog=2))
    await scene.round()
    assert scene.visits == [SHOP], "one was waker's, the other was not"
