"""Which adapter serves a class, and how, as the settings say."""

from dataclasses import replace

import pytest

from waker.plan.model import IngressClass, Pod
from waker.plan.routes.route import CountedBackend
from waker.settings.configmap import Live
from waker.settings.ingress_class import ClassSettings
from waker.settings.parsing import parse_statuses
from waker.traffic.controllers import (
    CONTOUR,
    HAPROXY_INGRESS,
    INGRESS_NGINX,
    NGINX_PLUS,
    SKIPPER,
    TRAEFIK,
    Access,
    LostCounts,
    Port,
    Selector,
    Values,
)
from waker.traffic.controllers.configured import configured_adapter, configured_classes
from waker.traffic.controllers.pod_namespaces import DeclaredNamespaces, declared_namespaces, in_namespaces

NGINX = IngressClass("nginx", "k8s.io/ingress-nginx", default=True)
POD = Pod("edge", "n-1", "uid", "10.0.0.1", ready=True, ports={"prom": 9000, "metrics": 9001})


def live(**settings: str) -> Live:
    return Live(classes={"nginx": ClassSettings(**settings)})


def known_as(each: IngressClass, settings: Live) -> str:
    (found,) = (known for known in configured_classes([each], settings) if known.name == each.name)
    return found.controller


def test_without_settings_all_is_as_in_the_table() -> None:
    assert configured_classes([NGINX], Live())[0] == NGINX
    assert configured_adapter(NGINX.controller, Live()) is INGRESS_NGINX
    assert configured_adapter("example.org/other", Live()) is None
    assert configured_adapter("", Live()) is None


def test_a_class_with_settings_is_a_controller_of_its_own() -> None:
    settings = live(namespace="edge", selector="app=my-nginx", port="prom", path="/m", scheme="https", ca_file="/ca")
    name = known_as(NGINX, settings)
    assert name == "k8s.io/ingress-nginx@nginx"
    found = configured_adapter(name, settings)
    assert found
    assert found.controller == name
    assert found.selectors == (Selector("app=my-nginx", "edge"),)
    assert (found.metrics.of(POD), found.path) == (9000, "/m")
    assert found.access == Access("https", ca_file="/ca")
    assert found.requests == INGRESS_NGINX.requests
    assert configured_adapter(NGINX.controller, settings) is INGRESS_NGINX, "another class of that controller"


@pytest.mark.parametrize(("setting", "seconds"), [("", 5), ("12s", 12), ("1s", 5)])
def test_a_lag_may_be_longer_than_usual(setting: str, seconds: int) -> None:
    settings = live(lag=setting, path="/m")
    found = configured_adapter(known_as(NGINX, settings), settings)
    assert found
    assert found.lag.total_seconds() == seconds


@pytest.mark.parametrize("each", LostCounts)
def test_what_a_loss_of_counts_means_may_be_set(each: LostCounts) -> None:
    for adapter in (INGRESS_NGINX, HAPROXY_INGRESS):
        found = configured_adapter(f"{adapter.controller}@nginx", live(lost_counts=each.value))
        assert found
        assert found.lost_counts is each
        unset = configured_adapter(f"{adapter.controller}@nginx", live(path="/m"))
        assert unset
        assert unset.lost_counts is adapter.lost_counts


@pytest.mark.parametrize(
    ("setting", "port"),
    [
        pytest.param("8888", 8888, id="a number"),
        pytest.param("prom", 9000, id="a name"),
        pytest.param("gone", 10254, id="a name that no container has: the default number"),
        pytest.param("", 9001, id="nothing: the default name"),
    ],
)
def test_ports(setting: str, port: int) -> None:
    found = configured_adapter("k8s.io/ingress-nginx@nginx", live(port=setting, path="/m"))
    assert found
    assert found.metrics.of(POD) == port


def test_a_namespace_alone_keeps_the_default_labels() -> None:
    found = configured_adapter("k8s.io/ingress-nginx@nginx", live(namespace="edge"))
    assert found
    assert {each.namespace for each in found.selectors} == {"edge"}
    assert found.selectors[0].labels == INGRESS_NGINX.selectors[0].labels


@pytest.mark.parametrize(
    ("each", "adapter", "title"),
    [
        pytest.param(NGINX, "traefik", TRAEFIK.title, id="another controller serves a known class"),
        pytest.param(
            IngressClass("nginx", "example.org/x", default=False), "skipper", SKIPPER.title, id="an unknown one"
        ),
        pytest.param(
            IngressClass("nginx", "nginx.org/ingress-controller", default=False),
            "nginx-plus",
            NGINX_PLUS.title,
            id="plus",
        ),
    ],
)
def test_an_adapter_by_name(each: IngressClass, adapter: str, title: str) -> None:
    settings = live(adapter=adapter)
    found = configured_adapter(known_as(each, settings), settings)
    assert found
    assert found.title == title


