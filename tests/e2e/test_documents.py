"""The commands of the documents, as they stand and in their order, on a real Kubernetes; one document, one scenario.

What they need is there: apps `shop` and `chat` in the current namespace, `shop` in `prod`, where it is enabled, a
ServiceAccount in `shops`, and `waker` as a program. tests/docs/blocks.py says which blocks are run here.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.docs.blocks import BLOCKS, DocumentBlock, commands_of, kind_of, not_on_the_bed
from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.controllers import CONTOUR, NGINX, TRAEFIK
from tests.e2e.install import CHECKOUT, DEPLOYMENT, NAMESPACE, InstalledWaker
from tests.e2e.scene import SETTLED
from waker import names

pytestmark = needs_bed("has the image that the manifests name, and the controllers that the overlays name")

HERE = "tests/e2e/test_documents.py"
RUN = [each for each in BLOCKS if each.language == "sh" and each.run_by == HERE]
SHOWN = [each for each in BLOCKS if each.language == "yaml" and kind_of(each)[0] == "manifest"]
DOCUMENTS = sorted({each.file for each in RUN})
ENDLESS = re.compile(r" --watch\b")  # until somebody has seen enough
ENOUGH = 3.0  # seconds
CONTROLLERS = {"traefik": TRAEFIK, "ingress-nginx": NGINX, "contour": CONTOUR}
OVERLAYS = "apply --server-side -k examples/overlays/"
NOT_ALL_IS_WELL = {"waker check": (0, 3, 4)}  # exit codes; others give 0
CURRENT = "documents"
APPS: dict[str, tuple[str, ...]] = {CURRENT: ("shop", "chat"), "prod": ("shop",), "shops": ()}


class Shell:
    """A terminal in a copy of what users have: the manifests, the examples, and the programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("k8s", "examples"):
            shutil.copytree(CHECKOUT / name, folder / name)
        (theme,) = (each.text for each in BLOCKS if each.language == "html")
        (folder / "corporate.html").write_text(theme)
        programs = folder / "bin"
        programs.mkdir()
        for name in ("waker", "kubectl-waker"):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m waker "$@"\n')
            (programs / name).chmod(0o755)
        config = folder / "kubeconfig"
        config.write_text(kubectl("config", "view", "--minify", "--flatten", "--raw"))
        path = f"{programs}:{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": path, "PYTHONPATH": str(CHECKOUT), "KUBECONFIG": str(config)}
        self.run(f"kubectl config set-context --current --namespace={CURRENT}")

    def run(self, command: str, text: str = "") -> None:
        """A line of a document."""
        limits = ["timeout", str(ENOUGH)] if ENDLESS.search(command) else []
        done = subprocess.run(
            [*limits, "bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder, env=self.environment, input=text, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        codes = next((codes for words, codes in NOT_ALL_IS_WELL.items() if words in command), (0,))
        allowed = (124,) if limits else codes
        if done.returncode not in allowed:
            pytest.fail(f"$ {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")


@pytest.fixture(scope="module")
def namespaces(api: ClusterApi) -> Iterator[None]:
    """Those that the documents name, and the current one, beside a Traefik."""
    TRAEFIK.install(api)
    for namespace in APPS:
        api.create_namespace(namespace)
    kubectl("create", "serviceaccount", "deployer", "-n", "shops")
    yield
    for namespace in APPS:
        api.delete_namespace(namespace)


@pytest.fixture
def shell(api: ClusterApi, installation: InstalledWaker, namespaces: None, tmp_path: Path) -> Iterator[Shell]:
    """The cluster of somebody who has installed waker behind Traefik and has not begun to use it."""
    kubectl("delete", "configmap", names.CONFIG_MAP, "-n", NAMESPACE, "--ignore-not-found")  # what others have set
    kubectl("apply", "-k", str(CHECKOUT / "k8s"))
    until("waker is ready", installation.ready, SETTLED)
    for namespace, some in APPS.items():
        for name in some:
            app = StageApp(namespace, name, TRAEFIK.ingress_class)
            for obj in apps.objects(app):
                if namespace == CURRENT:
                    obj["metadata"].pop("annotations", None)  # the document enables it
                api.create(obj)
            until(f"{name} is ready", partial(ready, api, app), SETTLED)
    yield Shell(tmp_path)
    for namespace in APPS:
        kubectl("delete", "ingresses,services,deployments", "--all", "-n", namespace)


def ready(api: ClusterApi, app: StageApp) -> bool:
    return not apps.awake(api, app)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_its_commands_run(shell: Shell, installation: InstalledWaker, document: str) -> None:
    failed = []
    for block in [each for each in (*SHOWN, *RUN) if each.file == document]:
        if OVERLAYS in block.text and installation.api.find("Deployment", NAMESPACE, DEPLOYMENT):
            installation.uninstall()  # an overlay installs waker in the place of what is there
        try:
            run(shell, installation.api, block)
        except pytest.fail.Exception as error:
            failed.append(f"{block}:\n{error}")
    assert failed == [], "\n\n".join(failed)


def run(shell: Shell, api: ClusterApi, block: DocumentBlock) -> None:
    """All its commands; where they name a controller's files, that controller is there."""
    if block.language == "yaml":
        shell.run("kubectl apply --dry-run=server -f -", block.text)
        return
    controllers = [
        each for name, each in CONTROLLERS.items() if re.search(rf"examples/(overlays/)?{name}\b", block.text)
    ]
    address = (controllers or [TRAEFIK])[0].install(api)
    for command in commands_of(block):
        if not not_on_the_bed(command):
            shell.run(command.replace("ADDRESS-OF-YOUR-CONTROLLER", f"{address.host}:{address.port}"))
