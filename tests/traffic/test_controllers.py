"""The table of controllers: names built forward, ports of pods, and what is refused with a reason."""

import pytest

from waker import names
from waker.plan.model import Pod
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers import (
    ADAPTERS,
    ALL,
    CILIUM,
    CONTOUR,
    ENVOY_GATEWAY,
    HAPROXY_INGRESS,
    HAPROXYTECH,
    INGRESS_NGINX,
    ISTIO,
    KONG,
    NGINX,
    NGINX_PLUS,
    SKIPPER,
    TRAEFIK,
    Adapter,
    ClassName,
    adapter_for,
    interest,
    normalized,
    refusals,
)

BACKEND = CountedBackend(
    "team-a", "shop", "shop-web", "http", "http", 80, port_target=8080, host="shop.example.org", path="/"
)
NUMBERED = BACKEND._replace(port_written=80, port_name="")


@pytest.mark.parametrize(
    ("adapter", "backend", "key"),
    [
        pytest.param(TRAEFIK, BACKEND, ("team-a-shop-web-http@kubernetes",), id="traefik: the port as it is written"),
        pytest.param(
            TRAEFIK, BACKEND._replace(port_written=80), ("team-a-shop-web-80@kubernetes",), id="traefik: its number"
        ),
        pytest.param(
            TRAEFIK,
            BACKEND._replace(service="a--b"),
            ("team-a-a-b-http@kubernetes",),
            id="traefik: runs of dashes are one",
        ),
        pytest.param(
            TRAEFIK,
            BACKEND._replace(default_backend=True),
            ("default-backend@kubernetes",),
            id="traefik: default backend",
        ),
        pytest.param(INGRESS_NGINX, BACKEND, ("team-a", "shop", "shop-web"), id="nginx: no port"),
        pytest.param(CONTOUR, BACKEND, ("team-a_shop-web_80",), id="contour: always the number"),
        pytest.param(CILIUM, BACKEND, ("team-a_shop-web_80",), id="cilium: the end of the name"),
        pytest.param(ENVOY_GATEWAY, BACKEND, ("httproute/team-a/shop/rule/0",), id="envoy gateway: the route"),
        pytest.param(
            ENVOY_GATEWAY, BACKEND._replace(rule=2), ("httproute/team-a/shop/rule/2",), id="envoy gateway: its rule"
        ),
        pytest.param(HAPROXY_INGRESS, BACKEND, ("team-a_shop-web_8080",), id="haproxy-ingress: the pods' port"),
        pytest.param(
            HAPROXY_INGRESS,
            BACKEND._replace(port_target="web"),
            ("team-a_shop-web_web",),
            id="haproxy-ingress: the pods' port by name",
        ),
        pytest.param(HAPROXYTECH, BACKEND, ("team-a_svc_shop-web_http",), id="haproxytech: the port's name"),
        pytest.param(HAPROXYTECH, NUMBERED, ("team-a_svc_shop-web_80",), id="haproxytech: a port without a name"),
        pytest.param(ISTIO, BACKEND, ("team-a", "shop-web"), id="istio: no port"),
        pytest.param(KONG, BACKEND, ("team-a.shop-web.http",), id="kong: as it is written"),
        pytest.param(NGINX, BACKEND, ("team-a", "shop-web"), id="f5: no Ingress"),
        pytest.param(NGINX_PLUS, BACKEND, ("team-a", "shop-web"), id="f5 plus"),
        pytest.param(
            SKIPPER,
            BACKEND,
            ("kube_team_a__shop__shop_example_org_____shop_web",),
            id="skipper: host, path and Service",
        ),
        pytest.param(
            SKIPPER, BACKEND._replace(default_backend=True), ("kube_team_a__shop______",), id="skipper: default backend"
        ),
    ],
)
def test_series_are_built_forward(adapter: Adapter, backend: CountedBackend, key: tuple[str, ...]) -> None:
    assert adapter.spellings(backend)[0] == key
    assert len(key) == len(adapter.requests.labels)


