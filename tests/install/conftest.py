"""The packages, built once a run from a copy of the sources alone, and environments in which they are installed."""

import shutil
from pathlib import Path

import pytest

from tests.install.environments import environment, run
from tests.install.programs import ROOT

SOURCES = ("setup.cfg", "setup.py", "README.md", "LICENSE", "waker", "templates", "static")
BUILD = "from setuptools import build_meta as made; print(made.build_{what}({to!r}))"


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files `wheel` and `sdist`."""
    top = tmp_path_factory.mktemp("packages")
    source, to = top / "source", top / "dist"
    for each in SOURCES:
        copy = shutil.copytree if (ROOT / each).is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(ROOT / each, source / each)
    programs = environment(top / "builder", "setuptools", "wheel")
    found = {}
    for what in ("sdist", "wheel"):
        done = run(programs / "python", "-c", BUILD.format(what=what, to=str(to)), cwd=source)
        assert done.returncode == 0, done.stderr
        found[what] = to / done.stdout.splitlines()[-1]
    return found


@pytest.fixture(scope="session", params=["wheel", "sdist"])
def programs(
    request: pytest.FixtureRequest, packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where an environment with nothing else in it has its programs."""
    return environment(tmp_path_factory.mktemp(request.param) / "environment", packages[request.param])
