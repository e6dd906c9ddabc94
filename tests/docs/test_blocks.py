"""Every block of the documents is read by what would read it: commands by their parser, settings by the service's own code.

What the commands do is tried by `tests/e2e/test_documents.py`. Here is what needs no cluster, so that a flag, a file, an
annotation or a setting that does not exist fails at once, with its line.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import (
    BLOCKS,
    LANGUAGES,
    NOT_RUN,
    ROOT,
    RUN_ELSEWHERE,
    DocumentBlock,
    commands_of,
    documents,
    kind_of,
    of_language,
    words_of,
)
from tests.e2e import gitops
from tests.install.programs import by_name, kustomize, template
from waker import cli, names
from waker.demo.kinds import KINDS
from waker.metrics import DESCRIBED
from waker.plan.policy import read_policy
from waker.settings.configmap import Live, read_live

ON_THE_BED = {"waker", "kubectl", "curl"}  # what a block of commands may call that is run there
MANIFESTS = {(each.api_version, each.kind) for each in KINDS} | {("rbac.authorization.k8s.io/v1", "Role")}
ANNOTATION = re.compile(rf"{re.escape(names.DOMAIN)}/[a-z-]+[a-z]")
ANNOTATIONS = {text for text in vars(names).values() if isinstance(text, str) and text.startswith(f"{names.DOMAIN}/")}


def each_block(language: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", of_language(language), ids=str)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_tried_or_says_why_not(block: DocumentBlock) -> None:
    assert block.language in LANGUAGES, f"{block}: nothing tries a block of {block.language}"
    if block.mark.startswith(NOT_RUN):
        assert len(block.not_run.split()) > 3, f"{block}: '{block.not_run}' is no reason"
    elif block.mark:
        assert block.mark in {*RUN_ELSEWHERE, "recipes"} or block.mark.startswith("table:"), block
    if block.language == "sh" and block.run_by:
        assert (ROOT / block.run_by).exists(), f"{block}: {block.run_by} does not exist"


@pytest.mark.parametrize("file", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_fence_is_seen(file: Path) -> None:
    """A block in a list, or of four back ticks, would be in no test."""
    fences = len(re.findall(r"^\s*(?:```|~~~)", file.read_text(), re.MULTILINE))
    assert fences == 2 * sum(each.file == file.relative_to(ROOT).as_posix() for each in BLOCKS)


# --- commands ---------------------------------------------------------------------------------------------------------


@each_block("sh")
def test_commands_exist(block: DocumentBlock, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands_of(block):
        for words in words_of(command):
            at = f"{block}: {command}"
            if block.run_by.endswith("test_documents.py"):
                assert words[0] in ON_THE_BED, (
                    f"{at}\nnobody runs {words[0]}: say why before it, `<!-- {NOT_RUN}... -->`"
                )
            if words[0].rpartition("/")[2] == "waker" or list(words[:2]) == ["kubectl", "waker"]:
                parsed(words[words.index("waker") + 1 :] if "waker" in words else words[1:], at, capsys)
            if words[0] == "kubectl" and not block.not_run:
                check_kubectl(words, at)


def parsed(arguments: Sequence[str], at: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By the parser of the program."""
    try:
        cli.parser().parse_args(list(arguments))
    except SystemExit as caught:
        if caught.code:
            pytest.fail(f"{at}\n{capsys.readouterr().err}")


def check_kubectl(words: Sequence[str], at: str) -> None:
    """The files that it names are there; what it annotates and patches can be read."""
    for flag, value in pairwise(words):
        if flag in ("-k", "-f"):
            assert (ROOT / value).exists(), f"{at}\nthere is no {value}"
        if flag == "-p":
            no_problems(json.loads(value)["data"], at)
    if "annotate" in words:
        given = dict(word.split("=", 1) for word in words if ANNOTATION.match(word) and "=" in word)
        assert read_policy({names.ENABLED: "true", **given}, Live()).problems == (), at


INLINE = re.compile(r"(?<!`)`(?:kubectl )?waker ([a-z][^`\n]*)`(?!`)")


@pytest.mark.parametrize("file", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_in_sentences_exist(file: Path) -> None:
    known = dict(subcommands())
    for words in (found.split() for found in INLINE.findall(file.read_text())):
        assert words[0] in known, f"`waker {' '.join(words)}`: there is no `waker {words[0]}`"
        flags = {word.strip("[]").partition("=")[0] for word in words[1:] if word.strip("[").startswith("-")}
        assert flags - known[words[0]] == set(), f"`waker {' '.join(words)}`"


def subcommands() -> Iterator[tuple[str, set[str]]]:
    """Each with its flags."""
    for action in cli.parser()._actions:
        if isinstance(action.choices, Mapping):
            for name, command in action.choices.items():
                yield name, {flag for each in command._actions for flag in each.option_strings}


@pytest.mark.parametrize("file", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_annotation_that_is_named_exists(file: Path) -> None:
    assert set(ANNOTATION.findall(file.read_text())) - ANNOTATIONS == set()


# --- YAML and the rest ------------------------------------------------------------------------------------------------


@each_block("yaml")
def test_yaml_is_what_its_reader_takes(block: DocumentBlock, tmp_path: Path) -> None:
    kind, found = kind_of(block)
    if kind == "manifest":
        assert (found["apiVersion"], found["kind"]) in MANIFESTS, f"{block}: {found['apiVersion']} {found['kind']}"
    elif kind == "workload":
        assert read_policy(found["metadata"]["annotations"], Live()).problems == (), block
    elif kind == "GitOps rules":
        assert gitops.of_spec(found["spec"]), block
    elif kind == "settings":
        no_problems(found, str(block))
    elif kind == "values of the chart":
        values = tmp_path / "values.yaml"
        values.write_text(block.text)
        no_problems(by_name(template("-f", str(values)))[f"ConfigMap {names.CONFIG_MAP}"]["data"], str(block))
    else:
        shutil.copytree(ROOT / "k8s", tmp_path / "path" / "to" / "k8s")
        (tmp_path / "kustomization.yaml").write_text(block.text)
        no_problems(by_name(kustomize(tmp_path))[f"ConfigMap {names.CONFIG_MAP}"]["data"], str(block))


def no_problems(data: Mapping[str, Any], at: str) -> None:
    """The settings of a ConfigMap, whose values are texts."""
    numbers = [key for key, value in data.items() if not isinstance(value, str)]
    assert numbers == [], f"{at}\nin quotation marks, or the API server refuses it"
    assert read_live(data, Live())[1] == (), at


@each_block("json")
def test_json_is_json(block: DocumentBlock) -> None:
    json.loads(block.text)


@each_block("promql")
def test_queries_name_metrics_that_are_there(block: DocumentBlock) -> None:
    used = set(re.findall(r"\bkubesleeper_\w+", block.text))
    assert used
    assert used <= {each.name for each in DESCRIBED}, block
