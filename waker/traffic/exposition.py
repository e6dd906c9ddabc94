"""A metrics page in the text format 0.0.4, read as a stream: bytes go in, the few wanted samples come out.

Pure: it knows neither sockets nor controllers; `fetch` feeds it. Pages reach 650 MB of which some thousand lines are
wanted, so lines are never split or decoded before their name is found by `bytes.find`; memory is one chunk and one
line. A wanted line that cannot be read is an error, never a sample less: a lost counter would look like idleness.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from waker.errors import ScrapeError

LONGEST_LINE: Final = 64 * 1024  # real ones have 200 to 400 bytes
MOST_BYTES: Final = 1 << 30  # the largest page reported from the field has 650 MB
MOST_SAMPLES: Final = 500_000  # 1,000 Ingresses with five combinations are 5,000

LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|(?=\}))')
CLOSED = re.compile(r"[ \t]*\}")
# Value, then perhaps a timestamp, then perhaps an exemplar or comment, which nobody here wants.
VALUE = re.compile(r"[ \t]*([^ \t#_]+)(?:[ \t]+-?[0-9.]+(?:[eE][+-]?\d+)?)?[ \t]*(?:#.*)?", re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPED: Final = {"n": "\n", "\\": "\\", '"': '"'}


class Sample(NamedTuple):
    """One line of the page."""

    metric: str
    labels: dict[str, str]
    value: float


class Exposition:
    """One page. `feed` it chunks of any size, then `finish` it; both give the samples of the wanted metrics."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._needles = [(metric, b"\n" + metric.encode()) for metric in wanted]
        self._rest = b"\n"  # from the last line's own newline on: so that each line begins with one, the first too
        self.bytes = 0
        self.samples = 0

    def feed(self, chunk: bytes) -> Iterator[Sample]:
        """The samples whose lines end in this chunk. Raises ScrapeError."""
        self.bytes += len(chunk)
        if self.bytes > MOST_BYTES:
            raise ScrapeError(f"the page has more than {MOST_BYTES >> 20} MB")
        text = self._rest + chunk
        end = text.rfind(b"\n")
        self._rest = text[end:]
        if len(self._rest) > LONGEST_LINE:
            raise ScrapeError(f"the page has a line of more than {LONGEST_LINE >> 10} kB: {cut(self._rest)}")
        for metric, needle in self._needles:
            yield from self._find(text, end, metric, needle)

    def finish(self) -> Iterator[Sample]:
        """The sample of a last line without newline."""
        yield from self.feed(b"\n")

    def _find(self, text: bytes, end: int, metric: str, needle: bytes) -> Iterator[Sample]:
        at = text.find(needle, 0, end)
        while at >= 0:
            stop = text.find(b"\n", at + 1)
            after = at + len(needle)
            if text[after : after + 1] in (b"{", b" ", b"\t"):  # else a longer name, such as ..._created
                self.samples += 1
                if self.samples > MOST_SAMPLES:
                    raise ScrapeError(f"the page has more than {MOST_SAMPLES} samples of {metric}")
                yield parse(metric, text[after:stop], text[at:stop])
            at = text.find(needle, stop, end)


def parse(metric: str, rest: bytes, line: bytes) -> Sample:
    """What follows the metric's name. Raises ScrapeError that names the line, cut short."""
    text = rest.decode("utf-8", "replace").strip()
    labels: dict[str, str] = {}
    at = 0
    if text.startswith("{"):
        at = 1
        while not (found := CLOSED.match(text, at)):
            pair = LABEL.match(text, at)
            if not pair:
                raise ScrapeError(f"the page has a malformed line: {cut(line)}")
            labels[pair[1]] = unescape(pair[2])
            at = pair.end()
        at = found.end()
    value = VALUE.fullmatch(text, at)
    try:
        return Sample(metric, labels, float(value[1]) if value else float(""))
    except ValueError:
        raise ScrapeError(f"the page has a malformed line: {cut(line)}") from None


def unescape(text: str) -> str:
    r"""Label values know \\, \" and \n; any other backslash stands for itself."""
    if "\\" not in text:
        return text
    return ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[0]), text)


def cut(line: bytes) -> str:
    """A line as it may be shown to a person: printable, and short."""
    return ascii(line[:80].strip().decode("utf-8", "replace"))