@pytest.mark.parametrize(
    ("adapter", "backend", "others"),
    [
        pytest.param(
            TRAEFIK,
            BACKEND,
            {"team-a-shop-shop-web-http@kubernetesingressnginx", "team-a-shop-shop-web-80@kubernetesingressnginx"},
            id="traefik: its ingress-nginx provider",
        ),
        pytest.param(
            HAPROXYTECH,
            BACKEND,
            {"team-a_shop-web_http", "team-a_shop_svc_shop-web_http", "ing_team-a_shop-shop-web_http"},
            id="haproxytech: before v3.1, and as a standalone backend",
        ),
        pytest.param(HAPROXY_INGRESS, BACKEND, {"team-a_shop-web_80"}, id="haproxy-ingress: the Service's port"),
        pytest.param(
            KONG,
            BACKEND,
            {"team-a.shop-web.80", "team-a.shop-web.pname-http", "team-a.shop-web.pnum-80"},
            id="kong: number, and v2's words",
        ),
        pytest.param(ENVOY_GATEWAY, BACKEND, {"service/team-a/shop-web/80"}, id="envoy gateway: merged backends"),
        pytest.param(INGRESS_NGINX, BACKEND, set(), id="nginx: no other"),
    ],
)
def test_other_spellings(adapter: Adapter, backend: CountedBackend, others: set[str]) -> None:
    found = interest(adapter, backend)
    assert found.key == adapter.spellings(backend)[0]
    assert found.controller == adapter.controller
    assert {key[0] for key in found.others} == others
    assert len(set(found.keys)) == len(found.keys)


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


ROUTED = BACKEND._replace(route="shop: shop.example.org/")
UNOBSERVED = {"traefik.ingress.kubernetes.io/router.observability.metrics": "false"}


@pytest.mark.parametrize(
    ("adapter", "backend", "annotations", "says"),
    [
        pytest.param(TRAEFIK, ROUTED, UNOBSERVED, "remove the annotation traefik", id="traefik: metrics switched off"),
        pytest.param(TRAEFIK, ROUTED, dict.fromkeys(UNOBSERVED, "0"), "remove the annotation traefik", id="traefik: 0"),
        pytest.param(INGRESS_NGINX, ROUTED._replace(host=""), {}, "name the host", id="nginx: no host"),
        pytest.param(NGINX, ROUTED, {"nginx.org/grpc-services": "shop"}, "does not count gRPC", id="f5: gRPC"),
        pytest.param(INGRESS_NGINX, ROUTED._replace(host="*.example.org"), {}, "each host", id="nginx: wildcard"),
        pytest.param(
            INGRESS_NGINX,
            ROUTED._replace(host="", path="", default_backend=True),
            {},
            "default backend; give it",
            id="nginx: default backend",
        ),
        pytest.param(
            INGRESS_NGINX,
            ROUTED,
            {"nginx.ingress.kubernetes.io/ssl-passthrough": "true"},
            "does not count TLS that it passes through",
            id="nginx: ssl-passthrough",
        ),
        pytest.param(
            INGRESS_NGINX,
            ROUTED,
            {"nginx.ingress.kubernetes.io/ssl-passthrough": "1"},
            "does not count TLS that it passes through",
            id="nginx: ssl-passthrough, as Go reads it",
        ),
        pytest.param(
            INGRESS_NGINX,
            ROUTED,
            {"nginx.ingress.kubernetes.io/server-alias": "*.example.net"},
            "wildcard alias",
            id="nginx: wildcard alias",
        ),
    ],
)
def test_routes_that_are_not_counted_are_refused(
    adapter: Adapter, backend: CountedBackend, annotations: dict[str, str], says: str
) -> None:
    (why,) = refusals(adapter, backend, annotations)
    assert says in why
    assert why.startswith(backend.route)


@pytest.mark.parametrize(
    ("adapter", "backend", "annotations"),
    [
        pytest.param(TRAEFIK, ROUTED._replace(host=""), {}, id="traefik counts rules without host"),
        pytest.param(TRAEFIK, ROUTED, dict.fromkeys(UNOBSERVED, "true"), id="traefik: metrics said to be on"),
        pytest.param(INGRESS_NGINX, ROUTED, UNOBSERVED, id="nginx: a plain rule, another controller's annotation"),
        pytest.param(CONTOUR, ROUTED._replace(host="*.example.org"), {}, id="contour counts wildcards"),
    ],
)
def test_routes_that_are_counted_are_not(
    adapter: Adapter, backend: CountedBackend, annotations: dict[str, str]
) -> None:
    assert refusals(adapter, backend, annotations) == ()


@pytest.mark.parametrize(
    ("ports", "number"),
    [
        pytest.param({"metrics": 9101, "traefik": 8080}, 9101, id="first of the names"),
        pytest.param({"web": 8000, "traefik": 8081}, 8081, id="second of the names"),
        pytest.param({}, 9100, id="none: the default number"),
    ],
)
def test_ports(ports: dict[str, int], number: int) -> None:
    assert TRAEFIK.metrics.of(Pod("t", "t-1", "u", "10.0.0.1", ready=True, ports=ports)) == number


