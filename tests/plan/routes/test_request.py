"""The request that a route takes, as far as one is known: made up from its host and path."""

import pytest

from waker.plan.routes.ingress import request, request_below
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import HttpTarget


@pytest.mark.parametrize(
    ("host", "path", "target"),
    [
        pytest.param("a.example.com", "/shop", HttpTarget("a.example.com", "/shop"), id="host and path"),
        pytest.param("a.example.com", "", HttpTarget("a.example.com", "/"), id="no path"),
        pytest.param("*.example.com", "/", HttpTarget("kubesleeper-probe.example.com", "/"), id="any name"),
        pytest.param("", "/", HttpTarget("kubesleeper-probe.kubesleeper.invalid", "/"), id="any host"),
        pytest.param(
            "a.example.com", "/favicon.ico", HttpTarget("a.example.com", "/favicon.ico"), id="a dot matches itself"
        ),
        pytest.param("a.example.com", "/item/[0-9]+", None, id="an expression"),
        pytest.param("a.example.com", "/admin(/|$)(.*)", None, id="an expression with captures"),
        pytest.param("a.example.com", r"/a\.b", None, id="an escaped letter"),
        pytest.param("a.example.com", "/c++", None, id="a literal that could be an expression"),
    ],
)
@pytest.mark.parametrize("path_type", ["Exact", "Prefix", "ImplementationSpecific"])
def test_the_request_of_a_route(host: str, path: str, target: HttpTarget | None, path_type: str) -> None:
    assert request(IngressRouteId("demo", "shop", host, path, path_type)) == target


@pytest.mark.parametrize(
    ("path", "path_type", "below"),
    [
        pytest.param("/", "Prefix", "/kubesleeper-probe", id="all of a host"),
        pytest.param("/cart", "Prefix", "/cart/kubesleeper-probe", id="a prefix"),
        pytest.param("/cart/", "ImplementationSpecific", "/cart/kubesleeper-probe", id="what is a prefix to most"),
        pytest.param("", "", "/kubesleeper-probe", id="a default backend"),
        pytest.param("/cart", "Exact", None, id="nothing is below an exact path"),
        pytest.param("/item/[0-9]+", "ImplementationSpecific", None, id="an expression"),
    ],
)
def test_a_request_below_a_route(path: str, path_type: str, below: str | None) -> None:
    found = request_below(IngressRouteId("demo", "shop", "shop.example.com", path, path_type))
    assert found == (HttpTarget("shop.example.com", below) if below else None)
