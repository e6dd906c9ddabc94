"""Apps and controllers that waker begins to watch, stops watching, or watches differently."""

import asyncio
from dataclasses import replace
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from tests.traffic.fake_controller_pods import (
    AT_TRAEFIK,
    BLOG,
    BLOG_AT_TRAEFIK,
    INTERVAL,
    SHOP,
    ScrapeScene,
    traefik,
    watched,
)
from waker.plan.snapshot import Traffic
from waker.traffic.controllers import INGRESS_NGINX, ISTIO, KONG, NGINX, TRAEFIK, Adapter
from waker.traffic.ledger import ScrapeBuilder
from waker.traffic.lines import Sample
from waker.traffic.scrape import Scraper
from waker.traffic.visit_record import decode, encode

LONG = ("websocket", "sse", "grpc")


async def test_a_newly_watched_series_starts_the_clock(scene: ScrapeScene) -> None:
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5, blog=9))
    await watched(scene, AT_TRAEFIK)
    start = scene.now
    scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK, BLOG_AT_TRAEFIK}))
    assert "has not been read for team-b-blog-http@kubernetes yet" in scene.scraper.traffic(SHOP).unknown
    assert scene.scraper.traffic(SHOP).visited_at == start
    await scene.round()
    assert (scene.scraper.traffic(SHOP), scene.visits) == (Traffic(scene.now), [])
    again = scene.now
    scene.scraper.watch(SHOP, frozenset({BLOG_AT_TRAEFIK}))
    scene.change(pod, traefik(shop=6, blog=9))
    await scene.round()
    assert scene.scraper.traffic(SHOP) == Traffic(again), "one series less starts nothing"


async def test_a_forgotten_app_begins_anew(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    scene.scraper.forget(SHOP)
    await scene.round()
    assert len(scene.requests) == 1, "no app is watched, no pod is scraped"
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now)


async def test_a_controller_that_is_new_is_scraped_at_once(scene: ScrapeScene) -> None:
    read = asyncio.Event()

    async def note(_: web.Request) -> web.StreamResponse:
        read.set()
        return web.Response(text=traefik(shop=5))

    scene.add(TRAEFIK, "t-1", note)
    running = asyncio.create_task(scene.scraper.run())
    await asyncio.sleep(0)
    scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK}))
    async with asyncio.timeout(INTERVAL.total_seconds() / 2):
        await read.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_history_of_websockets_outlives_a_sleep(scene: ScrapeScene) -> None:
    page = traefik() + '\ntraefik_service_requests_total{protocol="websocket",service="team-a-shop-80@kubernetes"} 1'
    pod = scene.add(TRAEFIK, "t-1", page)
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP) == Traffic(scene.now, lasting=True)
    scene.scraper.unwatch(SHOP)
    scene.change(pod, traefik(blog=1))
    await watched(scene, AT_TRAEFIK)
    assert scene.scraper.traffic(SHOP).lasting, "its series went with its sleep"
    scene.scraper.forget(SHOP)
    await watched(scene, AT_TRAEFIK)
    assert not scene.scraper.traffic(SHOP).lasting


async def test_settings_take_effect_in_the_next_round(scene: ScrapeScene) -> None:
    adapters = {TRAEFIK.controller: TRAEFIK}
    dependencies = replace(scene.dependencies(), adapter=adapters.get)
    scene.scraper = Scraper(scene.scraper._rounds._session, dependencies)
    pod = scene.add(TRAEFIK, "t-1", traefik(shop=5))
    await watched(scene, AT_TRAEFIK)
    adapters[TRAEFIK.controller] = replace(TRAEFIK, path="/elsewhere")
    await scene.round()
    assert [request.path for request in scene.requests] == ["/metrics", "/elsewhere"]
    assert scene.scraper.traffic(SHOP).unknown == ""
    assert pod.ready


@pytest.mark.parametrize(
    ("adapter", "label"),
    [(INGRESS_NGINX, "101"), (KONG, "101"), (ISTIO, "101"), (NGINX, "101"), *((TRAEFIK, each) for each in LONG)],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_who_tells_of_long_connections(adapter: Adapter, label: str) -> None:
    """A WebSocket that has ended shows by its status 101 or its protocol."""
    assert adapter.lasting
    labels = dict(zip(adapter.requests.labels, ("a",) * 3, strict=False))
    key = adapter.requests.key(labels)
    found = []
    for value in ("200", label):
        builder = ScrapeBuilder(adapter, frozenset({key}))
        builder.add([Sample(adapter.requests.metric, labels | {adapter.lasting.label: value}, 1.0)])
        found.append(builder.scrape().lasting)
    assert found == [frozenset(), {key}]


async def test_it_is_remembered_over_a_restart_of_waker(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(shop=5).replace('code="200"', 'code="101",protocol="websocket"'))
    await watched(scene, AT_TRAEFIK)
    record = decode(encode(scene.scraper.record()))
    later = ScrapeScene(now=scene.now)
    later.scraper = Scraper(cast(aiohttp.ClientSession, None), later.dependencies())
    later.scraper.recall(record)
    later.scraper.watch(SHOP, frozenset({AT_TRAEFIK}))
    assert later.scraper.traffic(SHOP).lasting
    later.scraper.watch(BLOG, frozenset({AT_TRAEFIK}))
    assert not later.scraper.traffic(BLOG).lasting
