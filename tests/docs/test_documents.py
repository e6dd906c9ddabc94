"""Links lead somewhere, and the README's commands are those of .ci/run and tox."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

import waker
from tests.docs.tables import ROOT, files
from waker.plan.codes import Code

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors of all headings: lower case, hyphens for spaces, no other marks."""
    return {re.sub(r"[^\w\- ]", "", found.lower()).replace(" ", "-") for found in HEADING.findall(text)}


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    for link in LINK.findall(file.read_text()):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_named_files_exist(file: Path) -> None:
    for named in re.findall(r"`((?:waker|k8s|tests|docs|templates|static|bench|examples)/[\w./-]*)`", file.read_text()):
        assert (ROOT / named).exists(), named


def commands(name: str) -> list[str]:
    """The lines of the README's block that has this mark."""
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    return found[1].splitlines()


def test_two_commands_of_one_line() -> None:
    (demo,), (test,) = commands("demo"), commands("test")
    assert demo.endswith("waker demo")
    assert test.endswith("tox")


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    (function,) = re.findall(r"^test_command\(\) \{.*\}$", script, re.MULTILINE)
    done = subprocess.run(
        ["bash", "-c", f"{function}\ntest_command"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == commands("test")
    assert 'run tests bash -c "$command"' in script


def test_pre_commit_runs_only_what_tox_runs() -> None:
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini")
    wanted = tox["testenv:check"]["commands"].split("\n")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    names = {hook["entry"].split()[0] for repo in hooks for hook in repo["hooks"]}
    assert names <= {line.split()[0] for line in wanted if line}


VERSIONED = [*files(), *sorted((ROOT / "k8s").rglob("*.yaml"))]


@pytest.mark.parametrize("file", VERSIONED, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_version_is_this_one(file: Path) -> None:
    assert set(re.findall(r"waker[:-](\d+\.\d+\.\d+)", file.read_text())) <= {waker.__version__}


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_floors_in_contributing_are_those_of_the_contracts() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    floors = [line.split(" | ") for line in setup["importlinter:contract:floors"]["layers"].split("\n") if line]
    (named,) = re.findall(r"^ +(`__main__`.*)\.$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert [re.findall(r"`(\w+)`", floor) for floor in named.split(" · ")] == floors


def test_every_symptom_names_the_test_that_makes_it() -> None:
    entries = (ROOT / "docs" / "troubleshooting.md").read_text().split("\n### ")[1:]
    assert entries
    for entry in entries:
        title, made_by = entry.splitlines()[0], re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", entry)
        assert made_by, f"{title}: which test makes it?"
        for file, test in made_by:
            assert re.search(rf"^(?:async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), (
                f"{title}: {file} has no {test}"
            )


def test_codes_of_symptoms_exist() -> None:
    named = set(re.findall(r"\[`(\w+)`\]", (ROOT / "docs" / "troubleshooting.md").read_text()))
    assert named <= {str(each) for each in Code}
