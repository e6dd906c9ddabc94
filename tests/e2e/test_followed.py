"""That every controller pod follows is proved, also where its answer for the route shows nothing: such an app sleeps."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.load import VisitorAddress
from tests.e2e.scene import Scene

CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example.org -keyout key.pem -out cert.pem"
NGINX = "nginx.ingress.kubernetes.io"
TRAEFIK = "traefik.ingress.kubernetes.io/router"
LOGIN = "admin:{PLAIN}s3cr3t"  # which nginx on the bed may not read, so nobody gets in
SECURE_PORT = {"traefik": 8443, "nginx": 443, "contour": 8443}
PROVED = "was proved by a newer path of waker's own"

pytestmark = needs_bed("asks a controller's pod at its own address")


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the annotations of an Ingress hide from a check, and how its visitors come."""

    annotations: dict[str, str]
    plain: int  # the status that anybody gets over plain HTTP
    over_tls: bool = False


ON_TLS_ONLY = {f"{TRAEFIK}.entrypoints": "websecure", f"{TRAEFIK}.tls": "true"}
TO_HTTPS = {"ingress.kubernetes.io/force-ssl-redirect": "true"}
HTTPS_ONLY = [
    pytest.param("nginx", Hidden({}, 308, over_tls=True), id="nginx-redirects"),
    pytest.param("traefik", Hidden(ON_TLS_ONLY, 404, over_tls=True), id="traefik-has-no-plain-route"),
    pytest.param("contour", Hidden(TO_HTTPS, 301, over_tls=True), id="contour-redirects"),
]


@pytest.mark.parametrize(("controller", "hidden"), HTTPS_ONLY, indirect=["controller"])
def test_an_app_that_is_served_over_https_only(scene: Scene, hidden: Hidden, tmp_path: Path) -> None:
    """The check goes the way that visitors go."""
    subprocess.run(["openssl", *CERTIFICATE.split()], cwd=tmp_path, check=True, capture_output=True)
    files = (f"--cert={tmp_path}/cert.pem", f"--key={tmp_path}/key.pem")
    kubectl("create", "secret", "tls", "shop", "-n", scene.namespace, *files)
    shop = scene.app("shop", start_delay="1s")
    tls = {"spec": {"tls": [{"hosts": [shop.host], "secretName": "shop"}]}}
    scene.api.patch("Ingress", scene.namespace, "shop", tls | {"metadata": {"annotations": hidden.annotations}})
    falls_asleep_and_wakes(scene, shop, hidden)
    assert PROVED not in explained(scene, shop)


WITH_LOGIN = {f"{NGINX}/auth-type": "basic", f"{NGINX}/auth-secret": "shop"}
DENIED = {f"{NGINX}/denylist-source-range": "10.0.0.0/8,127.0.0.0/8"}
REDIRECTED = {f"{NGINX}/permanent-redirect": "https://example.org"}
BEHIND = [
    pytest.param("nginx", Hidden(WITH_LOGIN, 401), id="nginx-login"),
    pytest.param("nginx", Hidden(DENIED, 403), id="nginx-deny-list"),
    pytest.param("nginx", Hidden(REDIRECTED, 301), id="nginx-redirect-elsewhere"),
]


@pytest.mark.parametrize(("controller", "hidden"), BEHIND, indirect=["controller"])
def test_an_app_whose_controller_answers_by_itself(scene: Scene, hidden: Hidden) -> None:
    """No answer for the route shows where it leads, so a newer path of waker's own has to."""
    kubectl("create", "secret", "generic", "shop", "-n", scene.namespace, f"--from-literal=auth={LOGIN}")
    shop = scene.app("shop", start_delay="1s")
    scene.api.patch("Ingress", scene.namespace, "shop", {"metadata": {"annotations": hidden.annotations}})
    falls_asleep_and_wakes(scene, shop, hidden)
    assert PROVED in explained(scene, shop)


def falls_asleep_and_wakes(scene: Scene, shop: StageApp, hidden: Hidden) -> None:
    """By a visitor, if visitors get in at all; otherwise by its owner."""
    secure_port = SECURE_PORT[scene.controller.ingress_class]
    anybody: Callable[[], int] = partial(status, scene.address, shop.host)
    visitor: Callable[[], int] = partial(status, scene.address, shop.host, secure_port)
    until(f"anybody gets {hidden.plain}", lambda: anybody() == hidden.plain, 30)
    if hidden.over_tls:
        until("visitors get in", lambda: visitor() == 200, 30)
    scene.sleep(shop)
    assert anybody() == hidden.plain, "its controller goes on as before while it sleeps"
    if hidden.over_tls:
        until("a visitor wakes it", lambda: visitor() == 200, 30)
    else:
        scene.waker.do("wake", shop.name, "-n", shop.namespace)
    scene.awake(shop)


def explained(scene: Scene, app: StageApp) -> str:
    found = json.loads(scene.waker.do("explain", app.name, "-n", app.namespace, "-o", "json"))
    return "\n".join(found["notes"])


def status(address: VisitorAddress, host: str, secure_port: int = 0) -> int:
    """What a browser gets."""
    scheme, port = ("https", secure_port) if secure_port else ("http", address.port)
    to_pod = ("--connect-to", f"{host}:{443 if secure_port else 80}:{address.host}:{port}")
    browser = ("-H", "Accept: text/html", "-H", "Sec-Fetch-Mode: navigate")
    command = [
        "curl",
        "-sk",
        "-m",
        "5",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        *to_pod,
        *browser,
        f"{scheme}://{host}/",
    ]
    return int(subprocess.run(command, check=False, capture_output=True, text=True).stdout or 0)
