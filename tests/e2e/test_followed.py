"""That every controller pod follows is proved, also where it sends visitors of plain HTTP to https."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.scene import Scene

CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example.org -keyout key.pem -out cert.pem"

pytestmark = needs_bed("asks a controller's pod at its own address over TLS")


@pytest.mark.parametrize("controller", ["nginx"], indirect=True)
def test_an_app_that_is_served_over_https_only(scene: Scene, tmp_path: Path) -> None:
    """ingress-nginx redirects plain HTTP where there is a certificate, so only an answer over TLS proves anything."""
    shop = scene.app("shop", start_delay="1s")
    subprocess.run(["openssl", *CERTIFICATE.split()], cwd=tmp_path, check=True, capture_output=True)
    files = (f"--cert={tmp_path}/cert.pem", f"--key={tmp_path}/key.pem")
    kubectl("create", "secret", "tls", "shop", "-n", scene.namespace, *files)
    scene.api.patch(
        "Ingress", scene.namespace, "shop", {"spec": {"tls": [{"hosts": [shop.host], "secretName": "shop"}]}}
    )
    until("the app answers over TLS", lambda: "200" in over_tls(scene, shop.host), 30)
    until("plain HTTP is redirected", lambda: scene.knock(shop).status in (301, 308), 30)

    scene.sleep(shop)
    assert "503" in over_tls(scene, shop.host)
    until("the app answers over TLS again", lambda: "200" in over_tls(scene, shop.host), 30)
    scene.awake(shop)


def over_tls(scene: Scene, host: str) -> str:
    """The status that a browser gets."""
    address = scene.address
    to_pod = ("--connect-to", f"{host}:443:{address.host}:443")
    browser = ("-H", "Accept: text/html", "-H", "Sec-Fetch-Mode: navigate")
    command = ["curl", "-sk", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", *to_pod, *browser, f"https://{host}/"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout
