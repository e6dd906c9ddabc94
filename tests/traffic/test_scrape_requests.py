"""What waker asks a controller pod for, and how it reads a large page."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.traffic.fake_controller_pods import AT_CONTOUR, AT_TRAEFIK, SHOP, ScrapeScene, contour, traefik, watched
from waker.traffic import exposition, fetch
from waker.traffic.controllers import CONTOUR, INGRESS_NGINX, TRAEFIK, Interest


async def test_envoy_is_asked_for_the_two_lines_that_matter_only(scene: ScrapeScene) -> None:
    scene.add(CONTOUR, "e-1", contour(("team-a_shop_80", 3, 0)))
    await watched(scene, AT_CONTOUR)
    (request,) = scene.requests
    assert request.path == "/stats/prometheus"
    assert dict(request.query) == {"filter": r"^(cluster\..*\.upstream_rq_(total|active)|server\.uptime)$"}


async def test_a_large_page_is_asked_for_compressed_and_read_in_slices(
    scene: ScrapeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compressed(request: web.Request) -> web.StreamResponse:
        filler = "".join(f'traefik_other{{n="{n:0200}"}} {n}\n' for n in range(5000))
        response = web.Response(text=filler + traefik(shop=5))
        response.enable_compression()
        return response

    slices: list[int] = []
    feed = exposition.Exposition.feed

    def noted(self: exposition.Exposition, chunk: bytes) -> Any:
        slices.append(len(chunk))
        return feed(self, chunk)

    monkeypatch.setattr(exposition.Exposition, "feed", noted)
    scene.add(TRAEFIK, "t-1", compressed)
    await watched(scene, AT_TRAEFIK)
    await scene.round()
    assert [request.headers["Accept-Encoding"] for request in scene.requests] == ["identity", "gzip"]
    assert max(slices) <= fetch.SLICE
    assert sum(slices) > 2 << 20
    assert not scene.scraper.traffic(SHOP).unknown


async def test_a_page_without_end_is_given_up(scene: ScrapeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(fetch, "TIMEOUT", aiohttp.ClientTimeout(total=30))

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b'x{a="b"} 1\n' * 1000)

    scene.add(INGRESS_NGINX, "n-1", endless)
    await watched(scene, Interest(INGRESS_NGINX.controller, ("team-a", "shop", "shop")))
    assert "sends a metrics page of more than 1 MB" in scene.scraper.traffic(SHOP).unknown
