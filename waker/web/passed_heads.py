"""The heads of messages that waker passes on, as bytes: what is kept of a head as it arrived, and what is put in.

Pure. Field names keep their case and fields their order, values their bytes, whether they are UTF-8 or not, and a target
keeps whatever it has. What ends at waker are the fields of one connection (RFC 9110, section 7.6.1) and those that
`Connection` names. A sender must not name a field there that is for all recipients; `ALWAYS_KEPT` are those without which
a message would be another one. `forward` and `tunnel` use this, `exact_messages` sends it.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from aiohttp import HttpVersion

from waker import names

Fields = Sequence[tuple[bytes, bytes]]  # of a head, in their order: name and value as they arrived

# And what older software still sends, RFC 9110 apart.
HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
     b"upgrade"}
)  # fmt: skip
FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})  # kept as long as the body is framed so
ALWAYS_KEPT: Final = FRAMING | {b"host", b"via"}
OURS: Final = (names.MARKER.lower().encode(),)  # only waker's own answers have it
NOT_IN_VALUES: Final = re.compile(rb"[\0\r\n]")  # they would end a field; RFC 9110, section 5.5: replaced by a blank


def to_bytes(text: str) -> bytes:
    """The bytes that the HTTP library has made this text of."""
    return text.encode("utf-8", "surrogateescape")


def written(first_line: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A head as it is sent."""
    lines = (b"%s: %s\r\n" % (name, NOT_IN_VALUES.sub(b" ", value)) for name, value in fields)
    return b"%s\r\n%s\r\n" % (NOT_IN_VALUES.sub(b" ", first_line), b"".join(lines))


def end_to_end(fields: Fields, without: Collection[bytes] = ()) -> list[tuple[bytes, bytes]]:
    """The fields that are for the other end, and those that frame the body. `without`: names in lower case."""
    named = {name.strip().lower() for value in values(fields, b"connection") for name in value.split(b",")}
    removed = (named - ALWAYS_KEPT) | HOP_BY_HOP | set(without)
    return [(name, value) for name, value in fields if name.lower() not in removed]


def values(fields: Fields, name: bytes) -> list[bytes]:
    """The values of all fields of a name, which is given in lower case."""
    return [value for each, value in fields if each.lower() == name]


def target(requested: str) -> bytes:
    """What follows the method when a request is passed on: its path and query as they are, of whatever form they arrived in."""
    if requested.startswith("/"):
        return to_bytes(requested)
    rest = requested.partition("://")[2]
    start = re.search(r"[/?#]", rest)
    path = rest[start.start() :] if start else ""
    return to_bytes(path if path.startswith("/") else f"/{path}")


def via(version: HttpVersion | None) -> bytes:
    """What waker adds to Via for a message that arrived in this version of HTTP."""
    return (
        f"{version.major}.{version.minor} {names.PSEUDONYM}".encode() if version else f"1.1 {names.PSEUDONYM}".encode()
    )


def is_loop(headers: Mapping[str, str]) -> bool:
    """Whether a request has been here more than once. Once is no loop: an app may call another one, with its headers."""
    found = (value for key, value in headers.items() if key.lower() == "via")
    passed = [entry.split() for value in found for entry in value.split(",")]
    return sum(1 for words in passed if words[1:2] and words[1].lower() == names.PSEUDONYM) > 1
