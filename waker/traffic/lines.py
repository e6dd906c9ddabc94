"""One line of a metrics page in the text format 0.0.4, after the metric's name: labels and a value.

Pure; `exposition` calls it. The lines of one metric have the same labels in the same order. So the first line gives a
pattern that reads and checks the others in one step, three times as fast as label by label. A line that the pattern does
not fit (escapes, spaces, timestamps, other labels) is read label by label; one that cannot be read at all is an error.
"""

import math
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from waker.errors import ScrapeError

MOST_LEARNT: Final = 40  # labels; real lines have 1 to 12, and a pattern of a thousand takes long to build
TEXT: Final = r'"((?:[^"\\]|\\.)*)"'
# A name and a value. The name may be quoted, and what has no value is the metric's own name.
LABEL = re.compile(rf"[ \t]*+(?:([a-zA-Z_][a-zA-Z0-9_]*)|{TEXT})[ \t]*+(?:=[ \t]*+{TEXT})?[ \t]*+(?:,|(?=\}}))")
CLOSED = re.compile(r"[ \t]*+\}")
# A value, then perhaps a timestamp, then perhaps an exemplar or comment; only the value is used.
VALUE = re.compile(r"[ \t]*([^ \t#_]+)(?:[ \t]+-?[0-9.]+(?:[eE][+-]?\d+)?)?[ \t]*(?:#.*)?", re.DOTALL)
NUMBER: Final = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPED: Final = {"n": "\n", "\\": "\\", '"': '"'}


class Sample(NamedTuple):
    """One line of the page."""

    metric: str
    labels: dict[str, str]
    value: float


class Lines:
    """Reads the lines of one metric."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.needle = metric.encode()
        self._alike: re.Pattern[str] | None = None

    def read(self, text: str, at: int) -> Sample:
        """The sample that follows the metric's name at `at`, up to the newline. Raises ScrapeError, which shows the line."""
        if self._alike and (found := self._alike.match(text, at)):
            return Sample(self.metric, found.groupdict(), float(found[self._alike.groups]))
        sample = parse(self.metric, text[at : text.index("\n", at)].strip())
        if not self._alike and 0 < len(sample.labels) <= MOST_LEARNT and all(map(str.isidentifier, sample.labels)):
            self._alike = pattern(sample.labels)
        return sample

    def read_quoted(self, line: str) -> Sample | None:
        """The sample of a line that has the metric's name in quotes; None if it stands there as something else."""
        return parse(self.metric, line) if line.startswith("{") and metric_of(line) == self.metric else None


def pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Fits lines with exactly these labels, no escapes, and a plain number, which is the last group."""
    labels = ",".join(f'{name}="(?P<{name}>[^"\\\\\n]*+)"' for name in names)
    return re.compile(rf"\{{{labels}\}} {NUMBER}\n", re.ASCII)


def metric_of(line: str) -> str:
    """The metric's name in `{"name",label="value"} 1`, "" if there is none before something that cannot be read."""
    at = 1
    while pair := LABEL.match(line, at):
        if pair[2] is not None and pair[3] is None:
            return unescape(pair[2])
        at = pair.end()
    return ""


def parse(metric: str, text: str) -> Sample:
    """Read a line label by label. A value that is no number is NaN. Raises ScrapeError."""
    labels: dict[str, str] = {}
    at = 0
    if text.startswith("{"):
        at = 1
        while not (found := CLOSED.match(text, at)):
            pair = LABEL.match(text, at)
            if not pair or (pair[1] and pair[3] is None):
                raise ScrapeError(f"sends a metrics page with a malformed line: {cut(metric + text)}")
            if pair[3] is not None:
                labels[pair[1] or unescape(pair[2])] = unescape(pair[3])
            at = pair.end()
        at = found.end()
    value = VALUE.fullmatch(text, at)
    if not value:
        raise ScrapeError(f"sends a metrics page with a malformed line: {cut(f'{metric} {text}')}")
    try:
        return Sample(metric, labels, float(value[1]))
    except ValueError:
        return Sample(metric, labels, math.nan)


def unescape(text: str) -> str:
    r"""Resolve \\, \" and \n; any other backslash stands for itself."""
    if "\\" not in text:
        return text
    return ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[0]), text)


def cut(line: str) -> str:
    """A line as people may see it: printable and short."""
    return ascii(line[:80].strip())
