"""The ledger: what counts as a visit between two scrapes of a pod."""

from datetime import UTC, datetime, timedelta

import pytest

from waker.errors import ScrapeError
from waker.traffic.controllers import CONTOUR, INGRESS_NGINX, SeriesKey
from waker.traffic.ledger import SHOWN_WITHIN, Ledger, Movement, Scrape, ScrapeBuilder
from waker.traffic.lines import Sample

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY: SeriesKey = ("team-a_shop_80",)
OTHER: SeriesKey = ("team-a_blog_80",)
SHOP: SeriesKey = ("team-a", "shop", "web")
KEYS = frozenset({KEY, OTHER})


def scrape(*series: tuple[str, float], cluster: str = KEY[0], active: float = 0, uptime: float = 60) -> Scrape:
    """A scrape of Envoy with one cluster; its series differ in one more label."""
    builder = ScrapeBuilder(CONTOUR, KEYS)
    builder.add(
        Sample("envoy_cluster_upstream_rq_total", {"envoy_cluster_name": cluster, "zone": zone}, value)
        for zone, value in series
    )
    builder.add([Sample("envoy_cluster_upstream_rq_active", {"envoy_cluster_name": cluster}, active)])
    builder.add([Sample("envoy_server_uptime", {}, uptime)])
    return builder.scrape()


@pytest.mark.parametrize(
    ("before", "after", "visited"),
    [
        pytest.param(scrape(("a", 5)), scrape(("a", 5)), False, id="stands still"),
        pytest.param(scrape(("a", 5)), scrape(("a", 6)), True, id="rose"),
        pytest.param(scrape(("a", 5)), scrape(("a", 5), ("b", 1)), True, id="new series"),
        pytest.param(scrape(("a", 5)), scrape(("a", 5), ("b", 0)), False, id="new series at 0"),
        pytest.param(scrape(), scrape(("a", 1)), True, id="first series of the app"),
        pytest.param(scrape(("a", 5)), scrape(("a", 2)), True, id="began again and was visited"),
        pytest.param(scrape(("a", 5)), scrape(("a", 0)), False, id="began again"),
        pytest.param(scrape(("a", 5)), scrape(), False, id="gone"),
        pytest.param(scrape(("a", 5), ("b", 1)), scrape(("a", 4), ("b", 2)), True, id="equal sum, made up differently"),
        pytest.param(scrape(("a", 5), ("b", 1)), scrape(("a", 1), ("b", 5)), True, id="equal sum, numbers exchanged"),
        pytest.param(scrape(("a", 5)), scrape(("a", 5), active=1), True, id="a request is open"),
        pytest.param(scrape(("a", 9)), scrape(("a", 10), cluster="kube_dns_53"), False, id="another app's"),
        pytest.param(scrape(("a", 2.0**53)), scrape(("a", 2.0**53 - 1)), True, id="large numbers"),
    ],
)
def test_a_scrape_against_the_one_before(before: Scrape, after: Scrape, visited: bool) -> None:
    ledger = Ledger()
    ledger.baseline("pod", before)
    assert ledger.observe("pod", before, NOW) == Movement({})
    assert ledger.observe("pod", after, NOW).visits.keys() == ({KEY} if visited else set())
    assert ledger.observe("pod", after, NOW).visits.keys() == after.open, "a visit is reported once"


def test_a_pod_that_appeared_later_counts_from_zero() -> None:
    ledger = Ledger()
    assert ledger.observe("new", scrape(("a", 5)), NOW).visits.keys() == {KEY}
    assert ledger.observe("other", scrape(("a", 0)), NOW).visits == {}


def test_a_key_that_was_not_looked_for_before_has_a_baseline_first() -> None:
    ledger = Ledger()
    ledger.baseline("pod", Scrape(frozenset({OTHER})))
    assert ledger.observe("pod", scrape(("a", 5)), NOW).visits == {}
    assert ledger.observe("pod", scrape(("a", 6)), NOW).visits.keys() == {KEY}


@pytest.mark.parametrize(
    ("uptime", "lost"),
    [
        pytest.param(75, False, id="older"),
        pytest.param(59, False, id="the clock was set"),
        pytest.param(3, True, id="younger: restarted"),
    ],
)
def test_a_restart_in_place_is_seen_even_if_the_counters_look_the_same(uptime: float, lost: bool) -> None:
    ledger = Ledger()
    ledger.baseline("pod", scrape(("a", 5), uptime=60))
    assert ledger.observe("pod", scrape(("a", 5), uptime=uptime), NOW).lost is lost


