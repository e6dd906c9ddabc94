"""How well traffic is known: up to when, and what a reload puts in doubt."""

from tests.traffic.fake_controller_pods import AT_TRAEFIK, SHOP, ScrapeScene, refuse, traefik, watched
from waker.plan.snapshot import Certainty
from waker.traffic.controllers import TRAEFIK
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