def test_a_class_without_an_object_may_have_an_adapter() -> None:
    settings = live(adapter="skipper")
    (known,) = (each for each in configured_classes([], settings) if each.name == "nginx")
    assert known == IngressClass("nginx", "k8s.io/ingress-nginx@nginx", default=False)
    found = configured_adapter(known.controller, settings)
    assert found
    assert found.requests == SKIPPER.requests


def test_settings_of_an_unknown_controller_do_not_make_it_known() -> None:
    settings = live(port="80")
    assert (
        configured_adapter(known_as(IngressClass("nginx", "example.org/x", default=False), settings), settings) is None
    )


def test_any_host() -> None:
    found = configured_adapter("k8s.io/ingress-nginx@nginx", live(any_host="true"))
    assert found
    assert found.any_host


def test_certificates_may_be_left_unchecked() -> None:
    found = configured_adapter("k8s.io/ingress-nginx@nginx", live(tls_verify="false"))
    assert found
    assert not found.access.verify


def test_statuses_are_ignored_where_there_is_a_label_for_them() -> None:
    settings = Live(ignore_statuses=parse_statuses("404"))
    nginx, contour = (
        configured_adapter("k8s.io/ingress-nginx", settings),
        configured_adapter("projectcontour.io/ingress-controller", settings),
    )
    assert nginx
    assert nginx.not_visits == (
        *INGRESS_NGINX.not_visits,
        Values("status", frozenset({"404"})),
    )
    assert contour
    assert contour.not_visits == ()


HELM = NGINX._replace(release_namespace="helm")
SECOND = NGINX._replace(name="second", release_namespace="helm-2")
NAME = "k8s.io/ingress-nginx"


@pytest.mark.parametrize(
    ("controller", "classes", "settings", "namespaces"),
    [
        pytest.param(NAME, [NGINX], Live(), set(), id="nothing says"),
        pytest.param(NAME, [HELM], Live(), {"helm"}, id="where Helm has installed it"),
        pytest.param(NAME, [HELM, SECOND], Live(), {"helm", "helm-2"}, id="installed twice"),
        pytest.param("example.org/x", [HELM], Live(), set(), id="another controller's class"),
        pytest.param(f"{NAME}@nginx", [HELM], live(namespace="edge"), {"edge"}, id="the setting wins"),
        pytest.param(f"{NAME}@nginx", [HELM, SECOND], live(port="1"), {"helm"}, id="of that class alone"),
        pytest.param(NAME, [HELM, SECOND], live(port="1"), {"helm-2"}, id="of the classes without settings"),
    ],
)
def test_where_its_pods_are_said_to_be(
    controller: str, classes: list[IngressClass], settings: Live, namespaces: set[str]
) -> None:
    assert declared_namespaces(controller, classes, settings) == DeclaredNamespaces(frozenset(namespaces))


def test_an_adapter_of_some_namespaces_only() -> None:
    assert in_namespaces(INGRESS_NGINX, []) is INGRESS_NGINX
    assert {each.namespace for each in in_namespaces(INGRESS_NGINX, ["a", "b"]).selectors} == {"a", "b"}
    assert [str(each) for each in in_namespaces(CONTOUR, ["edge"]).selectors] == [
        "app.kubernetes.io/name=contour,app.kubernetes.io/component=envoy in edge"
    ], "labels that are good for one namespace only"


@pytest.mark.parametrize(
    ("name", "adapter"),
    [("contour", "contour"), ("istio", "istio"), ("skipper", "skipper"), ("nginx", "ingress-nginx")],
)
def test_a_class_that_no_object_stands_for_is_its_controllers_by_name(name: str, adapter: str) -> None:
    """Contour's quickstart makes no IngressClass, and some read the old annotation alone."""
    (known,) = (each for each in configured_classes([], Live()) if each.name == name)
    found = configured_adapter(known.controller, Live())
    assert adapter == "skipper" or (found and found.name == adapter)
    taken = IngressClass(name, "example.org/other", default=False)
    assert known_as(taken, Live()) == "example.org/other", "who has made one has the last word"


def test_ingresses_without_a_class() -> None:
    settings = Live(classes={"-": ClassSettings(adapter="contour")})
    (known,) = (each for each in configured_classes([], settings) if each.default)
    assert known == IngressClass("-", "@-", default=True)
    found = configured_adapter(known.controller, settings)
    assert found
    assert found.requests == CONTOUR.requests
    (default,) = (each for each in configured_classes([NGINX], settings) if each.default)
    assert default.name == "nginx", "a default class is what the API server gives them"


