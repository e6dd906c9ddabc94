"""ExternalName Services: for which Services they stand, and that an app behind one is refused."""

from collections.abc import Iterable

import pytest

from tests.plan.neighbours import TRAEFIK, ingress, service, workload
from waker.plan.model import Service
from waker.plan.routes.aliases import ServiceAddress, addresses, means
from waker.plan.routes.discovery import NamespaceObjects, discover
from waker.plan.routes.route import Backend, ObjectId

SHOP = ServiceAddress("demo", "shop")


def alias(name: str, namespace: str = "other") -> Service:
    return Service(namespace, "web", "7", {}, (), external=name)


@pytest.mark.parametrize(
    ("name", "stands_for"),
    [
        pytest.param("shop.demo.svc.cluster.local", {SHOP}, id="the full name"),
        pytest.param("shop.demo.svc.corp.example.org", {SHOP}, id="in another cluster domain"),
        pytest.param("shop.demo.svc", {SHOP}, id="without the domain"),
        pytest.param("shop.demo", {SHOP}, id="by the search list"),
        pytest.param("shop-0.shop.demo.svc.cluster.local", {SHOP}, id="one pod of it"),
        pytest.param("shop.svc.svc.cluster.local", {ServiceAddress("svc", "shop")}, id="a namespace called svc"),
        pytest.param("10.96.0.7", {ServiceAddress("", "10.96.0.7")}, id="a cluster IP"),
        pytest.param("shop.example.org", set(), id="somewhere else"),
        pytest.param("", set(), id="no ExternalName"),
    ],
)
def test_for_what_an_external_name_stands(name: str, stands_for: set[ServiceAddress]) -> None:
    assert means(alias(name)) == stands_for


def test_a_service_is_meant_by_its_name_and_by_its_cluster_ips() -> None:
    assert addresses(service("shop", cluster_ips=("10.96.0.7", "fd00::7"))) == [
        SHOP,
        ServiceAddress("", "10.96.0.7"),
        ServiceAddress("", "fd00::7"),
    ]


def test_an_app_behind_one_is_refused_and_its_own_routes_are_known() -> None:
    front, elsewhere = ingress(("/", Backend("shop", "http"))), ObjectId("Ingress", "other", "web")

    def by_alias(found: Service) -> Iterable[tuple[Service, ObjectId]]:
        return [(alias("shop.demo.svc"), elsewhere)] if found.name == "shop" else []

    found = discover(workload(), NamespaceObjects([service()], [front], [TRAEFIK], lambda _: (), by_alias=by_alias))
    assert len(found.routes) == 1
    where = "Service other/web is an ExternalName for Service shop, and Ingress other/web leads to it"
    assert found.problems == (f"{where}: waker can neither see nor move what comes that way",)
