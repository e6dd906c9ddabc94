"""`kubesleeper.io/background: 12/1h`: so many requests in a sliding window are nobody's visit."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.fake_controller_pods import AT_TRAEFIK, SHOP, ScrapeScene, traefik
from waker.plan.model import Background
from waker.traffic.controllers import TRAEFIK
from waker.traffic.watched_apps import MARGIN, STEPS, Noise

HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def test_some_requests_are_nobody_and_more_are_a_visit(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK}), background=Background(3, HOUR))
    await scene.round()
    start = scene.now
    visits = []
    for count in (6, 7, 8, 9):
        scene.change(pod, traefik(shop=count))
        await scene.round()
        visits.append(scene.visits == [SHOP])
    assert visits == [False, False, False, True]
    assert scene.scraper.traffic(SHOP).visited_at == scene.now > start


async def test_a_change_of_the_annotation_begins_a_new_window(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    for allowed, visit in ((1, False), (1, True), (2, False), (None, True)):
        scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK}), background=Background(allowed, HOUR) if allowed else None)
        await scene.round()
        scene.change(pod, traefik(shop=counted(scene) + 1))
        await scene.round()
        assert (scene.visits == [SHOP]) is visit


def counted(scene: ScrapeScene) -> int:
    """What the pod has counted at its last scrape."""
    controller = scene.scraper.controller(TRAEFIK.controller)
    assert controller
    return int(next(iter(controller.ledger.scrapes().values())).tallies[AT_TRAEFIK.key].total)


def test_a_monitor_every_five_minutes_is_nobody_for_ever() -> None:
    """It is counted when it is read: at once, or an interval later."""
    noise, chance = Noise(Background(12, HOUR)), Random(1)
    late = (timedelta(seconds=chance.uniform(0, 17)) for _ in range(1000))
    assert not any(noise.exceeded(1, NOW + number * timedelta(minutes=5) + next(late)) for number in range(1000))


def test_a_visitor_uses_up_nothing_of_it() -> None:
    noise = Noise(Background(12, HOUR))
    for number in range(100):
        now = NOW + number * timedelta(minutes=5)
        assert noise.exceeded(30, now)
        assert not noise.exceeded(1, now)


def test_open_requests_are_a_visit() -> None:
    assert Noise(Background(10_000, HOUR)).exceeded(float("inf"), NOW)


@given(st.lists(st.tuples(st.floats(0, 4000), st.integers(1, 5)), max_size=60), st.integers(1, 12))
def test_more_than_that_in_a_window_is_a_visit_and_less_is_not(steps: list[tuple[float, int]], allowed: int) -> None:
    """A window is counted in steps, and is shorter by some of them."""
    noise, now, nobodys = Noise(Background(allowed, HOUR)), NOW, list[tuple[datetime, int]]()
    for later, count in steps:
        now += timedelta(seconds=later)
        in_window = sum(each for at, each in nobodys if at > now - HOUR)
        in_shorter = sum(each for at, each in nobodys if at > now - HOUR * (1 - (1 + MARGIN) / STEPS))
        visit = noise.exceeded(count, now)
        assert visit <= (in_window + count > allowed), "no more than allowed is nobody"
        assert visit >= (in_shorter + count > allowed), "more is a visit"
        if not visit:
            nobodys.append((now, count))
