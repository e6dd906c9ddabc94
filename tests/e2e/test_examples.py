"""The examples, applied as they are: each app falls asleep by itself when nobody visits it, and its next visitor wakes it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.controllers import IngressController
from tests.e2e.history import History
from tests.e2e.install import CHECKOUT, InstalledWaker
from tests.e2e.load import LoadAnswer, VisitorAddress, Who
from tests.e2e.scene import SETTLED, Scene, every_controller
from waker import names

FILES = {"traefik": "traefik.yaml", "nginx": "ingress-nginx.yaml", "contour": "contour.yaml"}


def example(controller: IngressController) -> Path:
    return CHECKOUT / "examples" / FILES[controller.ingress_class]


@pytest.fixture
def objects(controller: IngressController) -> dict[str, Json]:
    """What is in the example of this controller, by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(example(controller).read_text())}


@pytest.fixture
def scene(
    api: ClusterApi,
    controller: IngressController,
    address: VisitorAddress,
    waker: InstalledWaker,
    objects: dict[str, Json],
) -> Iterator[Scene]:
    """The example's own namespace is the stage."""
    namespace = objects["Namespace"]["metadata"]["name"]
    kubectl("apply", "-f", str(example(controller)))
    history = History(api.access, namespace)
    history.start()
    yield Scene(api, waker, controller, address, namespace, history)
    history.stop()
    kubectl("delete", "-f", str(example(controller)))


@every_controller
def test_it_sleeps_and_wakes(scene: Scene, objects: dict[str, Json]) -> None:
    workload = objects["Deployment"]["metadata"]
    idle = float(workload["annotations"][names.IDLE_AFTER].removesuffix("s"))
    app = StageApp(scene.namespace, workload["name"], scene.controller.ingress_class)
    host = objects["Ingress"]["spec"]["rules"][0]["host"]
    until("it answers", lambda: by_app(scene.knock(app, host)), SETTLED)
    visited = time.monotonic()

    scene.asleep(app, within=2 * idle + SETTLED)  # behind ingress-nginx its pods stay for as long again

    slept = next(each.at for each in scene.history.of(app.kind, app.name) if not each.obj["spec"]["replicas"])
    assert slept - visited >= idle
    page = scene.knock(app, host)
    assert (page.who, page.status) == (Who.WAKER, 503)
    assert workload["annotations"][names.TITLE] in page.body
    until("it answers again", lambda: by_app(scene.knock(app, host)), SETTLED)
    scene.awake(app)
    assert scene.history.replicas(app.kind, app.name) == [1, 0, 1]


def by_app(answer: LoadAnswer) -> bool:
    """The image writes a page of its own, which holds the name of its pod; waker's would carry its marker."""
    return answer.status == 200 and answer.who is not Who.WAKER and "whoami" in answer.body
