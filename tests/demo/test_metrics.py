"""The metrics page: Traefik's format, and the life of its series."""

from waker.demo.metrics import DemoMetrics, Served

SHOP = "n-shop-http@kubernetes"


def lines(metrics: DemoMetrics, start: str) -> list[str]:
    return [line for line in metrics.page().splitlines() if line.startswith(start)]


def test_a_request_is_a_line() -> None:
    metrics = DemoMetrics()
    metrics.count(Served(200, "GET", SHOP, 0.2, received=3, sent=7))
    metrics.count(Served(200, "GET", SHOP, 2.0))
    labels = 'code="200",method="GET",protocol="http",service="n-shop-http@kubernetes"'
    assert lines(metrics, "traefik_service_requests_total") == [f"traefik_service_requests_total{{{labels}}} 2"]
    assert lines(metrics, "traefik_service_requests_bytes") == [f"traefik_service_requests_bytes_total{{{labels}}} 3"]
    assert lines(metrics, "traefik_service_responses_") == [f"traefik_service_responses_bytes_total{{{labels}}} 7"]
    buckets = lines(metrics, "traefik_service_request_duration_seconds_bucket")
    assert [line.rpartition(",le=")[2] for line in buckets] == [
        '"0.1"} 0',
        '"0.3"} 1',
        '"1.2"} 1',
        '"5"} 2',
        '"+Inf"} 2',
    ]
    assert lines(metrics, "traefik_service_request_duration_seconds_count") == [
        f"traefik_service_request_duration_seconds_count{{{labels}}} 2"
    ]


def test_families_are_introduced_and_absent_while_empty() -> None:
    metrics = DemoMetrics()
    assert "traefik_service_requests_total" not in metrics.page()
    metrics.count(Served(200, "GET", SHOP, 0.0))
    page = metrics.page().splitlines()
    text = "How many HTTP requests processed on a service, partitioned by status code, protocol, and method."
    place = page.index(f"# HELP traefik_service_requests_total {text}")
    assert page[place + 1] == "# TYPE traefik_service_requests_total counter"


def test_no_server_asked_is_no_request_of_the_service() -> None:
    metrics = DemoMetrics()
    metrics.count(Served(503, "GET", "", 0.0))
    assert lines(metrics, "traefik_service") == []
    assert lines(metrics, "traefik_entrypoint_requests_total") == [
        'traefik_entrypoint_requests_total{code="503",entrypoint="web",method="GET",protocol="http"} 1'
    ]


def test_a_service_that_is_gone_is_told_once_more() -> None:
    metrics = DemoMetrics()
    metrics.count(Served(200, "GET", SHOP, 0.0))
    metrics.reloaded(frozenset(), now=0.0)
    assert len(lines(metrics, "traefik_service_requests_total{")) == 1
    assert lines(metrics, "traefik_service_requests_total{") == []


def test_a_service_that_came_back_in_time_keeps_its_series() -> None:
    metrics = DemoMetrics()
    metrics.count(Served(200, "GET", SHOP, 0.0))
    metrics.reloaded(frozenset(), now=0.0)
    metrics.reloaded(frozenset({SHOP}), now=0.0)
    metrics.page()
    assert metrics.requests(SHOP) == 1
