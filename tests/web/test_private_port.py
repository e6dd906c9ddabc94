from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from waker.metrics import DESCRIBED, Metrics
from waker.web.private_port import ServiceReports, private_port


async def test_health_and_metrics() -> None:
    reasons: list[str] = []
    metrics = Metrics("1.2.3")
    async with TestClient(TestServer(private_port(metrics, ServiceReports(lambda: reasons)))) as client:
        assert (await client.get("/healthz")).status == 200
        assert (await client.get("/readyz")).status == 200
        reasons += ["Ingresses are not listed yet.", "No scrape yet."]
        answer = await client.get("/readyz")
        assert (answer.status, await answer.text()) == (503, "Ingresses are not listed yet.\nNo scrape yet.\n")
        assert (await client.get("/healthz")).status == 200
        assert 'kubesleeper_build_info{version="1.2.3"} 1.0' in await (await client.get("/metrics")).text()
        assert (await client.get("/else")).status == 404


async def test_of_a_door_that_this_replica_does_not_know_it_says_nothing() -> None:
    """Its book may be behind, and the app may have other doors: that it forwards nothing would be a guess."""
    known = {20_000: {"forwarding": 0, "open": False}}
    async with TestClient(TestServer(private_port(Metrics("1"), ServiceReports(forwarding=known.get)))) as client:
        assert await (await client.get("/doors/20000")).json() == known[20_000]
        assert (await client.get("/doors/20001")).status == 404


def test_metrics_are_named_as_prometheus_wants() -> None:
    metrics = Metrics("1")
    for row in DESCRIBED:
        assert getattr(metrics, row.field)
        assert row.help.endswith(".")
        assert row.name.startswith("kubesleeper_")
        assert (row.kind.__name__ == "Counter") == row.name.endswith("_total")
    families = {family.name for family in text_string_to_metric_families(metrics.exposition().decode())}
    assert families == {row.name.removesuffix("_total") for row in DESCRIBED}
    assert [row[0] for row in metrics.described()] == [row.name for row in DESCRIBED]


def test_each_process_has_its_own_registry() -> None:
    one, two = Metrics("1"), Metrics("1")
    one.forwarded.inc()
    assert b"kubesleeper_requests_forwarded_total 1.0" in one.exposition()
    assert b"kubesleeper_requests_forwarded_total 0.0" in two.exposition()