def test_requests_of_waker_are_no_visits() -> None:
    ledger = Ledger()
    ledger.baseline("pod", scrape(("a", 5)))
    ledger.discount("pod", [KEY], 3, NOW + SHOWN_WITHIN)
    assert ledger.observe("pod", scrape(("a", 7)), NOW).visits == {}, "two of three"
    assert ledger.observe("pod", scrape(("a", 8)), NOW).visits == {}, "the third"
    assert ledger.observe("pod", scrape(("a", 9)), NOW).visits.keys() == {KEY}, "not waker's"


def test_a_visit_beside_wakers_requests_is_seen() -> None:
    ledger = Ledger()
    ledger.baseline("pod", scrape(("a", 5)))
    ledger.baseline("twin", scrape(("a", 5)))
    ledger.discount("pod", [KEY], 2, NOW + SHOWN_WITHIN)
    assert ledger.observe("twin", scrape(("a", 6)), NOW).visits.keys() == {KEY}, "another pod"
    assert ledger.observe("pod", scrape(("a", 8)), NOW).visits.keys() == {KEY}


def test_a_request_of_waker_that_never_showed_does_not_swallow_a_visitor() -> None:
    ledger = Ledger()
    ledger.baseline("pod", scrape(("a", 5)))
    ledger.discount("pod", [KEY], 2, NOW + SHOWN_WITHIN)
    ledger.observe("pod", scrape(("a", 5)), NOW + SHOWN_WITHIN)
    assert ledger.observe("pod", scrape(("a", 6)), NOW + 2 * SHOWN_WITHIN).visits.keys() == {KEY}


def test_a_forgotten_pod() -> None:
    ledger = Ledger()
    ledger.baseline("pod", scrape(("a", 5)))
    ledger.discount("pod", [KEY], 9, NOW + SHOWN_WITHIN)
    ledger.forget("pod")
    ledger.forget("pod")
    assert ledger.last("pod") is None
    assert ledger.observe("pod", scrape(("a", 1)), NOW + timedelta(seconds=1)).visits.keys() == {KEY}


def nginx(requests: float, heads: float = 0, reloads: float = 2) -> Scrape:
    """A scrape of ingress-nginx with one app."""
    builder = ScrapeBuilder(INGRESS_NGINX, frozenset({SHOP}))
    labels = dict(zip(INGRESS_NGINX.requests.labels, SHOP, strict=True))
    builder.add(
        Sample("nginx_ingress_controller_requests", {**labels, "method": method}, value)
        for method, value in (("GET", requests), ("HEAD", heads))
    )
    builder.add([Sample("nginx_ingress_controller_success", {}, reloads)])
    return builder.scrape()


def test_a_head_is_no_visit_where_the_page_tells_methods_apart() -> None:
    ledger = Ledger()
    ledger.baseline("pod", nginx(5, heads=1))
    assert ledger.observe("pod", nginx(5, heads=9), NOW) == Movement({})
    assert ledger.observe("pod", nginx(6, heads=9), NOW) == Movement({SHOP: 1})


def test_a_reload_leaves_a_doubt_once() -> None:
    ledger = Ledger()
    ledger.baseline("pod", nginx(5, reloads=2))
    assert ledger.observe("pod", nginx(5, reloads=3), NOW) == Movement({}, doubted=True)
    assert ledger.observe("pod", nginx(5, reloads=3), NOW) == Movement({})


def test_series_are_summed_over_the_other_labels() -> None:
    builder = ScrapeBuilder(INGRESS_NGINX, frozenset({SHOP}))
    labels = dict(zip(INGRESS_NGINX.requests.labels, SHOP, strict=True))
    builder.add(
        Sample("nginx_ingress_controller_requests", {**labels, "status": status}, 2) for status in ("200", "404", "101")
    )
    builder.add([Sample("nginx_ingress_controller_requests", {**labels, "service": "kubesleeper-waker"}, 40)])
    assert {key: tally.total for key, tally in builder.scrape().tallies.items()} == {SHOP: 6}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_value_that_is_not_a_count_is_that_series_problem(value: float) -> None:
    found = scrape(("a", value), ("b", 3))
    assert found.proven
    assert {key: tally.total for key, tally in found.tallies.items()} == {KEY: 3}
    (why,) = found.strange.values()
    assert "is not a count" in why
    assert scrape(("a", value), cluster="kube_dns_53").strange == {}, "a stranger's"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_start_time_that_is_none_is_everybodys_problem(value: float) -> None:
    builder = ScrapeBuilder(CONTOUR, frozenset())
    with pytest.raises(ScrapeError, match="is not a count"):
        builder.add([Sample("envoy_server_uptime", {}, value)])


def test_a_scrape_without_any_request_proves_nothing() -> None:
    assert scrape(("a", 0), cluster="kube_dns_53").proven
    assert not scrape().proven
