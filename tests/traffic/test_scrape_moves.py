"""After a move of waker's own a controller that reloads is read again and again, very often until every pod has done so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.traffic.fake_controller_pods import AT_HAPROXY, SHOP, ScrapeScene, haproxy, watched
from waker.plan.model import Container, Pod
from waker.traffic.controllers import HAPROXY_INGRESS
from waker.traffic.scrape import RELOADING_EVERY, URGENT_EVERY
from waker.traffic.scraped_controller import SETTLES

MAY_RELOAD = HAPROXY_INGRESS.lag + SETTLES  # after a move


def reloaded(scene: ScrapeScene, pod: Pod, sessions: int = 0) -> None:
    scene.change(pod, haproxy(sessions, started=scene.now.timestamp()))


async def read(scene: ScrapeScene, after: timedelta = RELOADING_EVERY) -> list[str]:
    """Read what is urgent a moment later. Returns the names of the pods that were read."""
    scene.now += after
    await scene.scraper.read_urgent()
    controller = scene.scraper.controller(HAPROXY_INGRESS.controller)
    assert controller
    return sorted(each.pod.name for each in controller.pods.values() if each.asked_at == scene.now)


async def two_pods(scene: ScrapeScene) -> tuple[Pod, Pod]:
    one, two = (scene.add(HAPROXY_INGRESS, name, haproxy(5, started=1000)) for name in ("h-1", "h-2"))
    await watched(scene, AT_HAPROXY)
    return one, two


def move(scene: ScrapeScene) -> None:
    scene.scraper.moved([HAPROXY_INGRESS.controller])


async def test_pods_are_read_often_until_each_was_seen_to_reload_and_now_and_then_after_that(
    scene: ScrapeScene,
) -> None:
    one, two = await two_pods(scene)
    both = [one.name, two.name]
    assert scene.scraper.pause() is None
    move(scene)
    assert await read(scene) == both
    reloaded(scene, one)
    assert await read(scene) == both
    assert scene.scraper.pause() == RELOADING_EVERY, "the other one has not followed"
    reloaded(scene, two)
    assert await read(scene) == both
    assert scene.scraper.pause() == URGENT_EVERY, "a controller may reload twice for one move"
    assert await read(scene, after=URGENT_EVERY) == both
    scene.now += MAY_RELOAD
    assert scene.scraper.pause() is None


async def test_a_reload_that_never_comes_is_not_awaited_for_ever(scene: ScrapeScene) -> None:
    both = [each.name for each in await two_pods(scene)]
    move(scene)
    assert await read(scene) == both
    assert await read(scene, after=MAY_RELOAD - 2 * RELOADING_EVERY) == both
    assert await read(scene, after=2 * RELOADING_EVERY) == []
    assert scene.scraper.pause() is None


@pytest.mark.parametrize(
    ("events", "awaited"),
    [
        pytest.param("move, read, reload, read", False, id="it was read after the move and began anew after that"),
        pytest.param("reload, move, read", True, id="it began anew before the move"),
        pytest.param("move, reload, read", True, id="nobody knows whether it began anew before or after the move"),
        pytest.param("move, move, read, reload, read", True, id="one reload may be of both moves, or of the first one"),
        pytest.param("move, move, read, reload, read, reload, read", False, id="two moves, two reloads"),
        pytest.param("move, read, move, reload, read", True, id="the second move may have missed the reload"),
        pytest.param("move, read, reload, read, move, read", True, id="a later move"),
        pytest.param("move, read, reload, read, move, read, reload, read", False, id="and its own reload"),
        pytest.param("move, wait, move, read, reload, read", False, id="a move that never was followed is forgotten"),
    ],
)
async def test_when_in_doubt_it_is_read_on(scene: ScrapeScene, events: str, awaited: bool) -> None:
    pod = scene.add(HAPROXY_INGRESS, "h-1", haproxy(5, started=1000))
    await watched(scene, AT_HAPROXY)
    for event in events.split(", "):
        match event:
            case "move":
                scene.now += timedelta(milliseconds=1)
                move(scene)
            case "reload":
                scene.now += timedelta(seconds=1)
                reloaded(scene, pod)
            case "read":
                await read(scene)
            case "wait":
                scene.now += MAY_RELOAD
    assert (scene.scraper.pause() == RELOADING_EVERY) is awaited


async def test_a_visit_a_moment_before_the_reload_is_seen(scene: ScrapeScene) -> None:
    pod = scene.add(HAPROXY_INGRESS, "h-1", haproxy(5, started=1000))
    await watched(scene, AT_HAPROXY)
    move(scene)
    await read(scene)
    scene.change(pod, haproxy(6, started=1000))
    pause = scene.scraper.pause()
    assert pause
    assert pause.total_seconds() <= 0.2
    await read(scene, after=pause)
    reloaded(scene, pod)
    await read(scene)
    assert scene.visits == [SHOP]


async def test_a_second_reload_for_one_move_is_wakers_own_and_a_later_one_is_not(scene: ScrapeScene) -> None:
    pod = scene.add(HAPROXY_INGRESS, "h-1", haproxy(5, started=1000))
    await watched(scene, AT_HAPROXY)
    start = scene.now
    move(scene)
    await read(scene)
    for _ in range(2):
        reloaded(scene, pod)
        await read(scene, after=URGENT_EVERY)
        assert (scene.visits, scene.scraper.traffic(SHOP).visited_at) == ([], start)
    await scene.round(after=MAY_RELOAD)
    scene.now += timedelta(seconds=1)
    reloaded(scene, pod)
    await scene.round()
    assert (scene.visits, scene.scraper.traffic(SHOP).visited_at) == ([SHOP], scene.now)


async def test_a_pod_that_serves_nobody_is_not_awaited(scene: ScrapeScene) -> None:
    one, two = await two_pods(scene)
    ended = replace(two, ready=False, containers=(Container(running=False),))
    scene.replace(HAPROXY_INGRESS, one, ended)
    await scene.round()
    move(scene)
    assert await read(scene) == [one.name]
