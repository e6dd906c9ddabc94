"""A metrics page in the text format 0.0.4, read as a stream: bytes go in, the few wanted samples come out.

Pure: it knows neither sockets nor controllers; `fetch` feeds it. Pages reach 650 MB of which some thousand lines are
wanted, so a chunk is never split into lines: the names of the wanted ones are found in it by `str.find`; memory is one
chunk and one line. A wanted line that cannot be read is an error, never a sample less: a lost counter would look like idleness.
"""

from collections.abc import Collection, Iterator
from typing import Final

from waker.errors import ScrapeError
from waker.traffic.lines import Lines, Sample, cut

LONGEST_LINE: Final = 64 * 1024  # real ones have 200 to 400 bytes
MOST_BYTES: Final = 1 << 30  # the largest page reported from the field has 650 MB
MOST_SAMPLES: Final = 500_000  # 1,000 Ingresses with five combinations are 5,000


class Exposition:
    """One page. `feed` it chunks of any size, then `finish` it; both give the samples of the wanted metrics.

    `once`: one of them that has a single sample, and is not looked for any more when that has been found.
    """

    def __init__(self, wanted: Collection[str], once: str = "") -> None:
        self._once = once
        self._needles = [(metric, f"\n{metric}", Lines(metric)) for metric in wanted]
        self._rest = b"\n"  # from the last line's own newline on: so that each line begins with one, the first too
        self.bytes = 0
        self.samples = 0

    def feed(self, chunk: bytes) -> Iterator[Sample]:
        """The samples whose lines end in this chunk. Raises ScrapeError."""
        self.bytes += len(chunk)
        if self.bytes > MOST_BYTES:
            raise ScrapeError(f"the page has more than {MOST_BYTES >> 20} MB")
        page = self._rest + chunk
        end = page.rfind(b"\n")
        self._rest = page[end:]
        if len(self._rest) > LONGEST_LINE:
            raise ScrapeError(
                f"the page has a line of more than {LONGEST_LINE >> 10} kB: {cut(self._rest[:80].decode('utf-8', 'replace'))}"
            )
        text = page[: end + 1].decode("utf-8", "replace")
        for each in tuple(self._needles):
            yield from self._find(text, each)

    def finish(self) -> Iterator[Sample]:
        """The sample of a last line without newline."""
        yield from self.feed(b"\n")

    def _find(self, text: str, wanted: tuple[str, str, Lines]) -> Iterator[Sample]:
        metric, needle, lines = wanted
        at = text.find(needle)
        while at >= 0:
            after = at + len(needle)
            if text[after] in "{ \t":  # else a longer name, such as ..._created
                self.samples += 1
                if self.samples > MOST_SAMPLES:
                    raise ScrapeError(f"the page has more than {MOST_SAMPLES} samples of {metric}")
                yield lines.read(text, after)
                if metric == self._once:
                    self._needles.remove(wanted)
                    return
            at = text.find(needle, after)
