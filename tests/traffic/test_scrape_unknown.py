"""When an app's traffic is unknown, and the sentence that says why."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from tests.traffic.fake_controller_pods import (
    AT_CONTOUR,
    AT_TRAEFIK,
    BLOG,
    SHOP,
    Answer,
    ScrapeScene,
    contour,
    refuse,
    traefik,
    watched,
)
from waker.plan.model import Pod
from waker.plan.snapshot import Traffic
from waker.traffic.controller_pod import FRESH_INTERVALS
from waker.traffic.controllers import CONTOUR, TRAEFIK, Interest
from waker.traffic.scrape import Scraper


async def test_a_name_that_is_not_proven_is_unknown_until_it_counts(scene: ScrapeScene) -> None:
    adapter = replace(TRAEFIK, names_proven=False)
    scene.scraper = Scraper(scene.scraper._rounds._session, replace(scene.dependencies(), adapter=lambda _: adapter))
    pods = [scene.add(TRAEFIK, name, traefik(blog=5)) for name in ("t-1", "t-2")]
    await watched(scene, AT_TRAEFIK)
    assert "counted nothing as team-a-shop-80@kubernetes yet" in scene.scraper.traffic(SHOP).unknown
    scene.change(pods[1], traefik(blog=5, shop=1))
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now), "one pod of them proves the name"


async def test_a_backend_that_envoy_does_not_list_is_unknown(scene: ScrapeScene) -> None:
    envoy = scene.add(CONTOUR, "e-1", contour(("team-a_other_80", 3, 0)))
    await watched(scene, AT_CONTOUR)
    assert scene.scraper.traffic(SHOP).unknown == (
        "Contour pod ingress/e-1 does not list team-a_shop_80; check that Contour serves this route"
    )
    scene.change(envoy, contour(("team-a_shop_80", 0, 0)))
    await scene.round()
    assert not scene.scraper.traffic(SHOP).unknown


async def hang_up(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(traefik(shop=5).encode())
    assert request.transport
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("page", "why"),
    [
        pytest.param(refuse(404), "(HTTP 404); run Traefik with", id="metrics switched off"),
        pytest.param(refuse(302), "HTTP 302", id="redirects are not followed"),
        pytest.param(hang_up, "broke off its metrics page", id="half a page"),
        pytest.param(traefik() + '\ntraefik_service_requests_total{x="1\n', "malformed line", id="malformed"),
        pytest.param(traefik(shop=float("nan")), "is not a count", id="not a number"),
        pytest.param("<html>welcome</html>", "sends no metrics page (markup)", id="another page"),
        pytest.param(traefik(), "shows no traefik_service_requests_total yet; if that stays, run", id="counts nothing"),
    ],
)
async def test_a_page_that_says_nothing_is_unknown_after_three_intervals(
    scene: ScrapeScene, page: str | Answer, why: str
) -> None:
    first = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.add(TRAEFIK, "t-2", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    scene.change(first, page)
    await scene.round()
    known_at_once = scene.scraper.traffic(SHOP)
    assert known_at_once.visited_at == start
    for _ in range(3):
        await scene.round()
    unknown = scene.scraper.traffic(SHOP)
    assert unknown.visited_at == start, "unknown does not move the clock"
    assert unknown.unknown.startswith("Traefik pod ingress/t-1 ")
    assert why in unknown.unknown
    scene.change(first, traefik(shop=5))
    await scene.round()
    assert not scene.scraper.traffic(SHOP).unknown


async def test_who_waits_hears_once_when_traffic_is_known_again(scene: ScrapeScene) -> None:
    pods = [scene.add(TRAEFIK, name, refuse(503)) for name in ("t-1", "t-2")]
    scene.add(CONTOUR, "e-1", contour(("team-b_blog_80", 5, 0)))
    await watched(scene, AT_TRAEFIK)
    await watched(scene, Interest(CONTOUR.controller, ("team-b_blog_80",)), app=BLOG)
    scene.scraper.await_known(SHOP)
    await scene.round()
    scene.change(pods[0], traefik(shop=5))
    await scene.round()
    assert scene.known == [], "one of its controller's pods is still unread"
    scene.change(pods[1], traefik(shop=5))
    await scene.round()
    assert (scene.known, scene.scraper.traffic(SHOP).unknown) == ([SHOP], "")
    await scene.round()
    assert scene.known == [SHOP], "who has heard of it does not wait any more, and nobody waits for the blog"


@pytest.mark.parametrize("listed", [pytest.param(False, id="not listed"), pytest.param(True, id="listed")])
async def test_who_waits_hears_nothing_while_a_controller_does_not_list_the_app(
    scene: ScrapeScene, *, listed: bool
) -> None:
    envoy = scene.add(CONTOUR, "e-1", contour(("team-a_other_80", 3, 0)))
    await watched(scene, AT_CONTOUR)
    scene.scraper.await_known(SHOP)
    scene.change(envoy, contour(("team-a_shop_80" if listed else "team-a_other_80", 3, 0)))
    await scene.round()
    assert scene.known == ([SHOP] if listed else [])


async def test_nobody_waits_for_an_app_that_is_not_watched_any_more(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", refuse(503))
    await watched(scene, AT_TRAEFIK)
    scene.scraper.await_known(SHOP)
    scene.scraper.unwatch(SHOP)
    scene.change(pod, traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    await scene.round()
    assert scene.known == []


async def test_one_failed_page_is_not_yet_unknown(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.change(pod, refuse(503))
    await scene.round()
    assert scene.scraper.traffic(SHOP).unknown == ""
    assert scene.scrapes == [(TRAEFIK.controller, True), (TRAEFIK.controller, False)]


async def test_a_pod_that_cannot_be_reached(scene: ScrapeScene) -> None:
    scene.pods[TRAEFIK.controller] = [Pod("ingress", "t-1", "uid", "127.0.0.9", ready=True, ports={"metrics": 1})]
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP).unknown == (
        "Traefik pod ingress/t-1 refuses connections at 127.0.0.9:1, so nothing listens there; "
        "run Traefik with --metrics.prometheus=true and leave its addServicesLabels on, or set controller.CLASS.port"
    )


async def test_a_pod_that_hangs_does_not_make_others_unknown(scene: ScrapeScene) -> None:
    scene.interval, released = timedelta(seconds=0.2), asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response(text=traefik(shop=6))

    stuck = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    scene.add(CONTOUR, "envoy-1", contour(("team-b_blog_80", 5, 0)))
    await watched(scene, AT_TRAEFIK)
    await watched(scene, Interest(CONTOUR.controller, ("team-b_blog_80",)), app=BLOG)
    scene.change(stuck, hang)
    for _ in range(FRESH_INTERVALS + 1):
        await scene.round(after=scene.interval)
    assert scene.scraper.traffic(BLOG).unknown == ""
    assert scene.scraper.traffic(SHOP).unknown == (
        "Traefik pod ingress/t-1 has not been read lately; if that stays, set a longer scrape-interval"
    )
    released.set()
    await scene.round(after=scene.interval)
    assert (scene.visits, scene.scraper.traffic(SHOP).unknown) == ([SHOP], "")


@pytest.mark.parametrize(
    ("interests", "why"),
    [
        pytest.param([], "no ingress controller counts its visits", id="no route"),
        pytest.param(
            [Interest("example.org/x", ())],
            "waker does not know the metrics of ingress controller example.org/x; set controller.CLASS.adapter",
            id="unknown controller",
        ),
        pytest.param(
            [Interest("", ())],
            "the class of its route names no controller; set an ingressClassName",
            id="no controller",
        ),
    ],
)
async def test_what_nobody_counts_is_unknown(scene: ScrapeScene, interests: Iterable[Interest], why: str) -> None:
    await watched(scene, *interests)
    assert scene.scraper.traffic(SHOP).unknown.startswith(why)
