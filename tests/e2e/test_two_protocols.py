"""An app that also speaks gRPC, at a port to which no route leads, sleeps and wakes like any other."""

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.load import Who
from tests.e2e.scene import Scene, every_controller

GRPC = {"name": "grpc", "port": 9000, "targetPort": "http", "appProtocol": "kubernetes.io/h2c"}


@every_controller
def test_a_port_without_a_route_keeps_nothing_awake(scene: Scene) -> None:
    shop = StageApp(scene.namespace, "shop", scene.controller.ingress_class)
    service = apps.service(shop)
    service["spec"]["ports"].append(GRPC)
    scene.create(apps.workload(shop), service, apps.ingress(shop, "shop", [apps.Rule(shop.host, "shop")]))
    scene.answering(shop, shop.host)

    scene.sleep(shop)
    scene.visit(shop)
    scene.awake(shop)

    assert scene.knock(shop).who is Who.APP
    assert not [each for each in scene.events("shop") if "CannotSleep" in each]
