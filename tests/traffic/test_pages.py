"""Each controller's metrics page in its true format, with the pitfalls of its names: what waker reads of it for one app.

The pages of haproxytech, haproxy-ingress, skipper, traefik, ingress-nginx and contour come from the real programs.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.traffic.offline import scrape_of
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers import (
    ALL,
    ENVOY_GATEWAY,
    HAPROXYTECH,
    INGRESS_NGINX,
    ISTIO,
    KONG,
    TRAEFIK,
    Adapter,
    SeriesKey,
    Values,
    interest,
)
from waker.traffic.exposition import Exposition
from waker.traffic.ledger import Scrape

PAGES = Path(__file__).parent / "pages"
SHOP = CountedBackend(
    "team-a", "shop", "shop-web", "http", "http", 80, port_target=8080, host="shop.example.org", path="/"
)
BLOG = CountedBackend("team-a", "blog", "blog", "http", "http", 80)
BY_NAME = {each.name: each for each in (*ALL, ENVOY_GATEWAY)}


def read(adapter: Adapter, file: str, *keys: SeriesKey) -> Scrape:
    return scrape_of((PAGES / file).read_bytes(), adapter, frozenset(keys))


def total(scrape: Scrape) -> float:
    return sum(each.total for each in scrape.tallies.values())


@pytest.mark.parametrize(
    ("name", "backend", "counted", "open_now"),
    [
        pytest.param("traefik", SHOP, 1, False, id="traefik v3"),
        pytest.param("contour", SHOP, 2, False, id="contour"),
        pytest.param("envoy-gateway", SHOP, 77, True, id="envoy gateway: this rule"),
        pytest.param("envoy-gateway", SHOP._replace(rule=1), 3, False, id="envoy gateway: another rule"),
        pytest.param("cilium", SHOP, 43, True, id="cilium: shared and dedicated, with _ and with :"),
        pytest.param("cilium", BLOG, 0, False, id="cilium: known and not visited"),
        pytest.param("istio", SHOP, 217, False, id="istio: every status"),
        pytest.param("kong", SHOP, 1209, False, id="kong: not what it answers by itself"),
        pytest.param("kong", BLOG, 1, False, id="kong v2: the port's kind"),
        pytest.param("nginx", SHOP, 33, False, id="f5: over all pods"),
        pytest.param("nginx-plus", SHOP, 31, True, id="f5 plus: an open request"),
        pytest.param("nginx-plus", BLOG, 0, False, id="f5 plus: known and not visited"),
        pytest.param("haproxytech", SHOP, 4, True, id="haproxytech: an open websocket"),
        pytest.param("haproxy-ingress", SHOP, 4, True, id="haproxy-ingress: an open websocket"),
        pytest.param("haproxytech", BLOG._replace(port_name=""), 1, False, id="haproxytech: a port without a name"),
        pytest.param("skipper", SHOP, 4, False, id="skipper"),
        pytest.param(
            "skipper", SHOP._replace(object_name="rest", default_backend=True), 1, False, id="skipper: default backend"
        ),
    ],
)
def test_what_is_read_for_an_app(name: str, backend: CountedBackend, counted: float, open_now: bool) -> None:
    adapter = BY_NAME[name]
    scrape = read(adapter, f"{name}.txt", *interest(adapter, backend).keys)
    assert total(scrape) == counted
    assert bool(scrape.open) is open_now
    assert scrape.proven
    assert (scrape.started is not None) == (adapter.process is not None)


@pytest.mark.parametrize("adapter", ALL, ids=lambda adapter: adapter.name)
def test_a_neighbour_is_somebody_else(adapter: Adapter) -> None:
    other = CountedBackend(
        "team", "a-shop", "web", "http", "http", 80, port_target=8080, host="web.example.org", path="/"
    )
    scrape = read(adapter, f"{adapter.name}.txt", *interest(adapter, other).keys)
    assert scrape.proven
    assert scrape.tallies == {}


def test_traefik_v2_shows_open_connections_and_a_history_of_websockets() -> None:
    keys = interest(TRAEFIK, SHOP).keys
    scrape = read(TRAEFIK, "traefik-v2.txt", *keys)
    assert total(scrape) == 919, "by both providers"
    assert scrape.open == {keys[0]} == scrape.lasting
    blog = read(TRAEFIK, "traefik-v2.txt", *interest(TRAEFIK, BLOG._replace(port_written=80)).keys)
    assert (total(blog), blog.open, blog.lasting) == (5, frozenset(), frozenset())


@pytest.mark.parametrize(
    ("adapter", "status", "counted"),
    [
        pytest.param(ISTIO, "404", 210, id="istio"),
        pytest.param(KONG, "404", 1200, id="kong, beside what it never counts"),
        pytest.param(ISTIO, "301", 217, id="one that is not there"),
    ],
)
def test_a_status_that_is_ignored(adapter: Adapter, status: str, counted: float) -> None:
    ignoring = replace(adapter, not_visits=(*adapter.not_visits, Values(adapter.status, frozenset({status}))))
    scrape = read(ignoring, f"{adapter.name}.txt", *interest(adapter, SHOP).keys)
    assert total(scrape) == counted
    assert scrape.proven, "the pod counts all the same"


def test_each_status_label_is_on_the_page() -> None:
    for adapter in ALL:
        if adapter.status:
            exposition = Exposition([adapter.proof])
            page = (PAGES / f"{adapter.name}.txt").read_bytes()
            samples = [*exposition.feed(page), *exposition.finish()]
            assert all(sample.labels[adapter.status].isdigit() for sample in samples)
    assert INGRESS_NGINX.status == "status"


def slots(backends: int) -> str:
    """haproxytech's page without the filter: 42 padded servers a backend, of which each has a dozen lines."""
    lines = ["haproxy_process_start_time_seconds 1786000123"]
    for number in range(backends):
        proxy = f"team-a_svc_app{number}_http"
        lines += [f'haproxy_backend_sessions_total{{proxy="{proxy}"}} {number}']
        lines += [f'haproxy_backend_current_sessions{{proxy="{proxy}"}} {number % 2}']
        lines += [f'haproxy_backend_last_session_seconds{{proxy="{proxy}"}} -1']
        lines += [
            f'haproxy_server_{metric}{{proxy="{proxy}",server="SRV_{slot}"}} 7'
            for slot in range(42)
            for metric in (
                "sessions_total",
                "current_sessions",
                "status",
                "bytes_in_total",
                "bytes_out_total",
                "weight",
            )
        ]
    return "\n".join(lines)


