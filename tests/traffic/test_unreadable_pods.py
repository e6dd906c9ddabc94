"""One pod that cannot be read: it blocks its controller, or is ignored after a while if the user says so."""

from datetime import timedelta

import pytest

from tests.traffic.fake_controller_pods import AT_TRAEFIK, INTERVAL, SHOP, ScrapeScene, refuse, traefik, watched
from waker.plan.model import Pod
from waker.traffic.controllers import TRAEFIK
from waker.traffic.pod_states import PodState, state_of

HOUR = timedelta(hours=1)


def states(scene: ScrapeScene) -> list[str]:
    controller = scene.scraper.controller(TRAEFIK.controller)
    assert controller
    return [state_of(controller, each, scene.now, scene.interval) for each in controller.pods.values()]


def unknown(scene: ScrapeScene) -> bool:
    return bool(scene.scraper.traffic(SHOP).unknown)


async def broken(scene: ScrapeScene, *, ignore_after: timedelta | None) -> Pod:
    """Two pods that are read, of which one begins to fail."""
    scene.ignore_after = ignore_after
    pods = [scene.add(TRAEFIK, name, traefik(shop=5)) for name in ("t-1", "t-2")]
    await watched(scene, AT_TRAEFIK)
    assert states(scene) == [PodState.READ, PodState.READ]
    scene.change(pods[0], refuse(500))
    return pods[0]


async def test_by_default_it_blocks_for_ever(scene: ScrapeScene) -> None:
    await broken(scene, ignore_after=None)
    for _ in range(30):
        await scene.round(after=HOUR)
    assert (unknown(scene), states(scene)) == (True, [PodState.UNREAD, PodState.READ])


async def test_it_is_ignored_after_a_while_and_counts_again_when_it_is_read(scene: ScrapeScene) -> None:
    pod = await broken(scene, ignore_after=HOUR)
    start = scene.now
    while scene.now + INTERVAL < start + HOUR:
        await scene.round()
        assert unknown(scene) == (scene.now > start + 3 * INTERVAL)
    await scene.round()
    assert (unknown(scene), states(scene)) == (False, [PodState.IGNORED, PodState.READ])
    certainty = scene.scraper.certainty(SHOP)
    assert certainty.until
    assert certainty.until > scene.now - INTERVAL, "nobody waits for its scrapes"
    scene.change(pod, traefik(shop=6))
    await scene.round()
    assert (scene.visits, states(scene)) == ([SHOP], [PodState.READ, PodState.READ]), (
        "a visit that it counted meanwhile"
    )


async def test_a_page_that_counts_nothing_is_not_read_either(scene: ScrapeScene) -> None:
    pod = await broken(scene, ignore_after=HOUR)
    scene.change(pod, traefik())
    for _ in range(5):
        await scene.round(after=HOUR / 4)
    assert (unknown(scene), states(scene)) == (False, [PodState.IGNORED, PodState.READ])


async def test_never_the_last_one(scene: ScrapeScene) -> None:
    """If no pod at all could be read, nobody would count, and everything would look idle."""
    await broken(scene, ignore_after=HOUR)
    for pod in scene.pods[TRAEFIK.controller]:
        scene.change(pod, refuse(500))
    for _ in range(10):
        await scene.round(after=HOUR)
        assert unknown(scene)
    assert states(scene) == [PodState.UNREAD, PodState.UNREAD]


async def test_a_drained_pod_is_none_that_could_count(scene: ScrapeScene) -> None:
    await broken(scene, ignore_after=HOUR)
    first, second = scene.pods[TRAEFIK.controller]
    scene.change(second, refuse(500))
    leaving = Pod(second.namespace, second.name, second.uid, second.address, ready=False, ports=second.ports)
    scene.replace(TRAEFIK, first, leaving)
    for _ in range(10):
        await scene.round(after=HOUR)
    assert (unknown(scene), states(scene)) == (True, [PodState.UNREAD, PodState.NOT_SERVING])


@pytest.mark.parametrize("ignore_after", [pytest.param(None, id="block"), pytest.param(HOUR, id="ignore")])
async def test_a_pod_that_was_never_read_counts_from_when_it_was_first_seen(
    scene: ScrapeScene, ignore_after: timedelta | None
) -> None:
    scene.ignore_after = ignore_after
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.add(TRAEFIK, "t-2", refuse(500))
    await scene.round()
    assert unknown(scene)
    for _ in range(4):
        await scene.round(after=HOUR / 4)
    assert unknown(scene) == (ignore_after is None)
