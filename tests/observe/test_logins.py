"""Whose routes answer who may come in: the host, and of its routes the one that takes the question."""

import pytest

from waker.observe.logins import Logins
from waker.plan.model import Service
from waker.plan.routes.ingress_object import Ingress, IngressPath, IngressRouteId
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, HttpTarget

AUTH = "nginx.ingress.kubernetes.io/auth-url"


def ingress(
    name: str, *paths: tuple[str, str], host: str = "a.example.org", asks: str = "", match: str = "Prefix"
) -> Ingress:
    """With paths to Services."""
    found = [
        IngressPath(IngressRouteId("demo", name, host, path, match), f"/{number}", Backend(service, 80))
        for number, (path, service) in enumerate(paths)
    ]
    return Ingress("demo", name, name, "1", "", {AUTH: asks} if asks else {}, tuple(found), {})


def asking(address: str) -> Ingress:
    """Of a host that nobody asks."""
    return ingress("b", ("/", "b"), host="b", asks=address)


def answered_by(*objects: Ingress) -> set[str]:
    """The Services that answer somebody's question."""
    logins = Logins()
    for each in objects:
        logins.route_object_changed(None, each)
    services = {path.backend.service for each in objects for path in each.paths if path.backend}
    return {name for name in services if list(logins.to(Service("demo", name, "1", {}, ()), objects))}


SHOP = ingress("shop", ("/", "shop"))
PROXY = ingress("proxy", ("/oauth2", "proxy"))


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
    ],
)  # fmt: skip
def test_who_answers(objects: list[Ingress], services: set[str]) -> None:
    assert answered_by(*objects) == services


def test_whoever_is_concerned_is_called_out() -> None:
    logins, guarded = Logins(), asking("https://a.example.org/oauth2/auth")
    assert logins.route_object_changed(None, PROXY) == set()
    moved = logins.route_object_changed(None, guarded)
    assert moved == {"a.example.org"}
    assert list(logins.led_to(moved)) == [("demo", "proxy")]
    assert logins.route_object_changed(guarded, guarded) == set()
    assert logins.route_object_changed(guarded, None) == moved
    (way,) = answer(guarded)
    assert way.startswith(
        "Ingress demo/b asks a.example.org/oauth2/auth who may come in, which Service proxy answers: "
    )


def answer(guarded: Ingress) -> list[str]:
    logins = Logins()
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
