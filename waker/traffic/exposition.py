"""A metrics page in the text format 0.0.4, read as a stream: bytes go in, the few wanted samples come out.

Pure: it knows neither sockets nor controllers; `fetch` feeds it. Pages reach 650 MB, of which some thousand lines are
wanted. So a chunk is never split into lines: `find` looks for the wanted names in it, and the memory is one chunk and
one line. A wanted line that cannot be read is an error, never just one sample less: a lost counter would look like
idleness. A name may stand at the beginning of a line, after blanks, or quoted inside the braces, as Prometheus 3 may write it.
"""

from collections.abc import Collection, Iterator
from typing import Final

from waker.errors import ScrapeError
from waker.traffic.lines import Lines, Sample, cut

LONGEST_LINE: Final = 64 * 1024  # bytes; real lines have 200 to 400
MOST_BYTES: Final = 1 << 30  # the largest page that users report has 650 MB
MOST_SAMPLES: Final = 500_000  # 1,000 Ingresses with five combinations are 5,000
BLANKS: Final = " \t\ufeff"  # with the mark of the byte order, which some programs write first
BEGINNING: Final = 4  # bytes in which an encoding other than UTF-8 shows
NO_UTF8: Final = (b"\xff", b"\xfe")  # the mark of another byte order
WHOLE: Final = b"\n# EOF"  # the last line, if a program writes OpenMetrics


class Exposition:
    """One page. `feed` it chunks of any size, then `finish` it; both give samples of the wanted metrics.

    `once`: a wanted metric with a single sample. The search for it ends when the sample has been found.
    """

    def __init__(self, wanted: Collection[str], once: str = "") -> None:
        self._once = once
        self._wanted = [Lines(metric) for metric in wanted]
        self._rest = b"\n"  # begins with the newline before it, so that every line follows a newline, also the first
        self.bytes = 0
        self.samples = 0
        self.is_whole = False  # the page itself has said that this is its end

    def feed(self, chunk: bytes) -> Iterator[Sample]:
        """The samples whose lines end in this chunk. Raises ScrapeError."""
        self.bytes += len(chunk)
        if self.bytes > MOST_BYTES:
            raise ScrapeError(f"sends a metrics page of more than {MOST_BYTES >> 20} MB")
        page = self._rest + chunk
        begins = self.bytes - len(chunk) < BEGINNING  # then `page` is all that there was, after the newline
        if begins and (page[1:2] in NO_UTF8 or b"\0" in page[1 : 1 + BEGINNING]):
            raise ScrapeError("sends a metrics page in an encoding other than UTF-8")
        end = page.rfind(b"\n")
        self._rest = page[end:]
        if len(self._rest) > LONGEST_LINE:
            line = cut(self._rest[:80].decode("utf-8", "replace"))
            raise ScrapeError(f"sends a metrics page with a line of more than {LONGEST_LINE >> 10} kB: {line}")
        here = [each for each in self._wanted if page.find(each.needle, 0, end) >= 0]
        if here:  # in most chunks of a large page there is nothing, and they need not become text
            text = page[: end + 1].decode("utf-8", "replace")
            for each in here:
                yield from self._find(text, each)
        self.is_whole = self.is_whole or page.endswith(WHOLE, 0, end)

    def finish(self) -> Iterator[Sample]:
        """The sample of a last line without a newline. Raises ScrapeError."""
        yield from self.feed(b"\n")

    def _find(self, text: str, lines: Lines) -> Iterator[Sample]:
        metric, length = lines.metric, len(lines.metric)
        at = text.find(metric)
        while at >= 0:
            after = at + length
            if text[at - 1] == "\n":  # as nearly all lines
                found = lines.read(text, after) if text[after] in "{ \t" else None  # a longer name, such as ..._created
            else:
                found = _elsewhere(text, at, after, lines)
            if found:
                self.samples += 1
                if self.samples > MOST_SAMPLES:
                    raise ScrapeError(f"sends a metrics page with more than {MOST_SAMPLES} samples of {metric}")
                yield found
                if metric == self._once:
                    self._wanted.remove(lines)
                    return
            at = text.find(metric, after)


def _elsewhere(text: str, at: int, after: int, lines: Lines) -> Sample | None:
    """The sample of a line in which the metric's name is not the very first; None if it is not the line's own name."""
    if text[after] in "{ \t" and text[at - 1] in BLANKS:
        return lines.read(text, after) if _begins_line(text, at) else None
    if text[after] == '"' == text[at - 1]:
        return lines.read_quoted(text[text.rfind("\n", 0, at) + 1 : text.index("\n", after)].strip(BLANKS))
    return None


def _begins_line(text: str, at: int) -> bool:
    while text[at - 1] in BLANKS:
        at -= 1
    return text[at - 1] == "\n"
