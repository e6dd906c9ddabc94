"""`waker explain` on a real cluster: the numbers are the controller's own, a refusal names its way out."""

import json
import re
import urllib.request
from functools import partial

import pytest

from tests.e2e import apps
from tests.e2e.apps import Rule, StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene

REQUESTS = 7


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
    assert "ingress-nginx does not count requests of a wildcard host; name each host in a rule" in reason["text"]
    assert found["answer"].startswith(
        f"{shop.namespace}/shop is awake: wild: {rule.host}/: ingress-nginx does not count"
    )
    assert "name each host in a rule of its own" in scene.waker.do("explain", "shop", "-n", shop.namespace)


def blind(scene: Scene, app: StageApp) -> Json | None:
    found = explained(scene, app)
    return found if "not-counted" in reasons(found) and found["phase"] == "Awake" else None


def test_an_unknown_app_is_one_sentence(scene: Scene) -> None:
    done = scene.waker.command("explain", "nothing", "-n", scene.namespace)
    assert done.returncode == 1
    assert done.stderr == f"waker: 'nothing' is no Deployment or StatefulSet in namespace {scene.namespace}\n"
