"""The cluster, the controllers and waker for the scenarios; all are made once a run, each scenario gets a namespace."""

import itertools
import re
from collections.abc import Generator, Iterator

import pytest

from tests.e2e import apps, controllers
from tests.e2e.bed import ON_BED
from tests.e2e.cluster import ClusterApi, api_from_environment, until
from tests.e2e.controllers import IngressController
from tests.e2e.history import History
from tests.e2e.install import InstalledWaker
from tests.e2e.load import VisitorAddress
from tests.e2e.scene import Scene

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api() -> Iterator[ClusterApi]:
    """The API server of the test cluster; without one the scenarios are skipped."""
    found = api_from_environment()
    if found is None:
        pytest.skip("needs a cluster: start with tests/e2e/run, see docs/testing.md")
    yield found
    found.close()


@pytest.fixture(scope="session")
def installed() -> set[str]:
    """The ingress classes whose controllers have been installed so far."""
    return set()


@pytest.fixture
def controller(request: pytest.FixtureRequest) -> IngressController:
    """Traefik, unless the scenario asks for others with `every_controller`."""
    return controllers.ALL[getattr(request, "param", "traefik")]


@pytest.fixture
def address(api: ClusterApi, controller: IngressController, installed: set[str]) -> VisitorAddress:
    """Where visitors come in: a pod of now, for some scenarios replace them. Installs the controller when first asked for."""
    if controller.ingress_class not in installed:
        installed.add(controller.ingress_class)
        return controller.install(api)
    return until("a ready pod of the controller", lambda: controller.address(api), 60)


@pytest.fixture(scope="session")
def installation(api: ClusterApi) -> InstalledWaker:
    return InstalledWaker(api)


@pytest.fixture
def waker(installation: InstalledWaker) -> InstalledWaker:
    """Installed and ready."""
    installation.ensure()
    return installation


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    api: ClusterApi,
    controller: IngressController,
    address: VisitorAddress,
    waker: InstalledWaker,
) -> Iterator[Scene]:
    """A stage with a namespace of its own."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")
    namespace = f"{words}-{next(numbers)}"
    api.create_namespace(namespace)
    if not ON_BED:
        api.create(apps.script_map(namespace))
    history = History(api.access, namespace)
    history.start()
    yield Scene(api, waker, controller, address, namespace, history)
    history.stop()
    api.delete_namespace(namespace)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed scenario tells what the cluster looks like."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("scene")
    if report.when == "call" and report.failed and stage:
        report.sections.append(("cluster", stage.diagnosis()))
    return report
