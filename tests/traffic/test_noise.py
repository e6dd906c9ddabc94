"""What one app ignores: the rest counts, other apps keep theirs, and an app that ignores everything is still listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.offline import scrape_of
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers import CONTOUR, INGRESS_NGINX, ISTIO, KONG, TRAEFIK, Interest, interest
from waker.traffic.ledger import Scrape
from waker.traffic.noise import LabelPattern, ignored, plain, without

SHOP = CountedBackend("team-a", "shop", "web", 80, "http", 80)
PAGE = b"""
nginx_ingress_controller_requests{ingress="shop",namespace="team-a",path="/",service="web",status="200",method="GET"} 5
nginx_ingress_controller_requests{ingress="shop",namespace="team-a",path="/health",service="web",status="200",method="GET"} 40
nginx_ingress_controller_requests{ingress="shop",namespace="team-a",path="/",service="web",status="404",method="GET"} 7
nginx_ingress_controller_requests{ingress="blog",namespace="team-a",path="/health",service="web",status="404",method="GET"} 9
"""


def counted(statuses: tuple[str, ...] = (), labels: tuple[str, ...] = ()) -> tuple[Scrape, Interest]:
    found = without(interest(INGRESS_NGINX, SHOP), ignored(INGRESS_NGINX, statuses, labels))
    other = interest(INGRESS_NGINX, SHOP._replace(object_name="blog"))
    return scrape_of(PAGE, INGRESS_NGINX, frozenset({found.key, other.key})), found


@pytest.mark.parametrize(
    ("statuses", "labels", "total"),
    [
        pytest.param((), (), 52, id="nothing is ignored"),
        pytest.param(("404",), (), 45, id="a status"),
        pytest.param(("4xx",), (), 45, id="a class of statuses"),
        pytest.param((), ("path=/health",), 12, id="a label"),
        pytest.param((), ("path=/h*",), 12, id="a pattern"),
        pytest.param(("404",), ("path=/health*", "method=PUT"), 5, id="both, and one that is not there"),
        pytest.param((), ("user=*",), 52, id="a label that it does not have"),
        pytest.param((), ("path=*",), 0, id="everything"),
    ],
)
def test_what_one_app_ignores(statuses: tuple[str, ...], labels: tuple[str, ...], total: float) -> None:
    scrape, found = counted(statuses, labels)
    assert scrape.tallies[found.key].total == total, "and it is listed"
    assert sum(tally.total for key, tally in scrape.tallies.items() if key != found.key) == 9, "the other app's"
    assert scrape.proven
    assert plain(found.key, INGRESS_NGINX) == ("team-a", "shop", "web")


def test_open_requests_count_for_who_ignores_something_too() -> None:
    found = without(interest(CONTOUR, SHOP), ignored(CONTOUR, ("404",), ("envoy_cluster_name=x*",)))
    page = b'envoy_cluster_upstream_rq_total{envoy_cluster_name="team-a_web_80"} 1\n'
    page += b'envoy_cluster_upstream_rq_active{envoy_cluster_name="team-a_web_80"} 1\n'
    assert scrape_of(page, CONTOUR, frozenset(found.keys)).open == {found.key}


def test_an_odd_value_is_the_problem_of_who_ignores_something_too() -> None:
    found = without(interest(TRAEFIK, SHOP), ignored(TRAEFIK, (), ("code=4*",)))
    page = b'traefik_service_requests_total{code="200",service="team-a-web-80@kubernetes"} NaN\n'
    assert found.key in scrape_of(page, TRAEFIK, frozenset(found.keys)).strange


def test_each_spelling_ignores_the_same() -> None:
    found = without(interest(KONG, SHOP), ignored(KONG, ("5xx", "404"), ("consumer=robot",)))
    assert {key[-1] for key in found.keys} == {"code=404,code=5*,consumer=robot"}
    assert len(set(found.keys)) == len(interest(KONG, SHOP).keys)
    assert ignored(CONTOUR, ("404",), ()) == "", "it does not count by status"
    assert ignored(ISTIO, ("404",), ()) == "response_code=404"


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12))
def test_a_pattern_matches_as_in_a_shell(pattern: str, text: str) -> None:
    def match(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(match(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and text[0] == pattern[0] and match(pattern[1:], text[1:])

    assert LabelPattern("x", tuple(pattern.split("*"))).matches({"x": text}) is match(pattern, text)
