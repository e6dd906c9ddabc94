"""The dashboard of an installed waker: its buttons are for whom the API server lets patch that very workload."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE
from tests.e2e.scene import Scene
from waker import names

pytestmark = needs_bed("calls waker's pod at its own address")


@pytest.fixture
def buttons(scene: Scene) -> Iterator[None]:
    """waker runs with buttons."""
    for value in ("WAKER_DASHBOARD_ACTIONS=true", "WAKER_DASHBOARD_ACTIONS-"):
        kubectl("set", "env", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", value)
        kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", within=180)
        until("waker is ready", scene.waker.ready, 90)
        if value.endswith("true"):
            yield


def ask(scene: Scene, path: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, str]:
    """One request to waker's private port, from outside its pod."""
    (pod,) = scene.waker.pods()
    data = None if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{pod['status']['podIP']}:9090{path}", data, {**headers, **kind})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def press(scene: Scene, app: StageApp, action: str, headers: Mapping[str, str]) -> int:
    body = {"namespace": app.namespace, "kind": app.kind, "name": app.name, "action": action}
    return ask(scene, "/dashboard/act", headers, body)[0]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def account(scene: Scene, name: str, *rights: str) -> dict[str, str]:
    """The headers of a new ServiceAccount with these rights in the namespace."""
    kubectl("create", "serviceaccount", "-n", scene.namespace, name)
    if rights:
        kubectl("create", "role", "-n", scene.namespace, name, *rights)
        subject = f"--serviceaccount={scene.namespace}:{name}"
        kubectl("create", "rolebinding", "-n", scene.namespace, name, f"--role={name}", subject)
    return bearer(token_of(scene, scene.namespace, name))


def token_of(scene: Scene, namespace: str, name: str, *audiences: str) -> str:
    spec = {"audiences": list(audiences)} if audiences else {}
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = f"api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    return str(scene.api.call("POST", path, wanted)["status"]["token"])


@pytest.mark.usefixtures("buttons")
def test_a_button_is_for_whom_the_api_server_lets(scene: Scene) -> None:
    shop = scene.app("shop")
    reader = {names.TOKEN_HEADER: token_of(scene, NAMESPACE, names.READER, names.AUDIENCE)}
    may = account(scene, "may", "--verb=get,patch", "--resource=deployments.apps", "--resource-name=shop")
    looks = account(scene, "looks", "--verb=get,list", "--resource=deployments.apps")

    assert ask(scene, "/dashboard", {})[0] == 401
    assert ask(scene, "/dashboard", reader)[0] == 200
    strangers: list[dict[str, str]] = [{}, bearer("e30.e30.e30"), looks, reader]
    assert [press(scene, shop, "sleep", each) for each in strangers] == [401, 401, 403, 403]
    scene.awake(shop)
    assert press(scene, shop, "sleep", may) == 200
    scene.asleep(shop)
    assert press(scene, shop, "wake", may) == 200
    scene.awake(shop)
    assert scene.namespace in scene.waker.do("savings")


def test_without_the_flag_it_only_shows(scene: Scene) -> None:
    shop = scene.app("shop")
    may = account(scene, "may", "--verb=get,patch", "--resource=deployments.apps")
    assert press(scene, shop, "sleep", may) == 404
    binding, subject = f"{scene.namespace}-view", f"--serviceaccount={scene.namespace}:may"
    kubectl("create", "clusterrolebinding", binding, "--clusterrole=view", subject)
    status, page = ask(scene, f"/dashboard?q={scene.namespace}", may)
    kubectl("delete", "clusterrolebinding", binding)
    assert status == 200
    assert f'data-id="{scene.namespace}/Deployment/shop"' in page
