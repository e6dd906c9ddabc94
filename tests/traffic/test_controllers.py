"""The table of controllers: names built forward, ports of pods, and what is refused with a reason."""

import pytest

from waker.plan.model import Pod, RouteId
from waker.traffic.controllers import (
    ADAPTERS,
    CONTOUR,
    INGRESS_NGINX,
    TRAEFIK,
    Adapter,
    Place,
    adapter_for,
    normalized,
    refusals,
    series,
)

PLACE = Place("team-a", "shop", "shop-web", "http", "http", 80)


@pytest.mark.parametrize(
    ("adapter", "place", "key"),
    [
        pytest.param(TRAEFIK, PLACE, ("team-a-shop-web-http@kubernetes",), id="traefik: the port as it is written"),
        pytest.param(
            TRAEFIK, PLACE._replace(port_written=80), ("team-a-shop-web-80@kubernetes",), id="traefik: its number"
        ),
        pytest.param(
            TRAEFIK,
            PLACE._replace(service="a--b"),
            ("team-a-a-b-http@kubernetes",),
            id="traefik: runs of dashes are one",
        ),
        pytest.param(
            TRAEFIK,
            PLACE._replace(default_backend=True),
            ("default-backend@kubernetes",),
            id="traefik: default backend",
        ),
        pytest.param(INGRESS_NGINX, PLACE, ("team-a", "shop", "shop-web"), id="nginx: no port"),
        pytest.param(CONTOUR, PLACE, ("team-a_shop-web_80",), id="contour: always the number"),
    ],
)
def test_series_are_built_forward(adapter: Adapter, place: Place, key: tuple[str, ...]) -> None:
    assert series(adapter, place) == key
    assert len(key) == len(adapter.requests.labels)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        pytest.param(("team-a", "my.app", 80), "team-a-my-app-80", id="anything else is a dash"),
        pytest.param(("a", "b__c-", "http"), "a-b-c-http", id="runs and ends"),
        pytest.param(("a", "brücke", 1), "a-brücke-1", id="letters of any script stay"),
    ],
)
def test_traefik_names(words: tuple[str | int, ...], name: str) -> None:
    assert normalized(*words) == name


PATH = RouteId("team-a", "shop", "shop.example.org", "/", "Prefix")
UNOBSERVED = {"traefik.ingress.kubernetes.io/router.observability.metrics": "false"}


@pytest.mark.parametrize(
    ("adapter", "route", "annotations", "says"),
    [
        pytest.param(TRAEFIK, PATH, UNOBSERVED, "remove the annotation traefik", id="traefik: metrics switched off"),
        pytest.param(INGRESS_NGINX, PATH._replace(host=""), {}, "name the host", id="nginx: no host"),
        pytest.param(INGRESS_NGINX, PATH._replace(host="*.example.org"), {}, "each host", id="nginx: wildcard"),
        pytest.param(
            INGRESS_NGINX,
            RouteId("team-a", "shop", "", "", ""),
            {},
            "default backend; give it",
            id="nginx: default backend",
        ),
        pytest.param(
            INGRESS_NGINX,
            PATH,
            {"nginx.ingress.kubernetes.io/ssl-passthrough": "true"},
            "TLS through uncounted",
            id="nginx: ssl-passthrough",
        ),
        pytest.param(
            INGRESS_NGINX,
            PATH,
            {"nginx.ingress.kubernetes.io/server-alias": "*.example.net"},
            "wildcard alias",
            id="nginx: wildcard alias",
        ),
    ],
)
def test_what_cannot_be_seen_is_refused(
    adapter: Adapter, route: RouteId, annotations: dict[str, str], says: str
) -> None:
    (why,) = refusals(adapter, route, annotations)
    assert says in why
    assert why.startswith(str(route))


@pytest.mark.parametrize(
    ("adapter", "route", "annotations"),
    [
        pytest.param(TRAEFIK, PATH._replace(host=""), {}, id="traefik counts rules without host"),
        pytest.param(TRAEFIK, PATH, dict.fromkeys(UNOBSERVED, "true"), id="traefik: metrics said to be on"),
        pytest.param(INGRESS_NGINX, PATH, UNOBSERVED, id="nginx: a plain rule, another controller's annotation"),
        pytest.param(CONTOUR, PATH._replace(host="*.example.org"), {}, id="contour counts wildcards"),
    ],
)
def test_what_can_be_seen_is_not(adapter: Adapter, route: RouteId, annotations: dict[str, str]) -> None:
    assert refusals(adapter, route, annotations) == ()


@pytest.mark.parametrize(
    ("ports", "number"),
    [
        pytest.param({"metrics": 9101, "traefik": 8080}, 9101, id="first of the names"),
        pytest.param({"web": 8000, "traefik": 8081}, 8081, id="second of the names"),
        pytest.param({}, 9100, id="none: the usual number"),
    ],
)
def test_ports(ports: dict[str, int], number: int) -> None:
    assert TRAEFIK.metrics.of(Pod("t", "t-1", "u", "10.0.0.1", ready=True, ports=ports)) == number


def test_each_is_found_by_its_ingress_class_controller() -> None:
    assert {each.controller: each for each in ADAPTERS.values()} == ADAPTERS
    assert adapter_for("k8s.io/ingress-nginx") is INGRESS_NGINX
    assert adapter_for("example.org/other") is None
