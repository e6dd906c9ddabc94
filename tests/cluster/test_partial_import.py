"""The partial import: with the pinned version it loads no models, and if it fails, the full import takes its place.

Each test starts a process of its own, because this one has imported the library already.
"""

import json
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .scripted import kubeconfig

CONNECT = """
import asyncio, json, sys
from waker.cluster import client, partial_import
{before}
async def main():
    async with client.connect({kubeconfig!r}) as api:
        try:
            await api.get("/api/v1/pods")
        except client.Unavailable as error:
            return str(error)
error = asyncio.run(main())
names = sorted(name for name in sys.modules if name.startswith("kubernetes_asyncio"))
print(json.dumps({{"error": error, "modules": names}}))
"""


def connected(folder: Path, before: str = "") -> Any:
    """The error of a process that calls a server which does not exist, and the modules that it has imported."""
    program = CONNECT.format(before=before, kubeconfig=str(kubeconfig(folder, "http://127.0.0.1:1")))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_it_loads_the_client_and_no_models(tmp_path: Path) -> None:
    found = connected(tmp_path)
    assert found["error"].startswith("GET /api/v1/pods: ClientConnectorError")
    modules = set(found["modules"])
    assert not [name for name in modules if name.startswith("kubernetes_asyncio.client.models.")]
    assert not [name for name in modules if name.startswith("kubernetes_asyncio.client.api.")]
    assert not [name for name in modules if ".watch" in name or ".dynamic" in name or ".stream" in name]
    assert len(modules) < 30


def test_if_it_fails_the_full_import_takes_its_place(tmp_path: Path) -> None:
    """For example because a newer version of the library is organised differently."""
    failing = """
register = partial_import._register_parents
def fails():
    register()
    raise AttributeError("no such thing any more")
partial_import._register_parents = fails
"""
    found = connected(tmp_path, failing)
    assert found["error"].startswith("GET /api/v1/pods: ClientConnectorError")
    assert "kubernetes_asyncio.client.models.v1_pod" in found["modules"]


def test_the_version_is_pinned() -> None:
    """The library does not support this, so each new version has to be checked first."""
    setup = ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    needed = setup["options"]["install_requires"].split()
    assert f"kubernetes_asyncio=={version('kubernetes_asyncio')}" in needed
