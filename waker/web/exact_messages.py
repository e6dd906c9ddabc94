"""Messages of the HTTP library whose heads are sent byte for byte as they are given.

The library makes a head of texts, and drops what is no UTF-8 in them: a file name or a cookie in Latin-1 would vanish. So
`ExactRequest` and `ExactAnswer` let the library decide how the body is framed and whether the connection stays, and put
their own head in the place of the library's before it is sent. The subtle thing: a head is kept back until the first piece
of the body is there, so it can still be replaced. `forward` and `tunnel` make them of `passed_heads`.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import ClientRequest, HttpVersion, web

from waker.web.passed_heads import Fields, to_bytes, values, written

FRAMED_BY: Final = ("Content-Length", "Transfer-Encoding")

Informed = Callable[[Any], None]  # with the library's message of an answer that is not the final one


def ignored(_message: Any) -> None:
    """For who does not want to be informed."""


class ExactRequest(ClientRequest):
    """A request. `exact_head`: what is sent in the place of the library's own head, if anything."""

    exact_head: bytes = b""
    is_exact: bool = False  # that head was sent
    informed: Informed = staticmethod(ignored)

    async def write_bytes(self, writer: Any, conn: Any, content_length: int | None = None) -> None:
        """Called by the library to send the body, with the head still kept back. A request needs a body, if an empty one."""
        if self.exact_head:
            writer._headers_buf = self.exact_head
            self.is_exact = True
            conn.protocol.informed = self.informed
        await super().write_bytes(writer, conn, content_length)


class ExactAnswer(web.StreamResponse):
    """An answer of the app: its status line and fields as they arrived. The library needs to know the length only."""

    def __init__(self, status: int, reason: str, fields: Fields, *, connection: str = "") -> None:
        length = values(fields, b"content-length")
        framing = {"Content-Length": length[0].decode()} if length else {}
        super().__init__(status=status, headers=framing | ({"Connection": connection} if connection else {}))
        self._exact = (to_bytes(reason), tuple(fields))

    async def _write_headers(self) -> None:
        writer: Any = self._payload_writer
        version: HttpVersion = self._req.version  # type: ignore[union-attr]  # it is being prepared
        reason, fields = self._exact[0], self._framed(self._exact[1])
        line = b"HTTP/%d.%d %d %s" % (version.major, version.minor, self.status, reason)
        writer._headers_buf = written(line, [*fields, *self._added(fields)])
        writer._headers_written = False
        writer.send_headers()

    def _framed(self, fields: Fields) -> Fields:
        """The fields without those that frame the body in a way of the app's own: the library has its way."""
        dropped = {b"transfer-encoding"}
        if "Content-Length" not in self.headers and self.status != HTTPStatus.NOT_MODIFIED:
            dropped.add(b"content-length")  # that of 304 says how long the answer would be
        return [each for each in fields if each[0].lower() not in dropped]

    def _added(self, fields: Fields) -> Fields:
        """What the library has decided, and the time of the answer (RFC 9110, section 6.6.1)."""
        there = {name.lower() for name, _ in fields}
        wanted = ((name, self.headers.get(name)) for name in (*FRAMED_BY, "Date", "Connection"))
        return [
            (name.encode(), value.encode()) for name, value in wanted if value and name.lower().encode() not in there
        ]
