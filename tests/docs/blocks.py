"""The fenced blocks of the documents, and how each one is tried. Every block is, or says before it why it is not:

    <!-- not run: it needs a cluster that kind makes -->

A block of commands without such a mark is run as it stands by `tests/e2e/test_documents.py`, on a real Kubernetes, and read by
`test_commands`, which needs none. A block of YAML goes by what it contains, see `test_yaml`.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
NOT_RUN = "not run: "
# Whose commands are run elsewhere: the README's marks by .ci/run, and those of Helm by its own scenarios.
RUN_ELSEWHERE = {"command: demo": ".ci/run", "command: test": ".ci/run", "helm": "tests/e2e/test_helm.py"}
# What the test bed cannot do, by the words in a command.
NOT_ON_THE_BED = {
    "waker dashboard": "the test bed forwards no ports; tests/e2e/test_dashboard.py opens the page without",
}
LANGUAGES = {"sh", "yaml", "json", "promql", "html", ""}  # "": what a program prints


class DocumentBlock(NamedTuple):
    """A block of a document, with the line of its fence and the mark before it."""

    file: str
    line: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def not_run(self) -> str:
        """Why it is not run, "" if it is."""
        return self.mark.removeprefix(NOT_RUN) if self.mark.startswith(NOT_RUN) else ""

    @property
    def run_by(self) -> str:
        """The file that runs its commands, "" if none does."""
        if self.not_run:
            return ""
        elsewhere = RUN_ELSEWHERE.get(self.mark) or RUN_ELSEWHERE.get(self.text.split()[0])
        return elsewhere or "tests/e2e/test_documents.py"


def documents() -> list[Path]:
    """Those with commands for users."""
    more = [ROOT / name for name in ("README.md", "examples/README.md", "charts/kubesleeper/README.md")]
    return [*more, *sorted((ROOT / "docs").glob("*.md"))]


def blocks_of(file: Path) -> Iterator[DocumentBlock]:
    """In their order."""
    text, name = file.read_text(), file.relative_to(ROOT).as_posix()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        yield DocumentBlock(name, line, found["language"], found["text"], found["mark"] or "")


BLOCKS = [block for file in documents() for block in blocks_of(file)]


def of_language(language: str) -> list[DocumentBlock]:
    return [each for each in BLOCKS if each.language == language]


def commands_of(block: DocumentBlock) -> list[str]:
    """Its command lines without comments; a line that ends in a backslash goes on."""
    without_files = re.sub(r"<<'(\w+)'\n.*?^\1$", "", block.text, flags=re.MULTILINE | re.DOTALL)
    joined = re.sub(r"\\\n\s*", "", without_files)
    lines = (re.sub(r"(?:^|\s+)#.*$", "", line) for line in joined.splitlines())
    return [line for line in lines if line.strip()]


def not_on_the_bed(command: str) -> str:
    """Why this command of a block is left out there, "" if it is run."""
    return next((why for words, why in NOT_ON_THE_BED.items() if words in command), "")


def words_of(command: str) -> Iterator[Sequence[str]]:
    """The words of each program that a command line runs: `a && b | c > file` runs three."""
    words: list[str] = []
    for word in shlex.split(command):
        if word in ("&&", "|", ";"):
            yield words
            words = []
        else:
            words.append(word)
    yield words[: words.index(">")] if ">" in words else words


def kind_of(block: DocumentBlock) -> tuple[str, Any]:
    """What a block of YAML is, and what it says."""
    found = yaml.safe_load(block.text)
    keys = set(found)
    for kind, with_keys in {
        "manifest": {"apiVersion", "kind"},
        "overlay": {"resources"},
        "GitOps rules": {"spec"},
        "values of the chart": {"settings"},
        "workload": {"metadata"},
    }.items():
        if with_keys <= keys:
            return kind, found
    return "settings", found


TRIED = {
    "yaml": "read by what reads them in a cluster: settings, annotations, the chart, kustomize",
    "json": "parsed",
    "promql": "their metrics are those of the code",
    "html": "a theme that is valid",
    "text": "what a program prints, or a drawing: not tried",
}


def counted() -> list[tuple[str, str, int]]:
    """What, how, and how many: blocks, and each command of those of commands."""
    found: Counter[tuple[str, str]] = Counter()
    for block in BLOCKS:
        if block.language != "sh":
            language = block.language or "text"
            found[language, TRIED[language]] += 1
        for command in commands_of(block) if block.language == "sh" else []:
            left_out = block.not_run or not_on_the_bed(command)
            found["commands", f"not run: {left_out}" if left_out else _run(block.run_by)] += 1
    return [(language, how, number) for (language, how), number in sorted(found.items())]


def _run(by: str) -> str:
    return f"run in its own way by `{by}`" if by == RUN_ELSEWHERE["helm"] else f"run as it stands by `{by}`"
