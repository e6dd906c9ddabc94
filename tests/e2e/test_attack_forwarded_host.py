"""Attack: a request at the host of one sleeping app says in a header that it is for another app.

`X-Forwarded-Host` and its like are the visitor's own words wherever the controller passes them on. Envoy does by default; the
other two do when they are told to trust a proxy in front of them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import controllers, intruder
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.intruder import NOBODY, ask, seen, whose
from tests.e2e.scene import Scene, every_controller

ARGS = "/spec/template/spec/containers/0/args"
TRUST = "--entrypoints.web.forwardedHeaders.insecure=true"
ALLOW_LIST = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: vault
  annotations: {nginx.ingress.kubernetes.io/whitelist-source-range: 192.0.2.0/24}
spec:
  ingressClassName: $class
  rules:
  - host: $host
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: vault, port: {name: http}}}}
"""

pytestmark = needs_bed("uses an image that writes down what it is sent, and reconfigures controllers")


def saying(host: str) -> list[tuple[str, str]]:
    """Every header in which proxies report a host."""
    fields = ("X-Forwarded-Host", "X-Original-Host", "X-Host", "X-Forwarded-Server")
    return [*((field, host) for field in fields), ("Forwarded", f"for=192.0.2.1;host={host};proto=http")]


@contextmanager
def trusting(scene: Scene) -> Iterator[None]:
    """The controller passes on what visitors say in `X-Forwarded-Host`."""
    set_trust(scene, trusts=True)
    try:
        yield
    finally:
        set_trust(scene, trusts=False)


def set_trust(scene: Scene, *, trusts: bool) -> None:
    """Contour's Envoy needs no setting: it does so by default."""
    namespace, deployment = scene.controller.namespace, scene.controller.deployment
    match scene.controller:
        case controllers.NGINX:
            wanted = {"use-forwarded-headers": "true" if trusts else None}
            scene.api.patch("ConfigMap", namespace, deployment, {"data": wanted})
        case controllers.TRAEFIK:
            found = scene.api.get("Deployment", namespace, deployment)
            args = [each for each in found["spec"]["template"]["spec"]["containers"][0]["args"] if each != TRUST]
            change = {"op": "replace", "path": ARGS, "value": [*args, TRUST] if trusts else args}
            scene.api.patch("Deployment", namespace, deployment, [change])
            kubectl("rollout", "status", "-n", namespace, f"deployment/{deployment}")
            scene.address = until("a ready pod", lambda: scene.controller.address(scene.api), 60)


def passes_on(scene: Scene, app: StageApp) -> bool:
    """Whether the app hears what a visitor claims."""
    ask(scene, app.host, "/", ("X-Forwarded-Host", "claim.example.org"))
    return any("claim.example.org" in each["headers"].get("x-forwarded-host", "") for each in seen(scene, app))


@pytest.mark.parametrize("vault_sleeps", [pytest.param(True, id="asleep"), pytest.param(False, id="awake")])
@every_controller
def test_only_the_app_whose_ingress_was_asked(scene: Scene, vault_sleeps: bool) -> None:
    front = intruder.witness(scene, "front")
    with intruder.second_tenant(scene) as other, trusting(scene):
        intruder.write(other, ALLOW_LIST, host=f"vault.{other.namespace}.example.org")
        vault = intruder.witness(other, "vault", ingresses=("vault",))
        until("the claim is passed on", lambda: passes_on(scene, front), 30)
        other.sleep(vault)
        if not vault_sleeps:
            other.waker.do("wake", "deployment/vault", "-n", other.namespace)
            other.awake(vault)
        intruder.pin_asleep(scene, front)

        for header in saying(vault.host):
            answers = [ask(scene, front.host, path, header) for path in ("/", "/secret")]
            assert [whose(each, front, vault) for each in answers] == [front.name] * 2, header
        assert whose(ask(scene, front.host, "/", *saying(vault.host)), front, vault) == front.name

        if vault_sleeps:
            intruder.stays_asleep(other, vault)
        else:
            assert seen(other, vault) == []


@every_controller
def test_a_claim_of_a_host_that_nobody_has_hides_nothing(scene: Scene) -> None:
    front = intruder.witness(scene, "front")
    with trusting(scene):
        time.sleep(scene.controller.lag)
        intruder.pin_asleep(scene, front)
        found = whose(ask(scene, front.host, "/", *saying("claim.example.net")), front)
        assert found == front.name != NOBODY