def test_each_is_found_by_its_ingress_class_controller() -> None:
    assert {each.controller: each for each in ADAPTERS.values()} == ADAPTERS
    assert adapter_for("k8s.io/ingress-nginx") is INGRESS_NGINX
    assert adapter_for("haproxy.org/ingress-controllers") is None
    assert adapter_for("") is None
    assert adapter_for("example.org/other") is None


@pytest.mark.parametrize(
    ("controller", "adapter"),
    [
        pytest.param("haproxy.org/ingress-controller/internal", HAPROXYTECH, id="a suffix"),
        pytest.param("projectcontour.io/edge/main-contour", CONTOUR, id="Contour's chart: its namespace and release"),
        pytest.param("k8s.io/internal-ingress-nginx", INGRESS_NGINX, id="a second ingress-nginx"),
        pytest.param("webapprouting.kubernetes.azure.com/nginx", INGRESS_NGINX, id="AKS"),
        pytest.param("webapprouting.kubernetes.azure.com/nginx/internal", INGRESS_NGINX, id="AKS, another one"),
    ],
)
def test_installed_under_another_name_it_is_a_controller_by_itself(controller: str, adapter: Adapter) -> None:
    found = adapter_for(controller)
    assert found
    assert (found.name, found.controller) == (adapter.name, controller)
    assert found.requests == adapter.requests


@pytest.mark.parametrize(
    "controller", ["projectcontour.io/x", "k8s.io/ingress-nginx2", "gateway.envoyproxy.io/gatewayclass-controller"]
)
def test_names_of_others(controller: str) -> None:
    assert adapter_for(controller) is None


@pytest.mark.parametrize(
    ("adapter", "labels", "namespace"),
    [
        (
            "ingress-nginx",
            {"app.kubernetes.io/name": "rke2-ingress-nginx", "app.kubernetes.io/component": "controller"},
            "kube-system",
        ),
        ("kong", {"app": "gateway", "gateway-operator.konghq.com/selector": "6ff1d7b5"}, "kong"),
    ],
)
def test_pods_of_other_distributions(adapter: str, labels: dict[str, str], namespace: str) -> None:
    (found,) = (each for each in ALL if each.name == adapter)
    assert any(each.matches(labels, namespace) for each in found.selectors)
    assert not any(each.matches({"app": "gateway"}, namespace) for each in found.selectors)


PROVIDER = "providers.kubernetesingressnginx"


@pytest.mark.parametrize(
    ("arguments", "name", "controller", "served"),
    [
        pytest.param({}, "nginx", "k8s.io/ingress-nginx", False, id="only its own provider"),
        pytest.param({PROVIDER: "true"}, "nginx", "k8s.io/ingress-nginx", True, id="as it comes"),
        pytest.param({PROVIDER: "false"}, "nginx", "k8s.io/ingress-nginx", False, id="off"),
        pytest.param({PROVIDER: "F"}, "nginx", "k8s.io/ingress-nginx", False, id="off, as Go reads it"),
        pytest.param(
            {PROVIDER: "true", f"{PROVIDER}.ingressclassbyname": "0"}, "nginx", "example.org/x", False, id="not by name"
        ),
        pytest.param({PROVIDER: "true"}, "nginx", "", True, id="the old annotation"),
        pytest.param({PROVIDER: "true"}, "nginx", "nginx.org/ingress-controller", False, id="another's"),
        pytest.param({f"{PROVIDER}.controllerclass": "k8s.io/b"}, "b", "k8s.io/b", True, id="a controller"),
        pytest.param({f"{PROVIDER}.controllerclass": "k8s.io/b"}, "a", "k8s.io/ingress-nginx", False, id="not its"),
        pytest.param(
            {f"{PROVIDER}.ingressclass": "a", f"{PROVIDER}.ingressclassbyname": "true"},
            "a",
            "example.org/x",
            True,
            id="by name",
        ),
        pytest.param(
            {"providers.kubernetesingress.ingressclass": "edge"},
            "edge",
            "",
            True,
            id="its own provider, the annotation",
        ),
        pytest.param(
            {"providers.kubernetesingress.ingressclass": "edge"},
            "edge",
            "traefik.io/ingress-controller",
            True,
            id="its class",
        ),
        pytest.param(
            {"providers.kubernetesingress.ingressclass": "edge"},
            "edge",
            "k8s.io/ingress-nginx",
            False,
            id="somebody's class",
        ),
    ],
)
def test_which_class_traefik_serves(arguments: dict[str, str], name: str, controller: str, served: bool) -> None:
    assert TRAEFIK.serves
    assert TRAEFIK.serves(arguments, ClassName(name, controller)) is served


