"""The ingress's metrics: Traefik's format, and the life of a series."""

from waker.demo.metrics import DemoMetrics, ServedRequest

SHOP = "n-shop-http@kubernetes"


def lines(metrics: DemoMetrics, start: str) -> list[str]:
    return [line for line in metrics.exposition().splitlines() if line.startswith(start)]


def test_requests_are_counted_by_labels() -> None:
    metrics = DemoMetrics()
    metrics.count(ServedRequest(200, "GET", SHOP, 0.2, received=3, sent=7))
    metrics.count(ServedRequest(200, "GET", SHOP, 2.0))
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


def test_a_family_has_help_and_type_and_is_absent_while_empty() -> None:
    metrics = DemoMetrics()
    assert "traefik_service_requests_total" not in metrics.exposition()
    metrics.count(ServedRequest(200, "GET", SHOP, 0.0))
    exposition = metrics.exposition().splitlines()
    text = "How many HTTP requests processed on a service, partitioned by status code, protocol, and method."
    index = exposition.index(f"# HELP traefik_service_requests_total {text}")
    assert exposition[index + 1] == "# TYPE traefik_service_requests_total counter"


def test_a_request_without_a_server_counts_for_the_entrypoint_only() -> None:
    metrics = DemoMetrics()
    metrics.count(ServedRequest(503, "GET", "", 0.0))
    assert lines(metrics, "traefik_service") == []
    assert lines(metrics, "traefik_entrypoint_requests_total") == [
        'traefik_entrypoint_requests_total{code="503",entrypoint="web",method="GET",protocol="http"} 1'
    ]


def test_the_series_of_a_removed_service_are_exposed_once_more() -> None:
    metrics = DemoMetrics()
    metrics.count(ServedRequest(200, "GET", SHOP, 0.0))
    metrics.reloaded(frozenset(), now=0.0)
    assert len(lines(metrics, "traefik_service_requests_total{")) == 1
    assert lines(metrics, "traefik_service_requests_total{") == []


def test_a_service_that_returns_in_time_keeps_its_series() -> None:
    metrics = DemoMetrics()
    metrics.count(ServedRequest(200, "GET", SHOP, 0.0))
    metrics.reloaded(frozenset(), now=0.0)
    metrics.reloaded(frozenset({SHOP}), now=0.0)
    metrics.exposition()
    assert metrics.requests(SHOP) == 1
