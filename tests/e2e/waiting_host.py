"""The wait host in the test cluster, installed as a user would: the component k8s/wait-host, its host patched in an overlay."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.e2e import load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.install import CHECKOUT, NAMESPACE
from tests.e2e.load import LoadAnswer
from tests.e2e.scene import Scene
from waker import names
from waker.plan.doors import DoorKey, port_name
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend

WAIT = "wait.example.org"
DEEP = "/deep/link?a=1&b=%22two%22"
OVERLAY = """
components: [{component}]
patches:
  - target: {{kind: Ingress, name: waker}}
    patch: |
      - {{op: replace, path: /spec/rules/0/host, value: {host}}}
"""


@contextmanager
def wait_host(scene: Scene, folder: Path) -> Iterator[None]:
    """There and followed by the controller for as long as the context is open."""
    component = os.path.relpath(CHECKOUT / "k8s" / "wait-host", folder)
    (folder / "kustomization.yaml").write_text(OVERLAY.format(component=component, host=WAIT))
    kubectl("apply", "-k", str(folder))
    set_to(scene, WAIT)
    until("the wait host answers", lambda: load.ask_now(scene.address, load.browser(WAIT, "", "/")).status == 400)
    try:
        yield
    finally:
        set_to(scene, "")
        kubectl("delete", "-k", str(folder))


def set_to(scene: Scene, host: str) -> None:
    scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": {"wait-host": host}})


def ingress(scene: Scene) -> Json:
    """What its user wrote; the status is the controller's."""
    found = scene.api.get("Ingress", NAMESPACE, "waker")
    return {"spec": found["spec"], "annotations": found["metadata"].get("annotations")}


def ask(scene: Scene, app: StageApp, url: str, path: str = "/") -> LoadAnswer:
    return load.ask_now(scene.address, load.browser(WAIT, "", f"{path}?{query(app, url)}"))


def query(app: StageApp, url: str) -> str:
    """What a visitor of the app is sent to the wait host with."""
    door = port_name(DoorKey(AppId(Kind(app.kind), app.namespace, app.name), Backend(app.name, "http")))
    return f"app={door}&url={quote(url, safe='')}"


def sleeping(scene: Scene, start_delay: str) -> StageApp:
    """An app that sends its browsers to the wait host."""
    shop = scene.app("shop", annotations={names.WHILE_ASLEEP: "redirect"}, start_delay=start_delay)
    scene.sleep(shop)
    return shop
