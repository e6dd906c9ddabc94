"""ExternalName Services: for which Services they stand, and that an app behind one is refused."""

import time
from collections.abc import Iterable

import pytest

from tests.plan.neighbours import TRAEFIK, ingress, service, workload
from waker.plan.model import Service
from waker.plan.routes.aliases import (
    MOST_MENTIONED,
    ServiceAddress,
    WayByAddress,
    addresses,
    by_alias,
    by_mention,
    means,
    mentioned,
)
from waker.plan.routes.discovery import NamespaceObjects, discover
from waker.plan.routes.kinds import KINDS
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


@pytest.mark.parametrize("namespace", ["demo", "other"])
def test_an_app_behind_one_is_refused_and_its_own_routes_are_known(namespace: str) -> None:
    """If another tenant has made it, it is no reason to wake the app, but one not to let it fall asleep by its traffic."""
    front, holder = ingress(("/", Backend("shop", "http"))), ObjectId("Ingress", namespace, "web")

    def by_address(found: Service) -> Iterable[WayByAddress]:
        return [by_alias(alias("shop.demo.svc"), found, holder), by_mention(found, holder)]

    found = discover(workload(), NamespaceObjects([service()], [front], [TRAEFIK], lambda _: (), by_address=by_address))
    assert len(found.routes) == 1
    first, second = found.problems if namespace == "demo" else found.uncounted
    assert not (found.uncounted if namespace == "demo" else found.problems)
    leads = f"Service other/web is an ExternalName for Service shop, and Ingress {namespace}/web leads to it: "
    assert first.startswith(leads)
    assert second.startswith(f"an annotation of Ingress {namespace}/web names Service shop by its own address: ")


def test_what_a_tenant_writes_costs_no_more_than_its_length() -> None:
    """A regular expression that begins anew at each letter would keep everybody waiting for minutes."""
    began = time.process_time()
    assert not list(mentioned("a" * 250_000 + " .svc"))
    assert not list(mentioned("a." * 125_000 + " .svc"))
    assert time.process_time() - began < 60, "not minutes"
    many = {"note": " ".join(f"http://a{number}.b.svc" for number in range(20_000))}
    found = KINDS["Ingress"].parse(
        {
            "metadata": {"name": "web", "namespace": "other", "uid": "1", "resourceVersion": "1", "annotations": many},
            "spec": {},
        }
    )
    assert len(KINDS["Ingress"].mentions(found)) == MOST_MENTIONED


NGINX = "nginx.ingress.kubernetes.io"


@pytest.mark.parametrize(
    ("annotations", "named"),
    [
        pytest.param({f"{NGINX}/auth-url": "http://shop.demo.svc.cluster.local:4180/auth"}, {SHOP}, id="a login"),
        pytest.param({f"{NGINX}/auth-url": "http://shop.demo.svc/auth"}, {SHOP}, id="without the domain"),
        pytest.param(
            {f"{NGINX}/mirror-target": "http://10.96.0.7$request_uri"}, {ServiceAddress("", "10.96.0.7")}, id="a mirror"
        ),
        pytest.param({f"{NGINX}/default-backend": "shop"}, {SHOP}, id="instead of others"),
        pytest.param({f"{NGINX}/auth-url": "https://$host/oauth2/auth"}, set(), id="by its host"),
        pytest.param({f"{NGINX}/auth-url": "https://shop.demo.svcs.example.org"}, set(), id="somewhere else"),
        pytest.param({f"{NGINX}/server-snippet": "proxy_pass http://shop.demo.svc;"}, {SHOP}, id="in a snippet"),
    ],
)
def test_whom_annotations_name_by_their_own_address(annotations: dict[str, str], named: set[ServiceAddress]) -> None:
    assert KINDS["Ingress"].mentions(ingress(annotations=annotations)) == named
