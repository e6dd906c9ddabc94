"""The examples, applied as they are: each app falls asleep and is woken by its next visitor."""

from collections.abc import Iterator

import pytest
import yaml

from tests.e2e import apps, load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.controllers import IngressController
from tests.e2e.install import CHECKOUT, InstalledWaker
from tests.e2e.load import LoadAnswer, VisitorAddress, Who
from tests.e2e.scene import SETTLED, every_controller

FILES = {"traefik": "traefik.yaml", "nginx": "ingress-nginx.yaml", "contour": "contour.yaml"}


@pytest.fixture
def example(controller: IngressController, address: VisitorAddress) -> Iterator[StageApp]:
    """The app of this controller's example, answering."""
    file = CHECKOUT / "examples" / FILES[controller.ingress_class]
    namespace = next(yaml.safe_load_all(file.read_text()))["metadata"]["name"]
    kubectl("apply", "-f", str(file))
    app = StageApp(namespace, "whoami", controller.ingress_class)
    until("it answers", lambda: by_app(visit(app, address)), SETTLED)
    yield app
    kubectl("delete", "-f", str(file), "--wait=false")


def visit(app: StageApp, address: VisitorAddress) -> LoadAnswer:
    """One visit of a browser, at the host that the example's Ingress names."""
    host = f"whoami-{FILES[app.ingress_class].removesuffix('.yaml')}.example.com"
    return load.ask_now(address, load.browser(host, app.name))


def by_app(answer: LoadAnswer) -> bool:
    """The public image writes its own page, so what counts is that it is not waker who answers."""
    return answer.status == 200 and answer.who is not Who.WAKER


@every_controller
def test_it_sleeps_and_wakes(
    example: StageApp, api: ClusterApi, address: VisitorAddress, waker: InstalledWaker
) -> None:
    waker.do("sleep", example.name, "-n", example.namespace)
    until("it is asleep", lambda: not apps.asleep(api, example), SETTLED)

    page = visit(example, address)
    assert (page.who, page.status) == (Who.WAKER, 503)
    assert "Who am I?" in page.body
    until("it answers again", lambda: by_app(visit(example, address)), SETTLED)
    until("it is awake", lambda: not apps.awake(api, example), SETTLED)
