"""How well traffic is known: up to when, and what a reload puts in doubt."""

from tests.traffic.fake_controller_pods import AT_NGINX, AT_TRAEFIK, SHOP, ScrapeScene, nginx, refuse, traefik, watched
from waker.plan.snapshot import Certainty
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK
from waker.traffic.scrape import SHOWN_AFTER


async def test_what_is_certain_ends_a_little_before_the_oldest_scrape(scene: ScrapeScene) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    read = scene.now
    assert scene.scraper.certainty(SHOP) == Certainty(read - SHOWN_AFTER)
    scene.change(first, refuse(500))
    await scene.round()
    assert scene.scraper.certainty(SHOP) == Certainty(read - SHOWN_AFTER), "one was not read again"


async def test_a_reload_leaves_a_doubt_once_for_each_pod_until_the_next_visit(scene: ScrapeScene) -> None:
    one, two = (scene.add(INGRESS_NGINX, name, nginx(5, 2)) for name in ("n-1", "n-2"))
    await watched(scene, AT_NGINX)
    doubts = []
    for pod, page in (
        (one, nginx(5, 3)),  # a reload
        (two, nginx(5, 3)),  # which another pod follows later
        (one, nginx(5, 4)),  # another one
        (one, nginx(6, 4)),  # a visit
        (one, nginx(6, 5)),  # and one more reload
    ):
        scene.change(pod, page)
        await scene.round()
        doubts.append(scene.scraper.certainty(SHOP).doubted_at == scene.now)
    assert doubts == [True, True, False, False, True]
