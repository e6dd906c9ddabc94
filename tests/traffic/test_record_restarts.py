"""What a new waker takes over from a record: an idle clock goes on only if nothing happened meanwhile."""

from datetime import datetime, timedelta

import pytest

from tests.traffic.waker_restarts import APPS, BLOG, INTERVAL, SHOP, RecordScene
from waker.traffic.controllers import CONTOUR, TRAEFIK
from waker.traffic.visit_record import AHEAD, TRUSTED_FOR


@pytest.fixture(params=[TRAEFIK, CONTOUR], ids=["start time", "uptime"])
def scene(request: pytest.FixtureRequest) -> RecordScene:
    return RecordScene(request.param)


async def quiet(scene: RecordScene) -> datetime:
    """Visit both apps, wait until they are known and quiet, and record them. Returns their last visit."""
    await scene.round()
    for app in APPS:
        await scene.do("visit", 0, app)
    await scene.round()
    visited = scene.now
    await scene.round()
    await scene.do("write", 0, SHOP)
    return visited


async def test_an_idle_clock_goes_on(scene: RecordScene) -> None:
    visited = await quiet(scene)
    await scene.do("crash", 0, SHOP)
    assert scene.scraper.traffic(SHOP).visited_at is None, "the record alone proves nothing"
    assert scene.scraper.traffic(SHOP).unknown
    await scene.round()
    traffic = scene.scraper.traffic(SHOP)
    assert traffic.unknown == ""
    assert traffic.visited_at
    assert visited <= traffic.visited_at <= visited + timedelta(seconds=1)


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(["visit"], id="a visit"),
        pytest.param(["restart"], id="a pod restarted"),
        pytest.param(["restart", "visit"], id="a pod restarted and counted as much again"),
        pytest.param(["come"], id="a pod came"),
        pytest.param(["go"], id="a pod went"),
        pytest.param(["come", "go last"], id="a pod came and went"),
        pytest.param(["drop"], id="its series is gone"),
        pytest.param(["wake"], id="it slept and woke"),
    ],
)
async def test_if_anything_happened_meanwhile_the_app_counts_as_visited(
    scene: RecordScene, meanwhile: list[str]
) -> None:
    await quiet(scene)
    for what in meanwhile:
        await scene.do(what.split()[0], -1 if what.endswith("last") else 0, SHOP)
    await scene.do("crash", 0, SHOP)
    await scene.round()
    assert scene.scraper.traffic(SHOP).visited_at == scene.now


async def test_what_happened_to_another_app_does_not_matter(scene: RecordScene) -> None:
    visited = await quiet(scene)
    await scene.do("visit", 0, BLOG)
    await scene.do("crash", 0, SHOP)
    await scene.round()
    found = scene.scraper.traffic(SHOP).visited_at
    assert found
    assert found <= visited + timedelta(seconds=1)
    assert scene.scraper.traffic(BLOG).visited_at == scene.now


async def test_a_pod_that_does_not_answer_is_waited_for(scene: RecordScene) -> None:
    visited = await quiet(scene)
    scene.pods[1].answers = False
    await scene.do("crash", 0, SHOP)
    await scene.round()
    assert scene.scraper.traffic(SHOP).unknown
    scene.pods[1].answers = True
    await scene.round()
    found = scene.scraper.traffic(SHOP).visited_at
    assert found
    assert found <= visited + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("later", "trusted"),
    [
        pytest.param(TRUSTED_FOR - 2 * INTERVAL, True, id="soon enough"),
        pytest.param(TRUSTED_FOR, False, id="too late"),
        pytest.param(-AHEAD - 3 * INTERVAL, False, id="written in the future"),
    ],
)
async def test_a_record_is_trusted_for_a_while(scene: RecordScene, later: timedelta, trusted: bool) -> None:
    await quiet(scene)
    scene.now += later
    if later > timedelta() or scene.adapter is TRAEFIK:  # an uptime in the past is younger
        await scene.do("crash", 0, SHOP)
        await scene.round()
        assert (scene.scraper.traffic(SHOP).visited_at != scene.now) is trusted
