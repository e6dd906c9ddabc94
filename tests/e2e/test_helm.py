"""The chart's life with the real Helm: install, test, upgrade and rollback while apps sleep and are visited, uninstall."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from tests.e2e import load, released
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE, InstalledWaker
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream
from tests.e2e.test_9_farewell import left_as_written, written
from tests.e2e.test_writes import frozen
from tests.install.programs import CHART
from waker import names

ASLEEP = 5
EVERY = 0.02  # seconds between two requests
AFTER = 5.0  # seconds that visitors go on when all is as it was
OF_SERVICE = {f"configmap/{names.DOORS_MAP}", f"lease.coordination.k8s.io/{names.LEASE}"}  # what waker makes for itself

pytestmark = needs_bed(
    "upgrades to an image that is nowhere else, and a pod asks the controller at the address of its pod"
)


@pytest.fixture
def waker(api: ClusterApi, installation: InstalledWaker) -> Iterator[InstalledWaker]:
    """Installed by Helm, in the place of the one of k8s/."""
    with released.released(api, installation) as found:
        yield found


def test_apps_sleep_on_through_an_upgrade_and_a_rollback_and_an_uninstall_gives_them_back(scene: Scene) -> None:
    some = [scene.app(f"shop-{number}", replicas=1 + number % 2) for number in range(ASLEEP)]
    busy = scene.app("busy")
    before = {name: obj for name, obj in written(scene.api, scene.namespace).items() if names.MANAGER not in name}
    for each in some:
        scene.pin(each, "asleep")  # so that visitors may come and it sleeps on
    scene.asleep(*some)

    changes = (
        partial(released.upgrade, "image.tag=next"),
        partial(released.upgrade, "image.tag=next", "highAvailability=true"),
        partial(released.do, "rollback", released.RELEASE, "1", "--wait"),
    )
    for change in changes:
        with visited(scene, [*some, busy]) as stream:
            change()
            until("as many pods as wanted", scene.waker.ready, 60)
            time.sleep(AFTER)
        stream.check()
        scene.asleep(*some)

    for each in some:
        scene.pin(each, None)
    with visited(scene, [busy]) as stream:
        said = released.do("uninstall", released.RELEASE, "--wait")
        time.sleep(AFTER)
    stream.check()
    assert f"{ASLEEP} apps were asleep and are awake again. KubeSleeper puts nothing to sleep any more" in said
    left_as_written(scene, [*some, busy], before)
    left = set(kubectl("get", "all,cm,lease,role,rolebinding,sa,ingress,pdb", "-n", NAMESPACE, "-o", "name").split())
    of_kubernetes = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
    assert {each for each in left if not each.startswith("pod/")} - of_kubernetes == OF_SERVICE
    assert "kubesleeper" not in kubectl("get", "clusterrole,clusterrolebinding", "-o", "name")


def visited(scene: Scene, some: Sequence[StageApp]) -> Stream:
    """Browsers and programs that visit all these apps in turn."""
    return Stream(
        scene.address, [ask(each.host, each.name) for each in some for ask in (load.browser, load.curl)], EVERY
    )


def test_an_uninstall_that_cannot_give_everything_back_stops_and_can_be_forced(scene: Scene) -> None:
    shop, other = scene.app("shop"), scene.app("other")
    before = {name: obj for name, obj in written(scene.api, scene.namespace).items() if names.MANAGER not in name}
    scene.sleep(shop, other)
    released.upgrade("restore.timeout=5s")

    with frozen(scene, "ingresses"):
        done = released.run("uninstall", released.RELEASE)
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert f"left: Deployment {scene.namespace}/shop:" in said
        assert "this namespace is frozen" in said
        assert scene.waker.ready()
        assert scene.api.get("ConfigMap", NAMESPACE, names.CONFIG_MAP)["data"]["paused"] == "true"

        released.do("rollback", released.RELEASE, "2", "--wait")  # the revision that is there
        assert released.status() == "deployed"
        assert scene.api.get("ConfigMap", NAMESPACE, names.CONFIG_MAP)["data"]["paused"] == "false"

        assert released.run("uninstall", released.RELEASE).returncode != 0
        released.do("uninstall", released.RELEASE, "--no-hooks", "--wait")
        assert not released.is_there()
    scene.waker.do("restore", "--all")
    left_as_written(scene, [shop, other], before)


def test_an_uninstall_can_be_tried_again(scene: Scene) -> None:
    shop = scene.app("shop")
    before = {name: obj for name, obj in written(scene.api, scene.namespace).items() if names.MANAGER not in name}
    scene.sleep(shop)
    released.upgrade("restore.timeout=5s")
    with frozen(scene, "ingresses"):
        assert released.run("uninstall", released.RELEASE).returncode != 0
    released.do("uninstall", released.RELEASE, "--wait")
    left_as_written(scene, [shop], before)


@every_controller
def test_helm_test_is_a_whole_cycle(scene: Scene) -> None:
    """With the installation's own settings; the sample app has its own idle period."""
    scene.app("shop")
    at = f"test.url=http://{scene.address.host}:{scene.address.port}"
    released.upgrade(at, f"test.ingressClassName={scene.controller.ingress_class}")
    said = released.do("test", released.RELEASE)
    for step in (
        "nobody visits it: it sleeps",
        "a browser gets the waiting page",
        "the app answers again",
        "OK: a whole cycle",
    ):
        assert step in said
    until("nothing of the sample app is left", lambda: not sample_objects(scene.api), 60)


def sample_objects(api: ClusterApi) -> list[str]:
    """What is there of the sample app, and of waker for it."""
    kinds = ("Deployment", "Pod", "Service", "Ingress")
    some = [each for kind in kinds for each in api.list(kind, NAMESPACE)]
    mine = ("kubesleeper-test", names.WAKER_SERVICE, names.KEEPER)
    return [each["metadata"]["name"] for each in some if each["metadata"]["name"].startswith(mine)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(["test.url=http://127.0.0.1:1"], "Last seen: nobody", id="nobody answers"),
        pytest.param(["settings.paused=true"], "waker says | ", id="it does not sleep"),
    ],
)
def test_a_helm_test_that_fails_says_why_and_leaves_no_app(scene: Scene, values: list[str], said: str) -> None:
    scene.app("shop")
    ingress_class, at = scene.controller.ingress_class, f"http://{scene.address.host}:{scene.address.port}"
    released.upgrade(f"test.url={at}", f"test.ingressClassName={ingress_class}", "test.timeoutSeconds=25", *values)
    done = released.run("test", released.RELEASE)
    assert done.returncode != 0
    assert "FAILED: not within 25 s" in done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    until("only the pod is left", lambda: sample_objects(scene.api) == ["kubesleeper-test-cycle"], 60)


def test_helm_takes_over_what_kubectl_applied(scene: Scene) -> None:
    """Apps sleep on, and the release owns all of it."""
    released.do("uninstall", released.RELEASE, "--wait")
    scene.waker.ensure()
    shop = scene.app("shop")
    scene.sleep(shop)

    forced = ["--force-conflicts"] if released.version().startswith("v4.") else []  # Helm 3 always does
    released.do("install", released.RELEASE, str(CHART), "--take-ownership", "--wait", *forced, *released.values())

    until("waker is ready", scene.waker.ready, 60)
    scene.asleep(shop)
    scene.visit(shop)
    scene.awake(shop)
    released.do("uninstall", released.RELEASE, "--wait")
    assert "kubesleeper" not in kubectl("get", "clusterrole,clusterrolebinding", "-o", "name")
    assert scene.api.find("Deployment", NAMESPACE, DEPLOYMENT) is None
