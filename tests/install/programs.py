"""The real Helm and kustomize, from this machine or as `.ci/tools` builds them, and what they print, parsed.

kubectl renders kustomizations, too, so it will do where there is no kustomize. A test that misses a program is skipped and
says how to get it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "kubesleeper"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubesleeper" / "bin"
KUBE_VERSION = ("--kube-version", "1.37.0")  # of a cluster that is not there; a Helm without one of its own takes 1.20
Manifest = dict[str, Any]


def program(name: str) -> str:
    """Its path, "" if it is missing."""
    return shutil.which(name) or shutil.which(name, path=str(CACHE)) or ""


def helm(*args: str, within: float = 120) -> subprocess.CompletedProcess[str]:
    """`helm ARGS`, whatever its exit code."""
    found = program("helm")
    if not found:
        pytest.skip("Helm is missing: .ci/tools builds it where Go is")
    return subprocess.run([found, *args], capture_output=True, text=True, timeout=within, check=False)


def template(*args: str, namespace: str = "kubesleeper") -> list[Manifest]:
    """The objects of the chart with these values."""
    done = helm("template", "kubesleeper", str(CHART), "--namespace", namespace, *KUBE_VERSION, *args)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


def kustomize(folder: Path) -> list[Manifest]:
    """The objects of a kustomization."""
    commands = [["kustomize", "build"], ["kubectl", "kustomize"]]
    found = next(([program(name), *args] for name, *args in commands if program(name)), None)
    if not found:
        pytest.skip("kustomize and kubectl are missing: .ci/tools builds kustomize where Go is")
    done = subprocess.run([*found, str(folder)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


def parsed(text: str) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(text) if each]


def name_of(obj: Manifest) -> str:
    """`Deployment waker`."""
    return f"{obj['kind']} {obj['metadata']['name']}"


def by_name(objects: Iterable[Manifest]) -> dict[str, Manifest]:
    """Each object once, by kind and name."""
    some = list(objects)
    found = {name_of(each): each for each in some}
    assert len(found) == len(some), sorted(map(name_of, some))
    return found
