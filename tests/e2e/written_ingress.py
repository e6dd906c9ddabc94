"""An Ingress as its user wrote it, in front of an app, and a browser that visits it the way that it says."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.scene import Scene
from waker import names

CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example.org -keyout key.pem -out cert.pem"
SECURE_PORT = {"traefik": 8443, "nginx": 443, "contour": 8443}
BY_LAG = "could not be proved: no answer shows it, so waker relied on its usual lag"
IDLE_AFTER = 4  # seconds
MORE = 45  # seconds until it sleeps: the lag, reloads, a last look at the counters, on a busy machine


@dataclass(frozen=True, slots=True)
class Written:
    """An Ingress as its user wrote it, and how a visitor comes."""

    manifest: str
    visited: str = "/"  # the path that a browser shows
    arrives: str = "/"  # the path at the app
    path: str = "/"  # in the Ingress
    over_tls: bool = False
    shown: str = ""  # in `explain`: how it was found out that the controllers follow
    every: float = 0.3  # seconds between two requests of one visitor


@dataclass(frozen=True, slots=True)
class IngressVisitor:
    """A browser, and the user of the app."""

    scene: Scene
    app: StageApp
    written: Written
    folder: Path
    curl: tuple[str, ...]

    @property
    def host(self) -> str:
        return self.app.host

    def apply(self, manifest: str) -> None:
        """`kubectl apply -f`."""
        file = self.folder / "ingress.yaml"
        file.write_text(Template(manifest).substitute(host=self.host, namespace=self.scene.namespace))
        kubectl("apply", "-n", self.scene.namespace, "-f", str(file))

    def ask(self, path: str = "") -> str:
        """The status and the body."""
        scene, path = self.scene, path or self.written.visited
        scheme, port = ("https", 443) if self.written.over_tls else ("http", 80)
        to = SECURE_PORT[scene.controller.ingress_class] if self.written.over_tls else scene.address.port
        browser = ("-H", "Accept: text/html", "-H", "Sec-Fetch-Mode: navigate")
        way = ("--connect-to", f"{self.host}:{port}:{scene.address.host}:{to}")
        flags = ("-sk", "-m", "20", "-w", "\n%{http_code}", *way, *browser, *self.curl)
        command = ["curl", *flags, f"{scheme}://{self.host}{path}"]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout

    def is_served(self) -> bool:
        """By the app, at the path that it should see."""
        body, name = self.ask(), self.app.name
        return f"<h1 id=app>{name}</h1><p>GET {self.host}{self.written.arrives}</p>" in body

    def visit(self, within: float = 60) -> None:
        until("a visitor is served", self.is_served, within, every=self.written.every)

    def becomes_idle(self) -> None:
        scene = self.scene
        scene.api.annotate("Deployment", scene.namespace, self.app.name, idle_after=f"{IDLE_AFTER}s")

    def ingress(self) -> Json:
        """What its user wrote."""
        found = self.scene.api.get("Ingress", self.scene.namespace, self.app.name)
        meta = found["metadata"]
        kept = {key: text for key, text in (meta.get("annotations") or {}).items() if names.DOMAIN not in key}
        return {"spec": found["spec"], "annotations": kept}

    def explained(self) -> Any:
        return json.loads(self.scene.waker.do("explain", self.app.name, "-n", self.scene.namespace, "-o", "json"))


def opened(scene: Scene, written: Written, folder: Path, *curl: str) -> IngressVisitor:
    """An app with this Ingress that answers visitors, and that does not sleep yet."""
    subprocess.run(["openssl", *CERTIFICATE.split()], cwd=folder, check=True, capture_output=True)
    files = (f"--cert={folder}/cert.pem", f"--key={folder}/key.pem")
    kubectl("create", "secret", "tls", "shop-tls", "-n", scene.namespace, *files)
    shop = StageApp(
        scene.namespace,
        "shop",
        scene.controller.ingress_class,
        start_delay="1s",
        ingresses=("shop",),
        path=written.path,
    )
    scene.create(*apps.objects(shop))
    visitor = IngressVisitor(scene, shop, written, folder, curl)
    visitor.apply(written.manifest)
    visitor.visit()
    return visitor


def sleeps_once_and_wakes(scene: Scene, visitor: IngressVisitor) -> None:
    """Within its idle period and a little more, at the first try; a visitor gets it back at the same address."""
    before = visitor.ingress()
    visitor.becomes_idle()
    scene.asleep(visitor.app, within=IDLE_AFTER + MORE)
    tries = [each for each in scene.events("shop") if each.startswith("Normal FallingAsleep")]
    assert len(tries) == 1, f"its routes swung to and fro: {scene.events('shop')}"
    said = "\n".join(visitor.explained()["notes"])
    assert visitor.written.shown in said
    if not visitor.written.shown:
        assert BY_LAG not in said
    visitor.visit()
    scene.api.annotate("Deployment", scene.namespace, "shop", idle_after=None)
    scene.awake(visitor.app)
    visitor.visit(30)
    assert visitor.ingress() == before