@pytest.mark.parametrize(
    ("arguments", "name", "controller", "served"),
    [
        pytest.param({}, "nginx", "k8s.io/ingress-nginx", True, id="as it comes"),
        pytest.param({}, "nginx", "", True, id="the old annotation"),
        pytest.param({}, "nginx", "traefik.io/ingress-controller", False, id="another's class of that name"),
        pytest.param(
            {"controller-class": "k8s.io/internal-ingress-nginx"}, "x", "k8s.io/ingress-nginx", False, id="not its"
        ),
        pytest.param({"ingress-class": "a", "ingress-class-by-name": "true"}, "a", "example.org/x", True, id="by name"),
        pytest.param(
            {"ingress-class": "a", "ingress-class-by-name": "False"}, "a", "example.org/x", False, id="no name"
        ),
    ],
)
def test_which_class_ingress_nginx_serves(arguments: dict[str, str], name: str, controller: str, served: bool) -> None:
    assert INGRESS_NGINX.serves
    assert INGRESS_NGINX.serves(arguments, ClassName(name, controller)) is served


OFF = {"entrypoints.web.observability.metrics": "false"}


@pytest.mark.parametrize(
    ("arguments", "annotations", "refused"),
    [
        pytest.param({}, {}, False, id="all count"),
        pytest.param(OFF, {}, True, id="a route takes all entry points"),
        pytest.param(
            OFF, {"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"}, False, id="by another one"
        ),
        pytest.param(
            OFF, {"traefik.ingress.kubernetes.io/router.entrypoints": "websecure, Web"}, True, id="by this one, too"
        ),
        pytest.param(
            OFF, {"traefik.ingress.kubernetes.io/router.observability.metrics": "true"}, False, id="its own word"
        ),
        *(
            pytest.param({"entrypoints.web.observability.metrics": no}, {}, True, id=f"Go reads {no} as false")
            for no in ("False", "FALSE", "0", "f", "F")
        ),
        pytest.param(OFF, {"traefik.ingress.kubernetes.io/router.observability.metrics": "T"}, False, id="yes, in Go"),
        pytest.param({"entrypoints.traefik.observability.metrics": "false"}, {}, False, id="an internal one"),
        pytest.param({"entrypoints.web.observability.metrics": "true"}, {}, False, id="on"),
    ],
)
def test_entry_points_of_traefik_that_count_nothing(
    arguments: dict[str, str], annotations: dict[str, str], refused: bool
) -> None:
    assert TRAEFIK.uncounted_ways
    assert bool(TRAEFIK.uncounted_ways(arguments, annotations)) is refused


def test_default_backends_of_traefiks_ingress_nginx_provider() -> None:
    found = {key[0] for key in TRAEFIK.spellings(BACKEND._replace(default_backend=True))}
    assert {"default-backend@kubernetesingressnginx", "team-a-shop-default-backend@kubernetesingressnginx"} <= found


def test_skippers_own_routes_are_refused() -> None:
    (why,) = refusals(SKIPPER, BACKEND, {"zalando.org/skipper-routes": '* -> "http://shop.team-a"'})
    assert "zalando.org/skipper-routes" in why
    assert refusals(SKIPPER, BACKEND, {}) == ()


def test_cilium_may_name_a_port() -> None:
    assert ("team-a_shop-web_http",) in CILIUM.spellings(BACKEND)


def test_settings_know_every_adapter() -> None:
    assert {each.name for each in ALL} == set(names.ADAPTERS)
    assert len(ALL) == len(names.ADAPTERS)


@pytest.mark.parametrize("adapter", ALL, ids=lambda adapter: adapter.name)
def test_what_a_controller_does_not_count_is_listed(adapter: Adapter) -> None:
    sees_open = adapter.open_requests is not None and adapter is not TRAEFIK
    assert sees_open == (not any("open" in each for each in adapter.blind_to if "reload" not in each))
    assert adapter.enable
    assert all(len(key) == len(adapter.requests.labels) for key in adapter.spellings(BACKEND))
    if adapter.open_requests:
        assert adapter.open_requests.labels == adapter.requests.labels, "one key for both"
