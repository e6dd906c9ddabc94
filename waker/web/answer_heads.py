"""How long the head of an answer may be that waker gets from a pod. An app is no more trusted with our memory than a visitor.

The HTTP library bounds each field and the number of fields, as with requests (`heads`), and so would keep 8 MiB for each
answer. `AnswerConnection` is the library's connection to a pod with a bound for the whole head, and reads no more than
READ_AT_ONCE at once. `forward.client` puts it in place; the session is also that of scrapes, probes and ownership checks.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import LineTooLong

from waker.web.exact_messages import Informed, ignored
from waker.web.heads import LONGEST_HEAD, Feed

READ_AT_ONCE: Final = 32 * 1024  # bytes; asyncio would read 256 KiB, and metrics pages are long

_ARRIVING: Final = memoryview(bytearray(READ_AT_ONCE))


class AnswerConnection(ResponseHandler, asyncio.BufferedProtocol):
    """One connection. All share one buffer to read into, as whatever arrives is parsed before anything else can arrive."""

    informed: Informed = staticmethod(ignored)

    def set_response_params(self, **options: Any) -> None:
        """Called by the library before each request."""
        super().set_response_params(**options)
        self.informed = ignored
        self._parser = _BoundedAnswer(self._parser, self)  # type: ignore[assignment]  # it has all that is used of a parser

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Called by asyncio before it reads."""
        return _ARRIVING

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio when it has read something."""
        self.data_received(bytes(_ARRIVING[:nbytes]))


class _BoundedAnswer:
    """The library's parser of one answer, behind the limit. Answers that only announce it (1xx) count as its head.

    `connection` is informed of each of those, which the library drops.
    """

    def __init__(self, parser: Any, connection: AnswerConnection) -> None:
        self._parser = parser
        self._connection = connection
        self._head = 0  # bytes that have arrived
        self._complete = False

    def feed_data(self, data: bytes) -> Feed:
        """Parse what has arrived. Raises HttpProcessingError."""
        found: Feed = self._parser.feed_data(data)
        if not self._complete:
            self._head += len(data)
            for message, _ in found[0]:
                if is_final(message.code):
                    self._complete = True
                    break
                self._connection.informed(message)
            if not self._complete and self._head > LONGEST_HEAD:
                raise LineTooLong("the head of an answer", str(LONGEST_HEAD))
        return found

    def feed_eof(self) -> Any:
        """Called by the library when the connection is gone."""
        return self._parser.feed_eof()

    def pause_reading(self) -> None:
        """Called by the library when nobody takes the body."""
        self._parser.pause_reading()


def is_final(status: int) -> bool:
    """Whether no other answer to the same request follows."""
    return status >= HTTPStatus.OK or status == HTTPStatus.SWITCHING_PROTOCOLS
