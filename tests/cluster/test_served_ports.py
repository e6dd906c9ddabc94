"""Which other Services lead to an app's pods, as only the pods show."""

from dataclasses import replace
from typing import Any

import pytest

from tests.cluster.test_app_endpoints import SHOP, put, put_pod, service, workload
from waker.cluster.app_endpoints import Reply
from waker.cluster.client import Api
from waker.cluster.served_ports import ServedPorts
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key
from waker.plan.model import Address

MERGE: Any = "application/merge-patch+json"
MINE, ANOTHERS = "10.0.0.1", "10.0.0.2"
ADDRESS = "10.96.0.7"
OWN = replace(service("shop", SHOP), cluster_ips=(ADDRESS,))
PRIMARY = replace(OWN, name="primary", selector={"app": "shop", "role": "primary"})
BY_HAND = replace(OWN, name="by-hand", selector={})


def look(cluster: DemoCluster, api: Api) -> ServedPorts:
    async def refused(_address: Address) -> Reply:
        return Reply.REFUSED

    put_pod(cluster, MINE)
    put_pod(cluster, ANOTHERS, owner="cart", kind="Job")
    put(cluster, "shop", [MINE, ANOTHERS])
    return ServedPorts(api, lambda _: False, refused)


def label(cluster: DemoCluster, host: str, **labels: str) -> None:
    """Put labels on a pod, as a person or a webhook does."""
    key = Key("default", f"shop-{host.replace('.', '-')}")
    cluster.verbs.patch(kinds.PODS, key, MERGE, {"metadata": {"labels": labels}})


@pytest.mark.parametrize(
    ("labelled", "found"),
    [
        pytest.param(MINE, ["primary"], id="its own pod has the label"),
        pytest.param(ANOTHERS, [], id="another's pod has it"),
        pytest.param(None, [], id="nobody has it"),
    ],
)
async def test_a_service_that_selects_its_pods_by_labels_of_theirs(
    cluster: DemoCluster, api: Api, labelled: str | None, found: list[str]
) -> None:
    ports = look(cluster, api)
    if labelled:
        label(cluster, labelled, role="primary")
    served = await ports.ask(workload(SHOP), [OWN], [("shop", "http")], [PRIMARY, BY_HAND])
    assert [each.name for each in served.others] == found
    assert served.unserved == {("shop", "http")}
    assert served.strangers == (ANOTHERS,)


async def test_its_own_pod_that_leaves_is_no_stranger(cluster: DemoCluster, api: Api) -> None:
    """Slices are a moment behind."""
    ports = look(cluster, api)
    put(cluster, "shop", [MINE, "10.0.0.9"])
    served = await ports.ask(workload(SHOP), [OWN], [("shop", "http")])
    assert served.strangers == ()


@pytest.mark.parametrize(
    ("host", "found"),
    [(MINE, ["by-hand"]), (ANOTHERS, []), (ADDRESS, ["by-hand"])],
    ids=["its own pod", "another's", "its Service"],
)
async def test_a_service_without_selector_whose_slices_list_its_pods(
    cluster: DemoCluster, api: Api, host: str, found: list[str]
) -> None:
    ports = look(cluster, api)
    put(cluster, "by-hand", [], unready=(host,))
    served = await ports.ask(workload(SHOP), [OWN], [], [PRIMARY, BY_HAND])
    assert [each.name for each in served.others] == found


async def test_a_node_is_not_its_pods_alone(cluster: DemoCluster, api: Api) -> None:
    """A pod in the network of its node has the node's address, and so have other programs there."""
    ports = look(cluster, api)
    key = Key("default", f"shop-{MINE.replace('.', '-')}")
    cluster.verbs.patch(kinds.PODS, key, MERGE, {"spec": {"hostNetwork": True}})
    put(cluster, "by-hand", [], unready=(MINE,))
    served = await ports.ask(workload(SHOP), [OWN], [], [BY_HAND])
    assert served.others == ()


async def test_the_pods_beside_the_one_that_its_service_selects_are_looked_at(cluster: DemoCluster, api: Api) -> None:
    ports = look(cluster, api)
    label(cluster, MINE, role="primary")
    one = replace(OWN, selector={"pod-template-hash": "other"})
    served = await ports.ask(workload(SHOP), [one], [], [PRIMARY])
    assert served.others == (PRIMARY,)
