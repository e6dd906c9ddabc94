"""What may have been lost: it extends an idle clock once, or each time, or not at all where nothing can have been lost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.traffic.fake_controller_pods import (
    AT_HAPROXY,
    AT_NGINX,
    AT_TRAEFIK,
    INTERVAL,
    SHOP,
    ScrapeScene,
    haproxy,
    nginx,
    refuse,
    traefik,
    watched,
)
from waker.plan.model import Container, Pod
from waker.plan.snapshot import Traffic
from waker.traffic.controller_pod import GRACE, OUT_OF_ROTATION
from waker.traffic.controllers import HAPROXY_INGRESS, INGRESS_NGINX, TRAEFIK, LostCounts
from waker.traffic.scrape import Scraper
from waker.traffic.watched_apps import ONE_LOSS

SERVES, SIDE = Container(frozenset({"metrics", "web"})), Container(frozenset({"9999"}))


def lost_now(scene: ScrapeScene) -> bool:
    """Whether the last round found that visits may have been lost."""
    return scene.scraper.certainty(SHOP).doubted_at == scene.now


async def replaced(scene: ScrapeScene, pod: Pod, **changes: Any) -> None:
    """The pod is not what it was, and waker has been told."""
    new = replace(pod, **changes)
    others = [each for each in scene.pods[TRAEFIK.controller] if each.uid != pod.uid]
    scene.replace(TRAEFIK, *others, new)
    await scene.round()


# --- once, or each time ---


async def test_a_loss_extends_the_clock_once_until_the_next_visit(scene: ScrapeScene) -> None:
    one, two = (scene.add(INGRESS_NGINX, name, nginx(5, 2)) for name in ("n-1", "n-2"))
    await watched(scene, AT_NGINX)
    found = []
    for pod, page, later in (
        (one, nginx(5, 3), ONE_LOSS),  # a reload
        (two, nginx(5, 3), ONE_LOSS / 2),  # which another pod follows a little later
        (one, nginx(5, 4), ONE_LOSS),  # another one
        (one, nginx(6, 4), ONE_LOSS),  # a visit
        (one, nginx(6, 5), ONE_LOSS),  # and one more reload
    ):
        scene.change(pod, page)
        await scene.round(after=later)
        found.append(lost_now(scene))
    assert found == [True, True, False, False, True]


async def test_restarts_extend_it_once_too_and_a_visit_is_a_visit(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    found = []
    for started in (2000, 3000, 4000):
        scene.change(pod, traefik(started=started, blog=1))
        await scene.round(after=timedelta(minutes=5))
        found.append(lost_now(scene))
    assert found == [True, False, False]
    assert scene.scraper.traffic(SHOP).visited_at == start, "nobody was seen"
    scene.change(pod, traefik(shop=1, started=5000))
    await scene.round()
    assert (scene.scraper.traffic(SHOP).visited_at, lost_now(scene)) == (scene.now, False)


async def test_a_visit_after_a_restart_is_seen_though_it_is_as_many_as_before(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=1))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, traefik(shop=1, started=2000))
    await scene.round()
    assert (scene.visits, scene.scraper.traffic(SHOP).visited_at) == ([SHOP], scene.now)


async def test_if_the_user_says_so_each_loss_is_a_visit(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.STRICT}
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    for started in (2000, 3000):
        scene.change(pod, traefik(started=started, blog=1))
        await scene.round(after=timedelta(minutes=5))
        traffic = scene.scraper.traffic(SHOP)
        assert (traffic.visited_at, traffic.lost, scene.visits) == (scene.now, True, [SHOP])


async def test_if_the_user_says_so_no_loss_moves_the_clock(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.IGNORE}
    pod, gone = (scene.add(TRAEFIK, name, traefik(shop=5)) for name in ("t-1", "t-2"))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    for started in (2000, 3000):
        scene.change(pod, traefik(started=started, blog=1))
        await scene.round(after=timedelta(minutes=5))
        certainty = scene.scraper.certainty(SHOP)
        assert (certainty.doubted_at, certainty.ignored_at) == (None, scene.now)
    scene.replace(TRAEFIK, pod)
    assert gone.ready
    await scene.round()
    assert scene.scraper.certainty(SHOP).ignored_at == scene.now
    assert (scene.scraper.traffic(SHOP), scene.visits) == (Traffic(start), [])
    clock = scene.scraper.watched(SHOP)
    assert clock
    assert clock.ignored
    assert clock.ignored.why == "visits may have been lost: Traefik pod t-2 went away"
    scene.change(pod, traefik(shop=1, started=3000))
    await scene.round()
    assert scene.scraper.traffic(SHOP).visited_at == scene.now, "a visit is a visit"
    assert scene.scraper.certainty(SHOP).ignored_at is None


async def test_a_reload_of_ingress_nginx_may_be_ignored(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.IGNORE}
    pod = scene.add(INGRESS_NGINX, "n-1", nginx(5, 2))
    await watched(scene, AT_NGINX)
    scene.change(pod, nginx(5, 3))
    await scene.round()
    certainty = scene.scraper.certainty(SHOP)
    assert (certainty.doubted_at, certainty.ignored_at) == (None, scene.now)
    assert certainty.loses_counts, "when its routes move, its pods stay a while"


async def test_what_one_controller_ignores_another_one_may_not(scene: ScrapeScene) -> None:
    """The controllers of one app: Traefik's losses are ignored, those of ingress-nginx are not."""
    ignoring = replace(TRAEFIK, lost_counts=LostCounts.IGNORE)
    adapters = {TRAEFIK.controller: ignoring, INGRESS_NGINX.controller: INGRESS_NGINX}
    dependencies = replace(scene.dependencies(), adapter=adapters.get)
    scene.scraper = Scraper(scene.scraper._rounds._session, dependencies)
    one, two = scene.add(TRAEFIK, "t-1", traefik(shop=5)), scene.add(INGRESS_NGINX, "n-1", nginx(5, 2))
    await watched(scene, AT_TRAEFIK, AT_NGINX)
    scene.change(one, traefik(started=2000, blog=1))
    await scene.round()
    scene.change(two, nginx(5, 3))
    await scene.round(after=2 * ONE_LOSS)
    lost_at = scene.now
    scene.change(one, traefik(started=3000, blog=1))
    await scene.round()
    certainty = scene.scraper.certainty(SHOP)
    assert (certainty.doubted_at, certainty.ignored_at) == (lost_at, scene.now)


async def test_what_a_reload_hides_is_a_visit_though_losses_are_ignored(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.IGNORE}
    page = haproxy(5, started=1000)
    pod = scene.add(HAPROXY_INGRESS, "h-1", page + '\nhaproxy_backend_current_sessions{proxy="team-a_shop_80"} 1')
    await watched(scene, AT_HAPROXY)
    scene.change(pod, haproxy(0, started=2000))
    await scene.round()
    assert (scene.scraper.traffic(SHOP).visited_at, scene.visits) == (scene.now, [SHOP])


async def test_though_losses_are_ignored_the_unknown_stays_unknown(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.IGNORE}
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, refuse(503))
    await scene.round(after=4 * INTERVAL)
    assert "t-2" in scene.scraper.traffic(SHOP).unknown


async def test_what_a_move_of_wakers_own_loses_is_no_visit(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.STRICT}
    pod = scene.add(HAPROXY_INGRESS, "h-1", haproxy(5, started=scene.now.timestamp() - 1000))
    await watched(scene, AT_HAPROXY)
    start = scene.now
    scene.scraper.moved([HAPROXY_INGRESS.controller])
    scene.change(pod, haproxy(0, started=scene.now.timestamp() + 3))
    await scene.round(after=timedelta(seconds=30))  # late, as through Prometheus
    assert scene.scraper.traffic(SHOP).visited_at == start
    assert lost_now(scene)
    scene.change(pod, haproxy(0, started=scene.now.timestamp() + 30))
    await scene.round(after=timedelta(minutes=1))
    assert scene.scraper.traffic(SHOP).visited_at == scene.now, "somebody else made it reload"


async def test_a_reload_of_ingress_nginx_by_a_move_is_no_visit_either(scene: ScrapeScene) -> None:
    scene.changes = {"lost_counts": LostCounts.STRICT}
    pod = scene.add(INGRESS_NGINX, "n-1", nginx(5, 2))
    await watched(scene, AT_NGINX)
    start = scene.now
    scene.scraper.moved([INGRESS_NGINX.controller])
    scene.change(pod, nginx(5, 3))
    await scene.round()
    assert scene.scraper.traffic(SHOP).visited_at == start
    await scene.round(after=timedelta(minutes=1))
    scene.change(pod, nginx(5, 4))
    await scene.round()
    assert scene.scraper.traffic(SHOP).visited_at == scene.now