def combinations(ingresses: int) -> str:
    """ingress-nginx's page: of each combination 14 lines of a histogram and one that counts."""
    lines = []
    for number in range(ingresses):
        for status in ("200", "304", "308", "404", "503"):
            labels = (
                f'host="a{number}.example.org",ingress="a{number}",namespace="team-a",service="web",status="{status}"'
            )
            name = "nginx_ingress_controller_request_duration_seconds_bucket"
            lines += [f'{name}{{{labels},le="{le}"}} 3' for le in range(14)]
            lines += [f"nginx_ingress_controller_requests{{{labels}}} 3"]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("adapter", "text", "backend", "counted"),
    [
        pytest.param(HAPROXYTECH, slots(50), SHOP._replace(service="app7"), 7, id="haproxytech: 42 slots a backend"),
        pytest.param(
            INGRESS_NGINX, combinations(200), SHOP._replace(object_name="a7", service="web"), 15, id="nginx: histograms"
        ),
    ],
)
def test_large_pages(adapter: Adapter, text: str, backend: CountedBackend, counted: float) -> None:
    keys = frozenset(interest(adapter, backend).keys)
    scrape = scrape_of(text.encode(), adapter, keys, step=4096)
    assert total(scrape) == counted
    assert scrape.open == (keys & {("team-a_svc_app7_http",)})
