"""The plugin for kubectl as krew installs it: one archive for all machines, its libraries without compiled parts."""

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

import waker
from tests.install.environments import run
from tests.install.programs import ROOT, program

ARCHIVE = f"kubectl-waker-{waker.__version__}.tar.gz"


@pytest.fixture(scope="session")
def built(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the archive and the manifest."""
    to = tmp_path_factory.mktemp("krew")
    command = [str(ROOT / "krew" / "build"), str(packages["wheel"]), str(to)]
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return to


def test_the_manifest_is_of_this_archive(built: Path) -> None:
    found = yaml.safe_load((built / "waker.yaml").read_text())["spec"]
    (platform,) = found["platforms"]
    assert found["version"] == f"v{waker.__version__}"
    assert platform["uri"].endswith(f"/v{waker.__version__}/{ARCHIVE}")
    assert platform["sha256"] == hashlib.sha256((built / ARCHIVE).read_bytes()).hexdigest()
    with tarfile.open(built / ARCHIVE) as archive:
        names = archive.getnames()
    assert f"./{platform['bin']}" in names
    assert "./LICENSE" in names
    assert [name for name in names if name.endswith(".so")] == []


def test_it_runs_by_a_link_and_with_its_own_libraries(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / ARCHIVE) as archive:
        archive.extractall(tmp_path / "store", filter="data")
    link = tmp_path / "kubectl-waker"
    link.symlink_to(tmp_path / "store" / "kubectl-waker")
    done = run(link, "--version")
    assert (done.stdout, done.stderr) == (f"waker {waker.__version__}\n", "")
    assert "<!doctype html>" in run(link, "page").stdout.lower()
    needs_a_cluster = run(link, "status", "--kubeconfig", "/nonexistent")
    assert needs_a_cluster.returncode == 1
    assert "kubeconfig" in needs_a_cluster.stderr


def test_krew_installs_it(built: Path, tmp_path: Path) -> None:
    if not program("krew") or not program("kubectl"):
        pytest.skip("krew or kubectl is missing: .ci/tools builds krew where Go is")
    command = [program("krew"), "install", f"--manifest={built / 'waker.yaml'}", f"--archive={built / ARCHIVE}"]
    environment = os.environ | {"KREW_ROOT": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    plugin = run(program("kubectl"), "waker", "--version", path=str(tmp_path / "bin"))
    assert plugin.stdout == f"waker {waker.__version__}\n", plugin.stderr
