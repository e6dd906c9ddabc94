"""Routing tables: the route that a request takes, and its servers."""

from typing import Any

import pytest

from waker.demo.kinds import Obj
from waker.demo.routing import CONTROLLER, RoutedServer, Table, normalized, sources, table_of

CLASS: Obj = {"metadata": {"name": "traefik"}, "spec": {"controller": CONTROLLER}}
OTHER_CLASS: Obj = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}


def backend(service: str, **port: Any) -> Obj:
    return {"service": {"name": service, "port": port or {"number": 80}}}


def ingress(name: str, *rules: tuple[str, str, str, Obj], **spec: Any) -> Obj:
    """Rules are host, path, pathType, backend."""
    entries: list[Obj] = [
        {"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": target}]}}
        for host, path, kind, target in rules
    ]
    metadata = {"name": name, "namespace": "n", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "spec": {"ingressClassName": "traefik", "rules": entries} | spec}


def service(name: str, port_name: str = "http") -> Obj:
    metadata = {"name": name, "namespace": "n"}
    return {"metadata": metadata, "spec": {"ports": [{"name": port_name, "port": 80, "targetPort": 8080}]}}


def endpoint_slice(name: str, number: int, ready: bool | None = True, port_name: str = "http") -> Obj:
    labels = {"kubernetes.io/service-name": name}
    endpoint = {"addresses": ["127.0.0.1"], "conditions": {} if ready is None else {"ready": ready}}
    metadata = {"name": f"{name}-{number}", "namespace": "n", "labels": labels}
    return {"metadata": metadata, "endpoints": [endpoint], "ports": [{"name": port_name, "port": number}]}


def table(*ingresses: Obj, slices: tuple[Obj, ...] = (), names: str = "abcdef") -> Table:
    return table_of(sources(ingresses, [CLASS, OTHER_CLASS], [service(name) for name in names], slices))


ROUTED = table(
    ingress(
        "i",
        ("x.example", "/", "Prefix", backend("a")),
        ("x.example", "/shop", "Prefix", backend("b")),
        ("x.example", "/shop", "Exact", backend("c")),
        ("*.example", "/", "Prefix", backend("d")),
        ("", "/any", "ImplementationSpecific", backend("e")),
        defaultBackend=backend("f"),
    )
)


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        pytest.param("x.example", "/", "n-a-80", id="prefix"),
        pytest.param("X.Example:8080", "/a/b", "n-a-80", id="case and port of the host do not matter"),
        pytest.param("x.example", "/shop/1", "n-b-80", id="longer prefix wins"),
        pytest.param("x.example", "/shop", "n-c-80", id="exact wins"),
        pytest.param("x.example", "/shopping", "n-a-80", id="a prefix ends at a slash"),
        pytest.param("y.example", "/shop", "n-d-80", id="wildcard"),
        pytest.param("a.b.example", "/", "default-backend", id="a wildcard is one label"),
        pytest.param("z.org", "/anything", "n-e-80", id="any host, plain prefix"),
        pytest.param("y.example", "/any", "n-d-80", id="any known host wins over none"),
        pytest.param("z.org", "/", "default-backend", id="default backend"),
    ],
)
def test_the_best_route_wins(host: str, path: str, name: str) -> None:
    target = ROUTED.find(host, path)
    assert target is not None
    assert target.service == f"{name}@kubernetes"


def test_only_ingresses_of_its_own_class_are_served() -> None:
    rule = ("x.example", "/", "Prefix", backend("a"))
    assert table(ingress("i", rule, ingressClassName="nginx")).find("x.example", "/") is None
    assert table(ingress("i", rule, ingressClassName=None)).find("x.example", "/") is not None


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(backend("missing"), id="no such Service"),
        pytest.param(backend("a", number=81), id="no such port"),
        pytest.param({"resource": {"kind": "Bucket", "name": "b"}}, id="not a Service"),
    ],
)
def test_a_backend_that_does_not_exist_is_not_a_route(target: Obj) -> None:
    assert table(ingress("i", ("x.example", "/", "Prefix", target))).find("x.example", "/") is None


def test_metrics_name_the_port_as_the_ingress_does() -> None:
    by_name = table(ingress("i", ("x.example", "/", "Prefix", backend("a", name="http"))))
    assert by_name.services() == {"n-a-http@kubernetes"}


@pytest.mark.parametrize(
    ("slices", "servers"),
    [
        pytest.param((), (), id="no slice"),
        pytest.param((endpoint_slice("a", 1), endpoint_slice("a", 2)), (1, 2), id="all slices"),
        pytest.param((endpoint_slice("a", 1, ready=False), endpoint_slice("a", 2)), (2,), id="ready endpoints only"),
        pytest.param((endpoint_slice("a", 1, ready=None),), (1,), id="unknown is ready"),
        pytest.param((endpoint_slice("a", 1, port_name="admin"),), (), id="another port name"),
        pytest.param((endpoint_slice("b", 1),), (), id="another Service"),
    ],
)
def test_servers(slices: tuple[Obj, ...], servers: tuple[int, ...]) -> None:
    found = table(ingress("i", ("x.example", "/", "Prefix", backend("a"))), slices=slices).find("x.example", "/")
    assert found is not None
    assert found.servers == tuple(RoutedServer("127.0.0.1", number) for number in servers)


def test_names_in_metrics() -> None:
    assert normalized("team_a-my.app-8080") == "team-a-my-app-8080"