def test_statuses_of_one_class() -> None:
    settings = Live(ignore_statuses=parse_statuses("301"), classes={"nginx": ClassSettings(ignore_statuses="4xx")})
    found = configured_adapter("k8s.io/ingress-nginx@nginx", settings)
    assert found
    assert {"301", "404", "4xx"} <= found.not_visits[-1].values
    other = configured_adapter("k8s.io/ingress-nginx", settings)
    assert other
    assert other.not_visits[-1].values == {"301"}


APISIX = ClassSettings(
    metric="apisix_http_status", labels="matched_host={host},service={namespace}_{service}_{port}", selector="app=apisix",
    port="9091", path="/apisix/prometheus/metrics", status_label="code", http_port="9080",
)  # fmt: skip


def test_a_controller_by_settings_alone() -> None:
    settings = Live(classes={"apisix": APISIX})
    known = known_as(IngressClass("apisix", "apisix.apache.org/apisix-ingress-controller", default=False), settings)
    found = configured_adapter(known, settings)
    assert found
    assert found.title == "the controller of class apisix"
    assert (found.requests.metric, found.requests.labels) == ("apisix_http_status", ("matched_host", "service"))
    backend = CountedBackend("team-a", "shop", "web", "http", "http", 80, host="shop.example.org")
    assert found.spellings(backend) == (
        ("shop.example.org", "team-a_web_http"),
        ("shop.example.org", "team-a_web_80"),
    )
    assert (found.metrics.of(POD), found.path, found.status) == (9091, "/apisix/prometheus/metrics", "code")
    assert found.proxy == Port((), 9080)
    assert not found.names_proven, "nobody has seen these names"


LITERAL = CountedBackend("team-a", "shop", "web", "http", "http", 80, port_target=8080, host="shop.example.org")
KEEPER = CountedBackend("a", "k", "waker", 20_000, "d-0", 20_000, port_target=20_000, host="x.kubesleeper.internal")


@pytest.mark.parametrize(
    ("labels", "backend", "proved"),
    [
        pytest.param("vhost={host}", LITERAL, True, id="a literal host"),
        pytest.param("vhost={host}", KEEPER, True, id="a keeper's own"),
        pytest.param("vhost={host}", LITERAL._replace(host="*.example.org"), False, id="a wildcard host"),
        pytest.param("vhost={host}", LITERAL._replace(host=""), False, id="no host"),
        pytest.param("service={service}", LITERAL._replace(host=""), True, id="no host, which is not asked for"),
        pytest.param("route={namespace}/{host}/{service}", LITERAL._replace(host=""), False, id="no host, in between"),
        pytest.param("a={service},b={port-name}", LITERAL, True, id="a named port"),
        pytest.param("a={service},b={port-name}", LITERAL._replace(port_name=""), False, id="a port without a name"),
        pytest.param("a={service}_{port-name}", LITERAL._replace(port_name=""), False, id="the same at the end"),
        pytest.param("a={service}:{target-port}", LITERAL, True, id="a number"),
        pytest.param(
            "a={service}:{target-port}", LITERAL._replace(port_target="web"), False, id="a port of pods by name"
        ),
    ],
)
def test_what_a_request_for_the_keeper_proves(labels: str, backend: CountedBackend, proved: bool) -> None:
    settings = Live(classes={"apisix": replace(APISIX, labels=labels)})
    found = configured_adapter("x@apisix", settings)
    assert found
    assert [found.unproved(each) for each in found.spellings(backend)] == [not proved]


def test_a_port_without_a_name_is_looked_for_where_the_name_stands() -> None:
    settings = Live(classes={"apisix": replace(APISIX, labels="service={service},port={port}")})
    found = configured_adapter("x@apisix", settings)
    assert found
    assert found.spellings(LITERAL._replace(port_written=80, port_name="")) == (("web", "80"), ("web", ""))


def test_a_controller_outside_of_the_cluster() -> None:
    settings = Live(classes={"alb": ClassSettings(query="up")})
    known = known_as(IngressClass("alb", "ingress.k8s.aws/alb", default=False), settings)
    found = configured_adapter(known, settings)
    assert found
    assert (found.name, found.selectors, found.activity, found.requests.metric) == ("query", (), "up", "")
    beside = Live(classes={"nginx": ClassSettings(query="up")})
    nginx = configured_adapter(known_as(NGINX, beside), beside)
    assert nginx
    assert (nginx.name, nginx.activity) == ("ingress-nginx", "up")
