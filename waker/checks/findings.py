"""What a check finds: lines that are ok, a problem, or not known, each with the one command that mends it.

Plain dicts, for the running service sends its lines over HTTP. Pure. `waker check` prints them, and its exit code is the worst.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, TypedDict

from waker.explain.amounts import counted
from waker.printable import printable_data


class Finding(StrEnum):
    """How it stands with one thing. The value is what `-o json` says."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


WORDS: Final[Mapping[str, str]] = {Finding.OK: "ok", Finding.PROBLEM: "problem", Finding.UNKNOWN: "not known"}
EXIT_CODES: Final[Mapping[Finding, int]] = {Finding.OK: 0, Finding.PROBLEM: 3, Finding.UNKNOWN: 4}
INDENT: Final = max(map(len, WORDS.values())) + 2


class CheckLine(TypedDict):
    """One thing that was looked at. `fix`: what mends it, a command wherever there is one; "" if it is well."""

    subject: str
    verdict: str
    text: str
    fix: str


class CheckReport(TypedDict):
    """All lines, and how many there are of each verdict."""

    ok: int
    problem: int
    unknown: int
    lines: list[CheckLine]


def ok(subject: str, text: str) -> CheckLine:
    """It is as waker needs it."""
    return CheckLine(subject=subject, verdict=Finding.OK, text=text, fix="")


def problem(subject: str, text: str, fix: str) -> CheckLine:
    """It is not."""
    return CheckLine(subject=subject, verdict=Finding.PROBLEM, text=text, fix=fix)


def unknown(subject: str, text: str, fix: str) -> CheckLine:
    """Nobody could find out. `fix`: how to."""
    return CheckLine(subject=subject, verdict=Finding.UNKNOWN, text=text, fix=fix)


def checked(lines: Iterable[CheckLine]) -> CheckReport:
    """The lines with their counts."""
    found = list(lines)
    count = {each: sum(line["verdict"] == each for line in found) for each in Finding}
    return CheckReport(
        ok=count[Finding.OK], problem=count[Finding.PROBLEM], unknown=count[Finding.UNKNOWN], lines=found
    )


def exit_code(found: CheckReport) -> int:
    """0: all is well; 3: there is a problem; 4: there is none that is known, and something is not known."""
    worst = Finding.PROBLEM if found["problem"] else Finding.UNKNOWN if found["unknown"] else Finding.OK
    return EXIT_CODES[worst]


def text(found: CheckReport) -> str:
    """For a terminal, without a newline at the end."""
    found = printable_data(found)
    closing = f"{found['ok']} ok, {counted(found['problem'], 'problem')}, {found['unknown']} not known"
    return "\n".join([*(row for line in found["lines"] for row in _rows(line)), "", closing])


def _rows(line: Mapping[str, Any]) -> Iterator[str]:
    yield f"{WORDS.get(line['verdict'], line['verdict']):<{INDENT}}{line['subject']}: {line['text']}"
    if line["fix"]:
        yield f"{'':<{INDENT}}fix: {line['fix']}"
