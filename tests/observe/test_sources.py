"""By what an app's visits are known: its controllers' counters, queries, and why some of them are seen by nobody."""

from typing import Any

import pytest

from tests.observe.test_indexes import Change, ChangingCluster
from waker import names
from waker.observe.app import RuntimeFacts, adapters_of, counted_as, interests, queries, snapshot, uncounted_routes
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId, IngressClass, Kind, Service, ServicePort, Workload
from waker.plan.routes.ingress_object import Ingress, IngressPath, IngressRouteId
from waker.plan.routes.route import Backend
from waker.settings.configmap import Live
from waker.settings.ingress_class import ClassSettings

APP = AppId(Kind.DEPLOYMENT, "demo", "shop")
NGINX = IngressClass("nginx", "k8s.io/ingress-nginx", default=False)
ALB = IngressClass("alb", "ingress.k8s.aws/alb", default=False)


def observed(
    class_name: str, live: Live | None = None, classes: tuple[IngressClass, ...] = (NGINX, ALB), **annotations: str
) -> ObservedApp:
    """An app behind an Ingress of this class."""
    it = ChangingCluster()
    mine = {names.ENABLED: "true"} | {
        f"{names.DOMAIN}/{key.replace('_', '-')}": text for key, text in annotations.items()
    }
    it.happen(Change("workload", (Workload(APP, "u", "1", 1, {"app": "shop"}, mine),)))
    ports = (ServicePort("http", 80, 8080),)
    it.happen(Change("service", (Service("demo", "web", "1", {"app": "shop"}, ports),)))
    path = IngressPath(IngressRouteId("demo", "front", "shop.example.org", "/", "Prefix"), "/0", Backend("web", "http"))
    it.happen(Change("ingress", (Ingress("demo", "front", "u", "1", class_name, {}, (path,), {}),)))
    for each in classes:
        it.cache.classes._update(("", each.name), each)
    found = it.cache.observe(APP, live or Live())
    assert found
    return found


def live(**classes: ClassSettings) -> Live:
    return Live(classes=classes, prometheus_url="http://prometheus")


def test_two_controllers_of_a_class_count_it_twice() -> None:
    found = observed("nginx", live(nginx=ClassSettings(adapter="ingress-nginx,traefik")))
    (route,) = found.routes
    assert [each.name for each in adapters_of(route, found)] == ["ingress-nginx", "traefik"]
    (counted,) = counted_as(found).values()
    assert [each.key for each in counted] == [("demo", "front", "web"), ("demo-web-http@kubernetes",)]
    assert interests(found) == frozenset(counted)
    assert uncounted_routes(found) == ()


@pytest.mark.parametrize(
    ("class_name", "settings", "said"),
    [
        pytest.param("nginx", {}, "", id="a known controller"),
        pytest.param("contour", {}, "", id="Contour's quickstart makes no IngressClass"),
        pytest.param("alb", {}, "waker cannot read the metrics of ingress controller ingress.k8s.aws/alb", id="unknown"),
        pytest.param("alb", {"alb": ClassSettings(port="80")}, "else controller.alb.metric or query", id="with settings"),
        pytest.param("gone", {}, "there is no IngressClass gone; name what serves it in controller.gone.adapter", id="gone"),
        pytest.param("", {}, "name that one in controller.-.adapter", id="no class"),
        pytest.param("", {"-": ClassSettings(adapter="contour")}, "", id="no class, and a setting for that"),
        pytest.param("alb", {"alb": ClassSettings(query="up")}, "", id="a query"),
    ],
)  # fmt: skip
def test_who_counts(class_name: str, settings: dict[str, ClassSettings], said: str) -> None:
    reasons = uncounted_routes(observed(class_name, live(**settings)))
    assert bool(reasons) is bool(said)
    assert said in "; ".join(reasons)


def test_a_class_template_is_filled_in_for_each_route() -> None:
    template = 'sum(requests{ns="{namespace}",svc="{service}",port="{port}"})'
    found = observed("alb", live(alb=ClassSettings(query=template)))
    assert interests(found) == frozenset()
    texts = {f'sum(requests{{ns="demo",svc="web",port="{port}"}})' for port in ("http", "80")}
    assert queries(found) == texts
    beside = observed("nginx", live(nginx=ClassSettings(query="up")))
    assert (len(interests(beside)), queries(beside)) == (1, frozenset({"up"}))


def test_a_users_own_query_has_to_be_allowed() -> None:
    refused = observed("nginx", activity_query="up")
    assert queries(refused) == frozenset()
    (why,) = uncounted_routes(refused)
    assert "an administrator may set activity-queries: allow" in why
    allowed = Live(activity_queries="allow")
    assert queries(observed("nginx", allowed, activity_query="up")) == {"up"}
    assert uncounted_routes(observed("nginx", allowed, activity_query="up")) == ()
    assert uncounted_routes(observed("alb", allowed, activity_query="up")) == (), "it is all there is"


def test_an_app_with_too_many_queries_stays_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waker.observe.app.MOST_QUERIES", 1)
    (why,) = uncounted_routes(observed("alb", live(alb=ClassSettings(query="x{port}"))))
    assert why.startswith("more than 1 queries")


def test_what_an_app_ignores_is_part_of_its_series() -> None:
    found = observed("nginx", ignore_statuses="404,5xx", ignore_labels="path=/health*")
    (counted,) = interests(found)
    assert counted.key == ("demo", "front", "web", "path=/health*,status=404,status=5*")


def test_what_pods_do_not_count_makes_it_unknown() -> None:
    facts: Any = RuntimeFacts(uncounted=("Ingress demo/front: Traefik does not count",))
    assert snapshot(observed("nginx"), facts).traffic.unknown == "Ingress demo/front: Traefik does not count"
