"""Attack: a tenant lists an address of its choice as an endpoint of its app, and lets waker fetch it.

Kubernetes lets whoever may write EndpointSlices list any address; waker reaches more than the tenant does. Only pods of the
app count. While the app starts, its visitors are held, and nobody else is sent their requests.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import intruder, load
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.intruder import seen, send, whose
from tests.e2e.load import LoadAnswer, VisitorAddress
from tests.e2e.scene import Scene, every_controller
from waker import names

LOOP = 20  # answers of waker: polls, ownership checks and the visitor's; a loop makes hundreds
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-more, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{name: http, port: $port, protocol: TCP}]
endpoints:
- {addresses: [$address], conditions: {ready: true, serving: true, terminating: false}$target}
"""
TARGET = ", targetRef: {kind: Pod, namespace: $ns, name: $pod}"

pytestmark = needs_bed("uses an image that writes down what it is sent")


@contextmanager
def asleep_with(scene: Scene, address: VisitorAddress, pod: str = "") -> Iterator[StageApp]:
    """A sleeping app, whose Service lists this address, too."""
    shop = intruder.witness(scene, "shop", start_delay="3s")
    scene.sleep(shop)
    target = TARGET.replace("$ns", scene.namespace).replace("$pod", pod) if pod else ""
    intruder.write(scene, SLICE.replace("$target", target), address=address.host, port=address.port)
    yield shop


def paid(scene: Scene, shop: StageApp) -> LoadAnswer:
    return send(scene, shop.host, "/pay", body=b"card=4111")


@every_controller
def test_a_strangers_pod(scene: Scene) -> None:
    with intruder.second_tenant(scene) as other:
        stranger = intruder.witness(other, "stranger", {names.ENABLED: "false"})
        (pod,) = scene.api.list("Pod", other.namespace)
        before = len(seen(other, stranger))
        with asleep_with(scene, VisitorAddress(pod["status"]["podIP"], 8080), "shop-0") as shop:
            answer = paid(scene, shop)

            assert not [each for each in seen(other, stranger)[before:] if each["path"] == "/pay"]
            assert whose(answer, shop, stranger) == shop.name


def test_the_api_server(scene: Scene) -> None:
    (own,) = scene.api.list("EndpointSlice", "default", "kubernetes.io/service-name%3Dkubernetes")
    address = VisitorAddress(own["endpoints"][0]["addresses"][0], own["ports"][0]["port"])
    with asleep_with(scene, address) as shop:
        answer = paid(scene, shop)

        assert whose(answer, shop) == shop.name, answer


@pytest.mark.parametrize("port", [intruder.WAKERS_PORT, intruder.WAKERS_PRIVATE_PORT])
def test_waker_itself(scene: Scene, port: int) -> None:
    with asleep_with(scene, intruder.wakers_addresses(scene, port)[0]) as shop:
        before = answered(scene)
        answer = paid(scene, shop)

        assert whose(answer, shop) == shop.name, answer
        assert answered(scene) - before < LOOP


def answered(scene: Scene) -> float:
    """How many requests waker has answered on its ports for visitors."""
    total = 0.0
    for address in intruder.wakers_addresses(scene, intruder.WAKERS_PRIVATE_PORT):
        page = load.ask_now(address, load.curl("waker", "", "/metrics"))
        assert page.status == 200, page
        lines = [line for line in page.body.splitlines() if line.startswith("kubesleeper_responses_total")]
        total += sum(float(line.rpartition(" ")[2]) for line in lines)
    return total
