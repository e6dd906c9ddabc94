"""The request that a route takes, as far as one is known: made up from its host and path."""

import pytest

from waker.plan.routes.ingress import request
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
