"""Through whose keepers controller pods are asked for something that they must count."""

from dataclasses import dataclass
from typing import Any

import pytest

from waker import names
from waker.cluster.owned_objects import OwnedObjects
from waker.observe.door_listing import proving_ways
from waker.plan.model import IngressClass, Service, ServicePort
from waker.plan.routes import keeper
from waker.plan.routes.ingress_object import Ingress, IngressPath, IngressRouteId
from waker.plan.routes.route import Backend
from waker.settings.configmap import Live

ISTIO = IngressClass("istio", "istio.io/ingress-controller", default=False)


@dataclass
class KeptNamespaces:
    """Stands for the cluster: namespaces with a keeper each, of a class."""

    classes: dict[str, str]

    def namespaces(self) -> set[str]:
        return set(self.classes)

    def configured_classes(self, _live: Live) -> tuple[IngressClass, ...]:
        return (ISTIO,)

    def owned(self, namespace: str) -> OwnedObjects:
        name, door = f"{keeper.WAY}istio", Backend(names.WAKER_SERVICE, 20_000)
        paths = [
            IngressPath(IngressRouteId(namespace, name, f"{namespace}.kubesleeper.internal", path, "Exact"), "/0", door)
            for path in ("/first", "/second")
        ]
        found = Ingress(namespace, name, name, "1", self.classes[namespace], {}, tuple(paths), {}, managed=True)
        service = Service(namespace, names.WAKER_SERVICE, "1", {}, (ServicePort("d-0", 20_000, 20_000),))
        return OwnedObjects(service, (), {name: found})


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        pytest.param("", ["a", "b", "c"], id="at first"),
        pytest.param("a", ["b", "c", "a"], id="each in its turn"),
        pytest.param("bb", ["c", "a", "b"], id="behind one that is gone"),
        pytest.param("c", ["a", "b", "c"], id="and again"),
    ],
)
def test_each_namespace_has_its_turn(after: str, asked: list[str]) -> None:
    cluster: Any = KeptNamespaces({"c": "istio", "a": "istio", "b": "istio", "other": "nginx"})
    found = list(proving_ways(cluster, Live(), ISTIO.controller, after))
    assert [each.backend.namespace for each in found] == asked
    assert {each.target.path for each in found} == {"/first"}
