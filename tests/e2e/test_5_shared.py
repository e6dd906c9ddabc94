"""Scenario 5: one Ingress for two workloads, two Ingresses for one workload."""

import time

from tests.e2e import apps, load
from tests.e2e.apps import Rule
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

IDLE = 3.0  # seconds


def test_two_workloads_of_one_ingress_sleep_on_their_own(scene: Scene) -> None:
    host = f"both.{scene.namespace}.example.org"
    cart, shop = (scene.app(name, ingresses=("both",), path=f"/{name}") for name in ("cart", "shop"))
    scene.create(apps.ingress(cart, "both", [Rule(host, each.name, each.path) for each in (cart, shop)]))
    scene.answering(cart, host, cart.path)
    scene.answering(shop, host, shop.path)

    with Stream(scene.address, [load.browser(host, "shop", shop.path)], every=0.02) as visitors:
        scene.sleep(cart)
        scene.visit(cart, host, cart.path)
        scene.awake(cart)

    assert all(answer.who is Who.APP for answer in visitors.answers), visitors.timeline()
    assert scene.history.replicas("Deployment", "shop") == [1]
    scene.sleep(shop, cart)
    scene.visit(shop, host, shop.path)
    scene.awake(shop)
    scene.asleep(cart)


def test_two_ingresses_of_one_workload_sleep_together(scene: Scene) -> None:
    hosts = [f"{word}.{scene.namespace}.example.org" for word in ("one", "two")]
    shop = scene.app("shop", ingresses=("one", "two"), annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    scene.create(
        *(apps.ingress(shop, name, [Rule(host, "shop")]) for name, host in zip(("one", "two"), hosts, strict=True))
    )
    for host in hosts:
        scene.answering(shop, host)

    with Stream(scene.address, [load.curl(hosts[1], "shop")], every=IDLE / 3) as visitors:
        time.sleep(3 * IDLE)  # the claim is about time that passes

    assert all(answer.who is Who.APP for answer in visitors.answers), visitors.timeline()
    assert scene.history.replicas("Deployment", "shop") == [1]
    scene.asleep(shop)
    for host in hosts:
        page = scene.knock(shop, host)
        assert page.who in (Who.WAKER, Who.APP), page
    scene.visit(shop, hosts[0])
    scene.visit(shop, hosts[1])
    scene.awake(shop)
