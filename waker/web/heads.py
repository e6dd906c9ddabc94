"""How long the head of a request may be, and how long it may take. The head is the request line with all header fields.

The HTTP library bounds each field and the number of fields, so a head could have 8 MiB, and could take for ever to arrive.
`BoundedParser` stands before the library's parser, on both ports: it counts what arrives before the parser keeps it, and
its timer runs while a head is expected or incomplete. A connection may be idle between two requests. `server` makes one
for each connection.

The subtle thing: the parser does not say where in the bytes a message ends. So only bytes that surely belong to a head are
counted: of a head that begins in one piece with the end of a body, what is in that piece is not (READ_AT_ONCE bytes at the
most, or what `server` reads at once of a body that is forwarded), and its time begins with the next piece.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import EMPTY_PAYLOAD, StreamReader
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import _ErrInfo

from waker.web.request_lines import LineReader

LONGEST_HEAD: Final = 64 * 1024  # bytes; Envoy accepts 60 KiB by default, nginx 32
MOST_FIELDS: Final = 256  # of a request; Envoy accepts 100 by default
MOST_ANSWER_FIELDS: Final = 1000  # of an answer: one app has few of them under way
HEAD_TIMEOUT: Final = 20.0  # s until a head has arrived; nginx, Envoy and Traefik send it in one piece
# Bytes; asyncio would read 256 KiB at once, for each connection. A longer head is the last of its connection: the HTTP
# library keeps the last one as long as the connection is idle.
READ_AT_ONCE: Final = 8 * 1024
MOST_BEGUN: Final = 4 * 1024 * 1024  # bytes of all incomplete heads of a port; most heads arrive whole and never count
END_OF_HEAD: Final = b"\r\n\r\n"

# Messages with bodies, whether upgraded, what is left over.
Feed = tuple[Sequence[tuple[Any, StreamReader]], bool, bytes]


@dataclass(slots=True)
class BegunHeads:
    """How many bytes the incomplete heads of all connections of a port have."""

    size: int = 0


class BoundedParser:
    """The library's parser for one connection, behind the limits. `too_slow` is called when a head takes too long.

    `refused`: a request could not be parsed, or was too long. It becomes a message that the library answers with an error,
    and what arrives after it is dropped: a reset of the connection could cost the visitor the answer.
    """

    def __init__(
        self,
        parser: Any,
        connection: Any,
        begun: BegunHeads,
        too_slow: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._parser = parser
        self._connection = connection
        self._begun = begun
        self._loop = loop
        self._too_slow = too_slow
        self.body = EMPTY_PAYLOAD  # of the newest message
        self._head = 0  # bytes of the next head that have arrived
        self._last = b""  # the newest bytes, to find an END_OF_HEAD that arrives in pieces
        self._lines = LineReader()
        self.refused = False
        self._timer: asyncio.TimerHandle | None = loop.call_later(HEAD_TIMEOUT, too_slow)

    def feed_data(self, data: bytes) -> Feed:
        """Parse what has arrived, or what the parser has kept (b""). Never raises HttpProcessingError."""
        if self.refused:
            return (), False, b""
        in_head, arrived = self.body.is_eof(), self._head + len(data)
        try:
            plain = self._lines.plain(data, begins=in_head and not self._head)
            messages, upgraded, tail = self._parser.feed_data(plain)
        except HttpProcessingError as error:
            return self._refusal(error)
        self._last = (self._last + data)[-len(END_OF_HEAD) :]
        if messages:
            self.body = messages[-1][1]
            messages = [(self._lines.restored(messages[0][0]), messages[0][1]), *messages[1:]]
            if in_head and arrived > READ_AT_ONCE:
                messages = [(messages[0][0]._replace(should_close=True), messages[0][1]), *messages[1:]]
        elif not in_head:
            arrived = 0
        if arrived > LONGEST_HEAD and (not messages or head_size(*_head_of(messages[0][0])) > LONGEST_HEAD):
            return self._refusal(LineTooLong("the head", str(LONGEST_HEAD)))
        if messages:
            is_next_begun = self.body is EMPTY_PAYLOAD and not upgraded and self._last != END_OF_HEAD
            arrived = 1 if is_next_begun else 0
        self._set_head(arrived)
        if self._begun.size > MOST_BEGUN and arrived:
            return self._refusal(LineTooLong("all incomplete heads", str(MOST_BEGUN)))
        return messages, upgraded, tail

    def pause_reading(self) -> None:
        """Called by the library when nobody takes the body."""
        if not self.refused:
            self._parser.pause_reading()

    def message_consumed(self) -> None:
        """Called by the library when a message leaves its queue."""
        if not self.refused:
            self._parser.message_consumed()

    def set_upgraded(self, upgraded: bool) -> None:  # noqa: FBT001 the library's signature
        """Called by the library when an upgrade was declined."""
        self._parser.set_upgraded(upgraded)

    def stop(self) -> None:
        """The connection is gone. Without these references it is freed at once, with all that the parser has kept."""
        self._set_head(0)
        self._parser = self._connection = None
        self.body = EMPTY_PAYLOAD
        self._too_slow = _nothing_is_slow

    def _set_head(self, size: int) -> None:
        """So many bytes of an incomplete head have arrived; 0: none is expected now."""
        self._begun.size += size - self._head
        self._head = size
        if size and not self._timer:
            self._timer = self._loop.call_later(HEAD_TIMEOUT, self._too_slow)
        elif self._timer and not size:
            self._timer.cancel()
            self._timer = None

    def _refusal(self, error: HttpProcessingError) -> Feed:
        self.refused = True
        self._parser = None  # with all that it has kept
        self._set_head(0)
        too_long = isinstance(error, LineTooLong)
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_long else HTTPStatus.BAD_REQUEST
        # Without its traceback, whose frames have the bytes that could not be parsed, and lead back to here.
        error = error.with_traceback(None)
        endless = StreamReader(self._connection, READ_AT_ONCE, loop=self._loop)
        return ((_ErrInfo(status, error, ""), endless),), False, b""


def _nothing_is_slow() -> None:
    """No head is expected."""


def head_size(method: str, path: str, fields: Iterable[tuple[bytes, bytes]]) -> int:
    """How many bytes a head has, without optional blanks."""
    line = len(method) + len(path) + len("  HTTP/1.1\r\n\r\n")
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in fields)


def _head_of(message: Any) -> tuple[str, str, Iterable[tuple[bytes, bytes]]]:
    return message.method, message.path, message.raw_headers
