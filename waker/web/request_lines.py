"""Request lines that the HTTP library's parser does not take, though apps do: a target with bytes above 127, any method.

Browsers encode such a target and some programs do not; methods are not limited to those of a list (RFC 9110, section 9.1).
`LineReader` gives the parser a line that it takes, with the target encoded and another method in its place, and puts what
had arrived into the parsed message. One for each connection, used by `heads`.
"""

import re
from typing import Any, Final, NamedTuple
from urllib.parse import quote_from_bytes

USUAL: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"})
STAND_IN: Final = b"POST"  # like any unknown method, it may have a body and says nothing about the answer's
ASCII: Final = bytes(range(128)).decode()  # what is not encoded
TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"
LINE: Final = re.compile(rb"(" + TOKEN + rb") ([^ ]+) (HTTP/\d\.\d\r?)")
BEGUN: Final = re.compile(TOKEN + rb"(?: [^ ]*(?: [HTP/.\d]{0,8}\r?)?)?")
LONGEST: Final = 64 * 1024  # bytes of a line that are kept; `heads` refuses a longer one


class Instead(NamedTuple):
    """A method and a target, and what the parser was given in their place."""

    arrived: tuple[str, str]
    given: tuple[str, str]


class LineReader:
    """What has arrived of the newest request line, as long as it is not complete."""

    __slots__ = ("_begun", "_instead")

    def __init__(self) -> None:
        self._begun = b""
        self._instead: Instead | None = None

    def plain(self, data: bytes, *, begins: bool) -> bytes:
        """What the parser is given of this data. `begins`: a request begins with its first byte.

        Of a line that arrives in pieces the parser gets nothing before all of it is there, and of what is none everything.
        """
        if not begins and not self._begun:
            return data
        if b"\n" not in data:
            return self._kept(data)
        line, newline, rest = (self._begun + data).partition(b"\n")
        self._begun = b""
        found = None if line.isascii() and line.partition(b" ")[0] in USUAL else LINE.fullmatch(line)
        if not found:
            return line + newline + rest
        method, target, version = found.groups()
        given = (method if method in USUAL else STAND_IN).decode(), encoded(target)
        self._instead = Instead((method.decode(), target.decode("utf-8", "surrogateescape")), given)
        return b"%s %s %s\n%s" % (given[0].encode(), given[1].encode(), version, rest)

    def _kept(self, data: bytes) -> bytes:
        """Keep a piece of a line. How it begins is looked at once: many small pieces must cost no more than their length."""
        is_line = bool(self._begun) or BEGUN.fullmatch(data)
        self._begun += data
        if is_line and len(self._begun) < LONGEST:
            return b""
        given, self._begun = self._begun, b""
        return given

    def restored(self, message: Any) -> Any:
        """The first message that was parsed, with what had arrived."""
        instead, self._instead = self._instead, None
        if not instead or (message.method, message.path) != instead.given:
            return message
        return message._replace(method=instead.arrived[0], path=instead.arrived[1])


def encoded(target: bytes) -> str:
    """A target, or a part of it, with what is not ASCII percent-encoded, as browsers do."""
    return quote_from_bytes(target, ASCII)