async def test_how_often_a_pod_began_again_is_told(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    for count, started in ((1, 2000), (2, 3000), (3, 4000)):
        scene.change(pod, traefik(shop=count, started=started))
        await scene.round()
    clock = scene.scraper.watched(SHOP)
    assert clock
    assert clock.seen_at == scene.now
    scene.change(pod, traefik(started=5000, blog=1))
    await scene.round()
    assert clock.loss
    assert clock.loss.why == "visits may have been lost: Traefik pod t-1 began to count anew, 4 times in 24 h"


# --- a pod that cannot have counted ---


async def test_a_container_beside_the_one_that_serves_may_restart(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.replace(TRAEFIK, replace(pod, containers=(SERVES, SIDE)))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    for count in (1, 2):
        await replaced(scene, pod, containers=(SERVES, SIDE._replace(restarts=count, running=False)), ready=False)
        assert scene.scraper.certainty(SHOP).doubted_at is None
        assert scene.scraper.traffic(SHOP).visited_at == start, "its counts are those of before"
    await replaced(scene, pod, containers=(SERVES._replace(restarts=1), SIDE), ready=False)
    assert lost_now(scene)


async def test_its_start_time_outranks_kubernetes_count_of_restarts(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    await replaced(scene, pod, containers=(Container(restarts=1),))
    assert scene.scraper.certainty(SHOP).doubted_at is None


async def test_a_crash_loop_loses_something_once(scene: ScrapeScene) -> None:
    """It served before its first crash, and never after that."""
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(blog=1))
    scene.replace(TRAEFIK, *scene.pods[TRAEFIK.controller][:1], replace(pod, containers=(SERVES,)))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, refuse(503))
    losses = []
    for count in range(1, 5):
        for running in (False, True):
            container = SERVES._replace(restarts=count, running=running)
            await replaced(scene, pod, containers=(container,), ready=False)
            losses.append(lost_now(scene))
            assert scene.scraper.traffic(SHOP).unknown == "", "it serves nobody"
    assert losses == [True, *[False] * 7]


async def test_where_no_pod_serves_nothing_is_known(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.replace(TRAEFIK, replace(pod, containers=(SERVES,)))
    await watched(scene, AT_TRAEFIK)
    await replaced(scene, pod, containers=(SERVES._replace(running=False),), ready=False)
    assert scene.scraper.traffic(SHOP).unknown.startswith("no pod of Traefik serves now")


async def test_a_new_pod_is_not_waited_for_before_it_serves(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    pod = scene.add(TRAEFIK, "t-2", refuse(503), ready=False)
    await scene.round()
    assert scene.scraper.traffic(SHOP).unknown == ""
    scene.change(pod, traefik(blog=1))
    await replaced(scene, pod, ready=True)
    assert (scene.scraper.traffic(SHOP).unknown, scene.scraper.certainty(SHOP).doubted_at) == ("", None)


async def test_a_new_pod_that_went_before_it_served_took_nothing_along(scene: ScrapeScene) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.add(TRAEFIK, "t-2", refuse(503), ready=False)
    await scene.round()
    scene.replace(TRAEFIK, first)
    await scene.round()
    assert scene.scraper.certainty(SHOP).doubted_at is None


async def test_a_process_that_followed_another_before_it_was_read(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    pod = scene.add(TRAEFIK, "t-2", refuse(503))
    await scene.round()
    scene.change(pod, traefik(blog=1, started=scene.now.timestamp() + 10))
    await scene.round()
    assert lost_now(scene), "it was ready before this process began"


async def test_a_pod_that_is_excused_takes_nothing_along(scene: ScrapeScene) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, refuse(503))
    await replaced(scene, pod, ready=False)
    await scene.round(after=GRACE)
    scene.replace(TRAEFIK, first)
    await scene.round()
    assert scene.scraper.certainty(SHOP).doubted_at is None


async def test_a_pod_that_served_and_ended_between_two_looks(scene: ScrapeScene) -> None:
    """Of a new one nobody has seen more than that it is not ready; Kubernetes knew that it was."""
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    pod = scene.add(TRAEFIK, "t-2", refuse(503), ready=False)
    await replaced(scene, pod, containers=(SERVES._replace(restarts=1),), ready=False, ready_after=0)
    assert lost_now(scene)
    await scene.round(after=timedelta(minutes=5))
    assert not lost_now(scene), "once"


async def test_a_known_pod_that_served_and_ended_between_two_looks(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", refuse(503), ready=False)
    pod = replace(pod, containers=(SERVES,))
    await watched(scene, AT_TRAEFIK)
    await scene.round(after=GRACE)
    for containers, ready_after, lost in (
        ((SERVES._replace(running=False),), 0, True),  # it was ready, and its container has ended
        ((SERVES._replace(running=False),), 0, False),
        ((SERVES._replace(restarts=1),), 0, False),  # it runs again
        ((SERVES._replace(restarts=2),), 0, False),
        ((SERVES._replace(restarts=3),), 2, True),  # it was ready once more in between
    ):
        await replaced(scene, pod, containers=containers, ready=False, ready_after=ready_after)
        clock = scene.scraper.watched(SHOP)
        assert clock
        assert (bool(clock.loss) and clock.loss.at == scene.now) is lost, containers  # type: ignore[union-attr]
        clock.requested(1, scene.now, "a visit")


# --- coming and going ---


async def test_a_pod_that_was_read_to_its_end_took_nothing_along(scene: ScrapeScene) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.replace(TRAEFIK, first, replace(pod, ready=False, terminating=True))
    for _ in range(3):
        scene.now += OUT_OF_ROTATION / 2
        await scene.scraper.read_urgent()
    scene.replace(TRAEFIK, first)
    await scene.scraper.read_urgent()
    assert scene.scraper.certainty(SHOP).doubted_at is None


@pytest.mark.parametrize("reads", [0, 1])
async def test_a_pod_that_closed_at_once_took_its_last_seconds_along(scene: ScrapeScene, reads: int) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.replace(TRAEFIK, first, replace(pod, ready=False, terminating=True))
    for _ in range(reads):
        await scene.scraper.read_urgent()
    scene.now += OUT_OF_ROTATION
    scene.replace(TRAEFIK, first)
    await scene.scraper.read_urgent()
    assert lost_now(scene)


async def test_who_is_about_to_go_is_read_between_the_rounds(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, traefik(shop=6))
    await scene.scraper.read_urgent()
    assert scene.visits == [], "all is well, so nobody is read"
    scene.replace(TRAEFIK, *scene.pods[TRAEFIK.controller][:1], replace(pod, ready=False))
    before = len(scene.requests)
    await scene.scraper.read_urgent()
    assert (scene.visits, len(scene.requests) - before) == ([SHOP], 1)


async def test_a_pod_at_its_nodes_own_address_is_waited_for(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    pod = scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, refuse(503))
    await replaced(scene, pod, ready=False, on_node=True)
    await scene.round(after=GRACE)
    assert "controller.CLASS.excuse-after" in scene.scraper.traffic(SHOP).unknown
    scene.changes = {"excuse_after": GRACE}
    await scene.round()
    assert scene.scraper.traffic(SHOP).unknown == ""


# --- right before a move ---


async def test_all_pods_are_read_right_before_a_move(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, traefik(shop=6))
    scene.now += timedelta(seconds=5)
    await scene.scraper.read_now(SHOP)
    assert scene.scraper.traffic(SHOP).visited_at == scene.now
    before = len(scene.requests)
    await scene.scraper.read_now(SHOP)
    assert len(scene.requests) == before, "that was just done"


async def test_slow_pods_are_fresh_for_longer(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    controller = scene.scraper.controller(TRAEFIK.controller)
    assert controller
    next(iter(controller.pods.values())).took = timedelta(seconds=50)
    await scene.scraper.read_urgent()
    assert controller.why_unknown(scene.now + timedelta(seconds=149), scene.interval) == ""
    why = controller.why_unknown(scene.now + timedelta(seconds=151), scene.interval)
    assert why.endswith(
        "has not been read lately, as reading all 1 pods takes 50s; if that stays, set a longer scrape-interval"
    )


async def test_a_long_interval_is_patient(scene: ScrapeScene) -> None:
    scene.interval = timedelta(minutes=15)
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.now += 2.9 * scene.interval
    assert scene.scraper.traffic(SHOP).unknown == ""
    scene.now += 0.2 * scene.interval
    assert "set a longer scrape-interval" in scene.scraper.traffic(SHOP).unknown
