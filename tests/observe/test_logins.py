"""Whose routes answer who may come in: the host, and of its routes the one that takes the question."""

import pytest

from waker.observe.logins import Logins
from waker.plan.model import IngressClass, Service
from waker.plan.routes.ingress_object import Ingress, IngressPath, IngressRouteId
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, HttpTarget, RouteObject

AUTH = "nginx.ingress.kubernetes.io/auth-url"


def ingress(
    name: str,
    *paths: tuple[str, str],
    host: str = "a.example.org",
    asks: str = "",
    match: str = "Prefix",
    of_class: str = "",
    namespace: str = "demo",
) -> Ingress:
    """With paths to Services."""
    found = [
        IngressPath(IngressRouteId(namespace, name, host, path, match), f"/{number}", Backend(service, 80))
        for number, (path, service) in enumerate(paths)
    ]
    return Ingress(namespace, name, name, "1", of_class, {AUTH: asks} if asks else {}, tuple(found), {})


def class_name(found: RouteObject) -> str:
    """As `nginx` is the default class."""
    return KINDS["Ingress"].class_name(found, [IngressClass("nginx", "k8s.io/ingress-nginx", default=True)])


def asking(address: str) -> Ingress:
    """Of a host that nobody asks, in a namespace of its own."""
    return ingress("b", ("/", "b"), host="b", asks=address, namespace="asking")


def answered_by(*objects: Ingress) -> set[str]:
    """The Services that answer somebody's question."""
    logins = Logins(class_name)
    for each in objects:
        logins.route_object_changed(None, each)
    services = {path.backend.service for each in objects for path in each.paths if path.backend}
    demo = [each for each in objects if each.namespace == "demo"]
    return {name for name in services if list(logins.to(Service("demo", name, "1", {}, ()), demo))}


SHOP = ingress("shop", ("/", "shop"))
PROXY = ingress("proxy", ("/oauth2", "proxy"))
LOGIN = asking("https://a.example.org/oauth2/auth")


@pytest.mark.parametrize(
    ("objects", "services"),
    [
        pytest.param([SHOP, PROXY], set(), id="nobody asks"),
        pytest.param([ingress("shop", ("/", "shop"), asks="https://$host/oauth2/x?rd=$u"), PROXY], {"proxy"}, id="its own"),
        pytest.param([asking("https://A.example.org:443/oauth2/auth"), SHOP, PROXY], {"proxy"}, id="another host"),
        pytest.param([asking("https://a.example.org/x"), SHOP, PROXY], {"shop"}, id="the rest of a host"),
        pytest.param([asking("https://a.example.org"), SHOP], {"shop"}, id="no path"),
        pytest.param([asking("https://a.example.org/oauth2x"), PROXY], set(), id="not below the path"),
        pytest.param([asking("https://elsewhere.example.org/"), SHOP], set(), id="somebody outside"),
        pytest.param([asking("nonsense"), SHOP], set(), id="no address"),
        pytest.param(
            [asking("https://a.example.org/x"), SHOP, ingress("x", ("/x", "x"), match="Exact")],
            {"x"}, id="exactly",
        ),
        pytest.param(
            [LOGIN, PROXY, ingress("x", ("/oauth2/auth", "x"), namespace="tenant")],
            {"proxy"}, id="a tenant's longer path takes nothing away",
        ),
        pytest.param(
            [LOGIN, PROXY, ingress("x", ("/oauth2/auth", "x"), of_class="no-such-class")],
            {"proxy", "x"}, id="nor does another class's",
        ),
        pytest.param(
            [LOGIN, ingress("p", ("/", "proxy")), ingress("x", ("/oauth2", "x"), of_class="nginx")],
            {"x"}, id="one of the same class does, named or not",
        ),
        *(
            pytest.param([LOGIN, ingress("p", ("/oauth2", "proxy"), host=host)], {"proxy"}, id=f"host {host}")
            for host in ("*.example.org", "*.org", "")
        ),
        pytest.param([LOGIN, ingress("p", ("/oauth2", "proxy"), host="*.example.com")], set(), id="a wildcard elsewhere"),
        *(
            pytest.param([LOGIN, ingress("p", (path, "proxy"), match="ImplementationSpecific")], {"proxy"}, id=path)
            for path in ("/oauth2(/|$)(.*)", "/(.*)", "/oauth2/a")
        ),
        pytest.param([LOGIN, ingress("p", ("", "proxy"), host="", match="")], {"proxy"}, id="a default backend"),
        pytest.param(
            [LOGIN, PROXY, ingress("x", ("/oauth2/(.*)", "x"), match="ImplementationSpecific")],
            {"proxy", "x"}, id="an expression may take it, and may not",
        ),
        pytest.param([LOGIN, PROXY, ingress("x", ("/", "x"), host="")], {"proxy"}, id="a host wins over none"),
        pytest.param(
            [LOGIN, ingress("x", ("/", "x"), host=""), ingress("p", ("/", "proxy"), namespace="tenant")],
            {"x"}, id="but not a tenant's",
        ),
        pytest.param(
            [ingress("s", ("/", "s"), asks="https://$host/oauth2/x", namespace="o"), ingress("x", ("/", "x"), host="")],
            set(), id="whoever asks at its own host may take the question",
        ),
        pytest.param(
            [ingress("s", ("/", "s"), asks="https://$host/oauth2/x", host=""), ingress("p", ("/oauth2", "p"), host="")],
            {"p"}, id="at its own host, where the rule has none",
        ),
    ],
)  # fmt: skip
def test_who_answers(objects: list[Ingress], services: set[str]) -> None:
    assert answered_by(*objects) == services


def test_whoever_is_concerned_is_called_out() -> None:
    logins, guarded = Logins(class_name), asking("https://a.example.org/oauth2/auth")
    assert logins.route_object_changed(None, PROXY) == set()
    moved = logins.route_object_changed(None, guarded)
    assert moved == {"a.example.org"}
    assert list(logins.led_to(moved)) == [("demo", "proxy")]
    assert logins.route_object_changed(guarded, guarded) == set()
    assert logins.route_object_changed(guarded, None) == moved
    (way,) = answer(guarded)
    assert way.startswith(
        "Ingress asking/b asks a.example.org/oauth2/auth who may come in, which Service proxy answers: "
    )


def answer(guarded: Ingress) -> list[str]:
    logins = Logins(class_name)
    for each in (guarded, PROXY):
        logins.route_object_changed(None, each)
    return [each.why for each in logins.to(Service("demo", "proxy", "1", {}, ()), [PROXY])]


def test_a_tenant_may_write_thousands_of_hosts() -> None:
    many = ingress("b", asks="https://$host/x")
    paths = [
        IngressPath(IngressRouteId("demo", "b", f"h{n}", "/", "Prefix"), f"/{n}", Backend("b", 80)) for n in range(5000)
    ]
    found = KINDS["Ingress"].logins(Ingress("demo", "b", "b", "1", "", many.annotations, tuple(paths), {}))
    assert len(found) == 100
    assert HttpTarget("h0", "/x") in found
