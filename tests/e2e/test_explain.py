"""`waker explain` on a real cluster: the numbers are the controller's own, a refusal names its way out."""

import json
import re
import urllib.request
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.apps import Rule, StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.install import CHECKOUT, NAMESPACE
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

REQUESTS = 7
PERSON = "person"  # a ServiceAccount that stands for somebody with a kubeconfig


def explained(scene: Scene, app: StageApp) -> Json:
    found: Json = json.loads(scene.waker.do("explain", app.name, "-n", app.namespace, "-o", "json"))
    return found


def reasons(found: Json) -> list[str]:
    return [each["kind"] for each in found["against"]]


def in_use(scene: Scene, app: StageApp) -> Json | None:
    """What explain says once all requests have been read."""
    found = explained(scene, app)
    values = [value["requests"] or 0 for series in found["series"] for value in series["values"]]
    return found if reasons(found) == ["in-use"] and sum(values) >= REQUESTS else None


def page(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def counted(text: str, service: str) -> int:
    """The sum of the series, found by other means than waker's."""
    pattern = rf'^traefik_service_requests_total\{{[^\n]*service="{re.escape(service)}"[^\n]*\}} (\S+)$'
    return sum(int(float(value)) for value in re.findall(pattern, text, re.MULTILINE))


@needs_bed("reads the controller's metrics page at its pod")
@pytest.mark.parametrize("controller", [pytest.param("traefik", id="traefik")], indirect=True)
def test_the_values_are_those_of_the_controllers_page(scene: Scene) -> None:
    shop = scene.app("shop")
    for _ in range(REQUESTS):
        assert scene.knock(shop).who is Who.APP
    found = until("its visits are known", partial(in_use, scene, shop), 30)
    (series,) = found["series"]
    (value,) = series["values"]
    assert value["requests"] == counted(page(f"{scene.address.host}:9100"), series["labels"]["service"])
    assert sum(each["requests"] for each in series["spellings"]) == value["requests"]
    assert {"name": "controller.traefik.port", "value": "metrics or traefik or 9100", "source": "default"} in found[
        "settings"
    ]
    (row,) = scene.waker.status(shop.namespace, shop.name)
    assert row["sleepsAt"] > found["at"]
    text = scene.waker.do("explain", f"deployment/{shop.name}", "-n", shop.namespace)
    assert text.startswith(f"{shop.namespace}/shop is awake: last sign of life ")
    assert f"{value['requests']:.0f}  {value['pod']}" in text


@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_a_wildcard_host_is_refused_with_the_way_out(scene: Scene) -> None:
    shop = StageApp(scene.namespace, "shop", scene.controller.ingress_class, ingresses=("wild",))
    scene.create(*apps.objects(shop))
    rule = Rule(f"*.{scene.namespace}.example.org", shop.name)
    scene.create(apps.ingress(shop, "wild", [rule]))
    found = until("it is refused", partial(blind, scene, shop), 30)
    (reason,) = (each for each in found["against"] if each["kind"] == "not-counted")
    assert reason["text"].endswith("ingress-nginx does not count requests of a wildcard host")
    assert reason["fix"].startswith(
        "name each host in a rule of its own, or run it with --metrics-per-host=false and set "
    )
    assert reason["fix"].endswith(f" set controller.{scene.controller.ingress_class}.any-host")
    assert found["answer"].startswith(
        f"{shop.namespace}/shop is awake: wild: {rule.host}/: ingress-nginx does not count"
    )
    assert "name each host in a rule of its own" in scene.waker.do("explain", "shop", "-n", shop.namespace)


def blind(scene: Scene, app: StageApp) -> Json | None:
    found = explained(scene, app)
    return found if "not-counted" in reasons(found) and found["phase"] == "Awake" else None


@pytest.mark.parametrize("controller", [pytest.param("traefik", id="traefik")], indirect=True)
def test_the_advice_fits_what_is_wrong_with_the_metrics_page(scene: Scene) -> None:
    shop, name = scene.app("shop"), scene.controller.ingress_class
    for setting, value, what, fix in (
        ("port", "1", "refuses connections at ", f"set controller.{name}.port"),
        ("path", "/nothing", "has no page /nothing on port 9100 (HTTP 404)", f"set controller.{name}.path or port"),
        # Each of Traefik's ports also speaks TLS, with a certificate of its own making.
        ("scheme", "https", "(self-signed certificate)", f"set controller.{name}.ca-file"),
    ):
        key = f"controller.{name}.{setting}"
        scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": {key: value}})
        try:
            reason = until(f"{key} is wrong", partial(unread, scene, shop, what), 30)
        finally:
            scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": {key: None}})
        assert fix in reason["fix"], reason
    until("all is read again", lambda: "not-read" not in reasons(explained(scene, shop)), 30)


def unread(scene: Scene, app: StageApp, what: str) -> Json | None:
    """Why a controller pod is not read, if the sentence says this."""
    found = explained(scene, app)["against"]
    return next((each for each in found if each["kind"] == "not-read" and what in each["text"]), None)


def test_an_unknown_app_is_one_sentence(scene: Scene) -> None:
    done = scene.waker.command("explain", "nothing", "-n", scene.namespace)
    assert done.returncode == 1
    assert done.stderr == f"waker: 'nothing' is no Deployment or StatefulSet in namespace {scene.namespace}\n"


# --- who may ask --------------------------------------------------------------------------------------------------


def private_port(scene: Scene, path: str, **headers: str) -> int:
    """The status of waker's private port for a caller inside the cluster."""
    connection = HTTPConnection(scene.waker.pods()[0]["status"]["podIP"], 9090, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def token(account: str, namespace: str, *more: str) -> str:
    return kubectl("create", "token", account, "-n", namespace, *more).strip()


def documented_role() -> str:
    """The smallest role that docs/operations.md gives to those who may ask the service."""
    (found,) = re.findall(r"```yaml\n([^`]*kind: Role\n[^`]*)```", (CHECKOUT / "docs" / "operations.md").read_text())
    return str(found)


def bind(kind: str, name: str, role: str, account: str, *more: str) -> None:
    kubectl("create", kind, name, role, f"--serviceaccount={account}", *more)


@needs_bed("calls waker's private port at its pod")
@pytest.mark.parametrize("controller", [pytest.param("traefik", id="traefik")], indirect=True)
def test_in_the_cluster_only_those_who_may_read_a_workload_read_about_it(scene: Scene) -> None:
    shop = scene.app("shop")
    paths = (
        f"/apps/{scene.namespace}/Deployment/{shop.name}",
        "/apps/kubesleeper/Deployment/waker",
        "/apps",
    )
    kubectl("create", "serviceaccount", PERSON, "-n", scene.namespace)

    def statuses(**headers: str) -> list[int]:
        return [private_port(scene, path, **headers) for path in paths]

    assert [private_port(scene, path) for path in ("/metrics", "/healthz", "/readyz")] == [200] * 3
    assert statuses() == [401] * 3
    assert statuses(Authorization="Bearer nonsense") == [401] * 3
    person = {"Authorization": f"Bearer {token(PERSON, scene.namespace)}"}
    assert statuses(**person) == [403] * 3
    kubectl(
        "create",
        "rolebinding",
        PERSON,
        "--clusterrole=view",
        f"--serviceaccount={scene.namespace}:{PERSON}",
        "-n",
        scene.namespace,
    )
    until("the right is known", lambda: statuses(**person) == [200, 403, 403], 30)
    for_waker = token("waker-reader", NAMESPACE, "--audience=kubesleeper")
    assert statuses(**{"X-Kubesleeper-Token": for_waker}) == [200] * 3
    assert statuses(Authorization=f"Bearer {for_waker}") == [401] * 3, "it is none of the API server's own"
    of_the_api = token("waker-reader", NAMESPACE)
    assert statuses(**{"X-Kubesleeper-Token": of_the_api}) == [401] * 3, "it was not made for waker"
    another = token(PERSON, scene.namespace, "--audience=kubesleeper")
    assert statuses(**{"X-Kubesleeper-Token": another}) == [200, 403, 403]


@pytest.mark.parametrize("controller", [pytest.param("traefik", id="traefik")], indirect=True)
def test_commands_ask_the_service_for_those_who_may_create_a_readers_token(scene: Scene, tmp_path: Path) -> None:
    """Here with a token of somebody's; it is the same with certificates and plugins, as waker never sees them."""
    shop, account, asking = scene.app("shop"), f"{scene.namespace}:{PERSON}", f"{scene.namespace}-asks"
    kubectl("create", "serviceaccount", PERSON, "-n", scene.namespace)
    resources = "ingressclasses.networking.k8s.io,endpointslices.discovery.k8s.io"
    kubectl("create", "clusterrole", asking, "--verb=get,list,watch", f"--resource={resources}")
    bind("clusterrolebinding", f"{scene.namespace}-reads", "--clusterrole=view", account)
    bind("clusterrolebinding", asking, f"--clusterrole={asking}", account)
    try:
        config = json.loads(kubectl("config", "view", "--minify", "--flatten", "--raw", "-o", "json"))
        config["users"][0]["user"] = {"token": token(PERSON, scene.namespace)}
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        asked = ("explain", shop.name, "-n", shop.namespace, "-o", "json", "--kubeconfig", str(kubeconfig))
        refused = scene.waker.command(*asked)
        assert json.loads(refused.stdout)["fromService"] is False
        assert 'cannot create resource "serviceaccounts/token"' in refused.stderr
        (tmp_path / "role").write_text(documented_role())
        kubectl("apply", "-f", str(tmp_path / "role"))
        bind("rolebinding", PERSON, "--role=waker-status", account, "-n", NAMESPACE)
        until("it is let in", lambda: json.loads(scene.waker.do(*asked))["fromService"], 30)
        told = scene.waker.do("status", "-n", shop.namespace, "-o", "json", "--kubeconfig", str(kubeconfig))
        assert [each["name"] for each in json.loads(told)] == [shop.name]
    finally:
        kubectl("delete", "clusterrolebinding", f"{scene.namespace}-reads", asking)
        kubectl("delete", "clusterrole", asking)
        kubectl("delete", "role,rolebinding", "waker-status", PERSON, "-n", NAMESPACE, "--ignore-not-found")
