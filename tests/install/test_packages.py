"""What pip installs: a wheel and a source distribution, each in an environment of its own, run from outside the checkout."""

import tarfile
import zipfile
from pathlib import Path

import pytest

import waker
from tests.install.environments import run
from tests.install.programs import ROOT, program
from waker.commands.arguments import OUTPUTS


def test_both_hold_all_files_of_the_program(packages: dict[str, Path]) -> None:
    places = {"waker": "waker", "templates": "waker/templates", "static": "waker/static"}
    files = [
        file
        for place in places
        for file in (ROOT / place).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]
    wanted = {file.relative_to(ROOT) for file in files}
    with tarfile.open(packages["sdist"]) as archive:
        in_sdist = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    with zipfile.ZipFile(packages["wheel"]) as archive:
        in_wheel = {Path(name) for name in archive.namelist()}
    assert wanted - in_sdist == set()
    assert {Path(places[each.parts[0]], *each.parts[1:]) for each in wanted} - in_wheel == set()


def test_it_runs_from_anywhere(programs: Path) -> None:
    """With its templates, languages and styles, and with no package that only tests need."""
    done = run(programs / "waker", "--version")
    assert (done.stdout, done.stderr) == (f"waker {waker.__version__}\n", "")
    page = run(programs / "waker", "page", "--lang", "de")
    assert "<!doctype html>" in page.stdout.lower(), page.stderr


def test_it_is_a_plugin_of_kubectl(programs: Path) -> None:
    if not program("kubectl"):
        pytest.skip("kubectl is missing")
    done = run(program("kubectl"), "waker", "--version", path=str(programs))
    assert done.stdout == f"waker {waker.__version__}\n", done.stderr
    offered = run(program("kubectl"), "__complete", "waker", "status", "-o", "", path=str(programs))
    assert offered.stdout.split() == [*OUTPUTS, ":4"], offered.stderr
