"""Prometheus's answer to an instant query, read as a stream: bytes go in, the elements of the vector come out one by one.

Pure: it knows neither sockets nor queries; `prometheus` feeds it. An answer of 10,000 series has 4 MB, so it is never held
as a whole: the JSON is read element by element, in the memory of one slice. An answer that is cut short, partial or not a
vector is an error, never just fewer elements: a lost counter would look like idleness. The text of a ScrapeError goes on
after "Prometheus, which".
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from waker.errors import ScrapeError

# Characters of one element, or of what comes before and after the vector. Real elements have 400.
LONGEST: Final = 64 * 1024
MOST_BYTES: Final = 256 << 20  # 500,000 elements, as many as are read from a metrics page

HEAD = re.compile(r'"result"\s*:\s*\[')
SUCCESS = re.compile(r'"status"\s*:\s*"success"')
VECTOR = re.compile(r'"resultType"\s*:\s*"vector"')
# How a query layer over several Prometheus servers marks an answer that lacks some of them.
PARTIAL = re.compile(r'"warnings"\s*:\s*\[\s*"|"isPartial"\s*:\s*true')
DECODE = json.JSONDecoder().raw_decode
BETWEEN = re.compile(r"[\s,]*")


class Element(NamedTuple):
    """One series of the answer. `at`: the time of the query, in seconds since 1970 by Prometheus's clock."""

    labels: dict[str, str]
    value: float
    at: float


class Vector:
    """One answer. `feed` it slices of any size, then `finish` it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._inside = self._closed = False
        self._bytes = 0

    def feed(self, piece: bytes) -> Iterator[Element]:
        """The elements that end in this slice. Raises ScrapeError."""
        self._bytes += len(piece)
        if self._bytes > MOST_BYTES:
            raise ScrapeError(f"sent an answer of more than {MOST_BYTES >> 20} MB")
        self._rest += self._decoder.decode(piece)
        if not self._inside:
            self._begin()
        if self._inside and not self._closed:
            yield from self._elements()
        if len(self._rest) > LONGEST:
            raise unreadable(self._rest)

    def finish(self) -> None:
        """Check that the answer is complete. Raises ScrapeError."""
        if not self._closed:
            raise ScrapeError("broke off its answer") if self._inside else refused(self._rest)
        if PARTIAL.search(self._rest):
            raise ScrapeError(f"sent an incomplete answer: {shown(self._rest)}")

    def _begin(self) -> None:
        found = HEAD.search(self._rest)
        if not found:
            return
        head = self._rest[: found.start()]
        if not SUCCESS.search(head) or not VECTOR.search(head) or PARTIAL.search(head):
            raise refused(self._rest)
        self._rest, self._inside = self._rest[found.end() :], True

    def _elements(self) -> Iterator[Element]:
        at, text = 0, self._rest
        while True:
            at = _skip(text, at)
            if text.startswith("]", at):
                at, self._closed = at + 1, True
                break
            try:
                found, end = DECODE(text, at)
            except ValueError:  # the rest is still to come; an element without end becomes too long
                break
            yield element(found)
            at = end
        self._rest = text[at:]


def _skip(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at


def element(found: Any) -> Element:
    """`{"metric": {"a": "b"}, "value": [1700000000.1, "5"]}`. Raises ScrapeError."""
    try:
        at, value = found["value"]
        return Element(dict(found["metric"]), float(value), float(at))
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(json.dumps(found)) from error


def refused(text: str) -> ScrapeError:
    """The error for an answer that is not a vector, with Prometheus's own reason if it gives one."""
    try:
        reason = str(json.loads(text)["error"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return unreadable(text)
    return ScrapeError(f"refused the query: {shown(reason)}")


def unreadable(text: str) -> ScrapeError:
    """The error for something that is not an answer of Prometheus."""
    return ScrapeError(f"sent an answer that waker does not understand: {shown(text)}")


def shown(text: str) -> str:
    """A text as people may see it: printable and short."""
    return ascii(text[:160].strip())
