"""waker installed by the chart, and what Helm itself says and does."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.cluster import ClusterApi, kubectl
from tests.e2e.install import NAMESPACE, QUICK, InstalledWaker
from tests.install.programs import CHART, helm

RELEASE = "kubesleeper"


def do(*args: str) -> str:
    """`helm ARGS`, which must succeed. What it prints."""
    done = run(*args)
    assert done.returncode == 0, f"helm {' '.join(args)} gave {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """`helm ARGS` in waker's namespace, whatever its exit code."""
    return helm(*args, "--namespace", NAMESPACE, within=300)


def values(*more: str) -> list[str]:
    """Short times, and these."""
    return [
        word
        for each in (*(f"settings.{key}={value}" for key, value in QUICK.items()), *more)
        for word in ("--set", each)
    ]


def install(*more: str) -> str:
    return do("install", RELEASE, str(CHART), "--create-namespace", "--wait", *values(*more))


def upgrade(*more: str) -> str:
    return do("upgrade", RELEASE, str(CHART), "--wait", *values(*more))


def version() -> str:
    return helm("version", "--template", "{{ .Version }}").stdout


def status() -> str:
    """`deployed`, `uninstalling`, ..."""
    return str(json.loads(do("status", RELEASE, "-o", "json"))["info"]["status"])


def is_there() -> bool:
    return run("status", RELEASE).returncode == 0


@contextmanager
def released(api: ClusterApi, installation: InstalledWaker, *more: str) -> Iterator[InstalledWaker]:
    """A release in the place of what was installed before. The next scenario installs anew what it needs."""
    if api.find("Deployment", NAMESPACE, "waker"):
        installation.uninstall()
    try:
        install(*more)
        yield installation
    finally:
        if is_there():
            do("uninstall", RELEASE, "--no-hooks", "--wait")
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
