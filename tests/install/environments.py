"""Environments of pip's own, and programs that find nothing of this checkout.

They get what they need from the package index that pip uses; without one the tests that want them are skipped.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ELSEWHERE = Path("/")


def run(*command: str | Path, cwd: Path = ELSEWHERE, path: str = "") -> subprocess.CompletedProcess[str]:
    """A program that finds nothing of this checkout."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "WAKER", "VIRTUAL"))}
    environment = variables | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})
    return subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def environment(folder: Path, *packages: str | Path) -> Path:
    """An empty one with these packages; its programs."""
    made = run(sys.executable, "-m", "venv", folder)
    assert made.returncode == 0, made.stderr
    done = run(folder / "bin" / "pip", "install", "--quiet", *packages)
    if "Failed to establish a new connection" in done.stderr or "No matching distribution" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return folder / "bin"
