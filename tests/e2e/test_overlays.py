"""The ready overlays, applied server-side as they are: both replicas run, and an app behind the controller sleeps and wakes."""

from collections.abc import Iterator

import pytest

from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.controllers import IngressController
from tests.e2e.install import CHECKOUT, DEPLOYMENT, NAMESPACE, QUICK, InstalledWaker
from tests.e2e.scene import Scene, every_controller
from waker import names

pytestmark = needs_bed("has the controllers in the namespaces that the overlays name")

FOLDERS = {"traefik": "traefik", "nginx": "ingress-nginx", "contour": "contour"}


@pytest.fixture
def waker(api: ClusterApi, installation: InstalledWaker, controller: IngressController) -> Iterator[InstalledWaker]:
    """Installed by the overlay of this controller, in the place of the one of k8s/."""
    if api.find("Deployment", NAMESPACE, DEPLOYMENT):
        installation.uninstall()
    overlay = str(CHECKOUT / "examples" / "overlays" / FOLDERS[controller.ingress_class])
    for _ in range(2):  # the second time as an upgrade: nobody else owns a field
        kubectl("apply", "--server-side", "-k", overlay)
    api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": dict(QUICK)})
    until("both are ready", installation.ready, within=60)
    yield installation
    kubectl("delete", "-k", overlay, "--wait=true")


@every_controller
def test_an_app_sleeps_and_wakes(scene: Scene) -> None:
    assert len(scene.waker.pods()) == 2
    data = scene.api.get("ConfigMap", NAMESPACE, names.CONFIG_MAP)["data"]
    assert data[f"controller.{scene.controller.ingress_class}.namespace"] == scene.controller.namespace
    shop = scene.app("shop")
    scene.sleep(shop)
    scene.visit(shop)
    scene.awake(shop)
