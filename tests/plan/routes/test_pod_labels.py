"""Which Services select a workload's pods by what Kubernetes puts on them, and not their user."""

from dataclasses import replace

import pytest

from tests.plan.building import SHOP
from tests.plan.neighbours import TRAEFIK, ingress, service, stateful, workload
from waker.plan.model import Workload
from waker.plan.routes.discovery import Discovery, NamespaceObjects, discover
from waker.plan.routes.pod_labels import (
    POD_INDEX,
    POD_NAME,
    REVISION,
    TEMPLATE_HASH,
    missing_labels,
    selects,
)
from waker.plan.routes.route import Backend

ZONE = "topology.kubernetes.io/zone"
DEPLOYMENT, STATEFUL = workload(), stateful("shop")


@pytest.mark.parametrize(
    ("selector", "by_deployment", "by_stateful"),
    [
        pytest.param({"app": "shop"}, True, True, id="the template's own label"),
        pytest.param({POD_NAME: "shop-0"}, False, True, id="one pod by its name"),
        pytest.param({POD_NAME: "shop-12", "app": "shop"}, False, True, id="and by the template's label"),
        pytest.param({POD_NAME: "shop-0", "app": "cart"}, False, False, id="and by another's label"),
        pytest.param({POD_NAME: "shop-two-0"}, False, False, id="a pod of shop-two"),
        pytest.param({POD_NAME: "shop"}, False, False, id="no name of a pod"),
        pytest.param({POD_INDEX: "0"}, False, True, id="the first pod of any"),
        pytest.param({POD_INDEX: "0", "app": "cart"}, False, False, id="the first pod of another"),
        pytest.param({REVISION: "shop-6f7d9c58b4"}, False, True, id="a revision"),
        pytest.param({REVISION: "cart-6f7d9c58b4"}, False, False, id="another's revision"),
        pytest.param({TEMPLATE_HASH: "6f7d9c58b4", "app": "shop"}, True, False, id="a version of the template"),
        pytest.param({TEMPLATE_HASH: "6f7d9c58b4", "app": "cart"}, False, False, id="a version of another's"),
        pytest.param({ZONE: "eu-1", "app": "shop"}, True, True, id="a zone"),
        pytest.param({ZONE: "eu-1", "app": "cart"}, False, False, id="a zone of another's"),
        pytest.param({}, False, False, id="nothing"),
    ],
)
def test_what_may_select_its_pods(selector: dict[str, str], *, by_deployment: bool, by_stateful: bool) -> None:
    found = service(selector=selector)
    assert (selects(found, DEPLOYMENT), selects(found, STATEFUL)) == (by_deployment, by_stateful)


@pytest.mark.parametrize(
    ("selector", "missing"),
    [
        pytest.param({"app": "shop", "role": "primary"}, {"role": "primary"}, id="one label more"),
        pytest.param({"app": "shop"}, {}, id="it selects them"),
        pytest.param({"app": "cart", "role": "primary"}, {}, id="another's"),
        pytest.param({"role": "primary"}, {}, id="nothing in common"),
        pytest.param({POD_NAME: "shop-0", "role": "primary"}, {"role": "primary"}, id="one pod, and a label more"),
    ],
)
def test_what_pods_lack_for_a_service(selector: dict[str, str], missing: dict[str, str]) -> None:
    assert missing_labels(service(selector=selector), STATEFUL) == missing


def look(selector: dict[str, str], *others: Workload) -> Discovery:
    front = ingress(("/", Backend("shop-first", 80)))
    return discover(
        STATEFUL, NamespaceObjects([service("shop-first", selector=selector)], [front], [TRAEFIK], lambda _: others)
    )


@pytest.mark.parametrize("selector", [{POD_NAME: "shop-0"}, {POD_INDEX: "0"}, {REVISION: "shop-1"}], ids=str)
def test_its_routes_are_moved(selector: dict[str, str]) -> None:
    found = look(selector)
    assert [str(each.id) for each in found.routes] == ["front: shop.example.org/"]
    assert found.problems == ()


def test_a_service_that_may_be_for_another_workload_is_refused() -> None:
    other = replace(stateful("cart"), id=SHOP._replace(kind=STATEFUL.id.kind, name="cart"))
    assert look({POD_INDEX: "0"}, other).problems == (
        "Service shop-first may also select the pods of StatefulSet cart",
    )
    assert look({POD_NAME: "shop-0"}, other).problems == ()
