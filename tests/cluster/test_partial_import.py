"""The small import: with the pinned version it loads next to nothing, and it still works if it fails.

In processes of their own, for what is imported here is imported already.
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
said = asyncio.run(main())
names = sorted(name for name in sys.modules if name.startswith("kubernetes_asyncio"))
print(json.dumps({{"said": said, "modules": names}}))
"""


def connected(folder: Path, before: str = "") -> Any:
    """What a process said that asked a server which is not there, and what it had imported."""
    program = CONNECT.format(before=before, kubeconfig=str(kubeconfig(folder, "http://127.0.0.1:1")))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_it_loads_the_client_and_no_models(tmp_path: Path) -> None:
    found = connected(tmp_path)
    assert found["said"].startswith("GET /api/v1/pods: ClientConnectorError")
    modules = set(found["modules"])
    assert not [name for name in modules if name.startswith("kubernetes_asyncio.client.models.")]
    assert not [name for name in modules if name.startswith("kubernetes_asyncio.client.api.")]
    assert not [name for name in modules if ".watch" in name or ".dynamic" in name or ".stream" in name]
    assert len(modules) < 30


def test_if_it_fails_the_plain_import_takes_its_place(tmp_path: Path) -> None:
    """For instance because a newer version is built in another way."""
    failing = """
register = partial_import._register
def fails():
    register()
    raise AttributeError("no such thing any more")
partial_import._register = fails
"""
    found = connected(tmp_path, failing)
    assert found["said"].startswith("GET /api/v1/pods: ClientConnectorError")
    assert "kubernetes_asyncio.client.models.v1_pod" in found["modules"]


def test_the_version_is_pinned() -> None:
    """It is no interface of the library: another version has to be looked at first."""
    setup = ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    needed = setup["options"]["install_requires"].split()
    assert f"kubernetes_asyncio=={version('kubernetes_asyncio')}" in needed
