"""Attack: any pod of the cluster reads from waker's private port which apps there are, and how each is doing.

The scenario's own process is such a caller. Operators are let in by the API server, and their commands go on working.
"""

import json

import pytest

from tests.e2e import intruder, load
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, until
from tests.e2e.load import Request
from tests.e2e.scene import Scene

pytestmark = needs_bed("calls waker's pod at its own address")
PATHS = (
    "/apps", "/apps/", "/apps/$ns/Deployment/shop", "/apps/$ns/deployment/shop", "//apps", "/%61pps", "/apps?x=1",
    "/savings", "/dashboard", "/dashboard/events", "/dashboard?q=shop", "/dashboard/act",
)  # fmt: skip


@pytest.mark.parametrize("who", ["nobody", "forged", "tenant"])
def test_it_says_nothing_about_apps(scene: Scene, who: str) -> None:
    shop = scene.app("shop")
    scene.sleep(shop)
    tokens = {"nobody": "", "forged": "e30.e30.e30", "tenant": token(scene.api, scene.namespace)}
    bearer = (("Authorization", f"Bearer {tokens[who]}"),) if tokens[who] else ()

    for address in intruder.wakers_addresses(scene, intruder.WAKERS_PRIVATE_PORT):
        for path in (each.replace("$ns", scene.namespace) for each in PATHS):
            answer = load.ask_now(address, Request(who, "waker", "", path, headers=bearer))
            assert answer.status in (401, 403, 404, 405), path
            assert shop.host not in answer.body, path
            assert scene.namespace not in answer.body, path
            assert answer.status != 404 or "no such app" not in answer.body, (
                "whoever may not ask is not told that, either"
            )


def token(api: ClusterApi, namespace: str) -> str:
    """A valid token of a service account without any rights."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    return str(api.call("POST", path, asked)["status"]["token"])


def test_health_and_metrics_name_no_app(scene: Scene) -> None:
    """They are open to the kubelet and to Prometheus, so to everybody."""
    shop = scene.app("shop")
    scene.sleep(shop)
    for address in intruder.wakers_addresses(scene, intruder.WAKERS_PRIVATE_PORT):
        for path in ("/metrics", "/healthz", "/readyz"):
            answer = load.ask_now(address, load.curl("waker", "", path))
            assert answer.status == 200
            assert shop.host not in answer.body


def test_the_operators_commands_go_on_working(scene: Scene) -> None:
    """Without the running service they work out what they can, but never for how long an app has been idle."""
    shop = scene.app("shop")

    def idle_for() -> str:
        (row,) = scene.waker.status(scene.namespace, shop.name)
        return str(row["idleFor"])

    until("status says for how long it has been idle", idle_for)
    assert json.loads(scene.waker.do("explain", shop.name, "-n", scene.namespace, "-o", "json"))
