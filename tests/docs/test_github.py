"""What GitHub reads in .github: the issue forms are complete, and the workflow runs .ci/run and may change nothing.

GitHub reports a broken form nowhere: it leaves it out of the list of forms. The rules are those of "Syntax for GitHub's
form schema" and "Syntax for issue forms" in its documentation.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.tables import ROOT

GITHUB = ROOT / ".github"
TEMPLATES = GITHUB / "ISSUE_TEMPLATE"
FORMS = sorted(file for file in TEMPLATES.glob("*.yml") if file.name != "config.yml")
TOP = {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
NEEDS = {
    "markdown": {"value"},
    "input": {"label"},
    "textarea": {"label"},
    "dropdown": {"label", "options"},
    "checkboxes": {"label", "options"},
}
MAY_HAVE = {
    "markdown": set(),
    "input": {"description", "placeholder", "value"},
    "textarea": {"description", "placeholder", "value", "render"},
    "dropdown": {"description", "multiple", "default"},
    "checkboxes": {"description"},
}


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def fields(form: Any) -> list[Any]:
    """The elements of a form that somebody fills in."""
    return [each for each in form["body"] if each["type"] != "markdown"]


@pytest.mark.parametrize("file", sorted(GITHUB.rglob("*.yml")), ids=lambda file: file.name)
def test_yaml_is_an_object(file: Path) -> None:
    assert isinstance(read(file), dict)


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_a_form_has_what_github_needs(file: Path) -> None:
    form = read(file)
    assert {"name", "description", "body"} <= set(form) <= TOP
    assert fields(form)
    for each in form["body"]:
        kind, attributes = each["type"], each["attributes"]
        assert NEEDS[kind] <= set(attributes) <= NEEDS[kind] | MAY_HAVE[kind], attributes
        assert all(attributes[key] for key in NEEDS[kind]), attributes
        assert set(each) <= {"type", "attributes", "id", "validations"}
        assert set(each.get("validations", {})) <= {"required"}
    for each in fields(form):
        options = each["attributes"].get("options", [])
        names = [option["label"] if each["type"] == "checkboxes" else option for option in options]
        assert all(isinstance(name, str) for name in names)
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_fields_are_told_apart(file: Path) -> None:
    ids = [each["id"] for each in fields(read(file))]
    labels = [each["attributes"]["label"] for each in fields(read(file))]
    assert all(re.fullmatch(r"[\w-]+", each) for each in ids)
    assert len(set(ids)) == len(ids)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("file", [*FORMS, GITHUB / "PULL_REQUEST_TEMPLATE.md"], ids=lambda file: file.stem)
def test_no_link_depends_on_where_it_stands(file: Path) -> None:
    """GitHub copies these texts into issues, where a relative link leads nowhere."""
    links = re.findall(r"\]\(([^)\s]+)\)", file.read_text())
    assert [link for link in links if not link.startswith("https://")] == []


@pytest.mark.parametrize("file", [*FORMS, GITHUB / "PULL_REQUEST_TEMPLATE.md"], ids=lambda file: file.stem)
def test_named_documents_exist(file: Path) -> None:
    for named in re.findall(r"`((?:docs/)?[\w.-]+\.md)`", file.read_text()):
        assert (ROOT / named).exists(), named


@pytest.mark.parametrize(
    ("form", "asks_for"),
    [
        pytest.param(
            "bug",
            ["what did you expect", "waker explain NAME -o json", "waker --version", "kubectl version", "controller"],
            id="bug",
        ),
        pytest.param("controller", ["spec.controller", "metrics page", "labelled"], id="controller"),
    ],
)
def test_a_form_asks_for_what_is_needed(form: str, asks_for: list[str]) -> None:
    required = [each for each in fields(read(TEMPLATES / f"{form}.yml")) if each.get("validations", {}).get("required")]
    asked = str([each["attributes"] for each in required])
    assert [each for each in asks_for if each not in asked] == []


def test_the_list_of_forms_leads_somewhere() -> None:
    config = read(TEMPLATES / "config.yml")
    assert isinstance(config["blank_issues_enabled"], bool)
    for each in config.get("contact_links", []):
        assert {"name", "url", "about"} == set(each)
        assert each["url"].startswith("https://")


def test_the_workflow_runs_what_anybody_can_run() -> None:
    workflow = read(GITHUB / "workflows" / "ci.yml")
    assert {"push", "pull_request"} <= set(workflow[True])  # YAML 1.1: `on` is a boolean
    (job,) = workflow["jobs"].values()
    assert [each["run"] for each in job["steps"] if "run" in each] == ["bash .ci/run"]
    assert job["runs-on"].startswith("ubuntu-")
    assert job["timeout-minutes"] > 19  # those of .ci/run, which then says what is missing


def test_the_workflow_may_change_nothing() -> None:
    workflow = read(GITHUB / "workflows" / "ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        used = [each["uses"] for each in job["steps"] if "uses" in each]
        assert all(re.fullmatch(r"actions/(checkout|setup-python)@v\d+", each) for each in used), used
