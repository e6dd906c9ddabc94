"""Request lines that the parser does not take: what it is given in their place, and what is put back."""

from types import SimpleNamespace
from typing import Any

import pytest

from waker.web.request_lines import LineReader

REST = b"\r\nHost: a\r\n\r\n"


def parsed(data: bytes) -> Any:
    """As the parser would have read it."""
    method, target, _ = data.decode("ascii").split("\r\n")[0].split(" ", 2)
    message = SimpleNamespace(method=method, path=target)
    message._replace = SimpleNamespace
    return message


@pytest.mark.parametrize(
    ("line", "given"),
    [
        pytest.param(b"GET /x?%zz HTTP/1.1", b"GET /x?%zz HTTP/1.1", id="usual"),
        pytest.param(b"GET /caf\xe9/%2f HTTP/1.1", b"GET /caf%E9/%2f HTTP/1.1", id="Latin-1"),
        pytest.param(b"PROPFIND /\xc3\xa9? HTTP/1.0", b"POST /%C3%A9? HTTP/1.0", id="another method, UTF-8"),
        pytest.param(b"get / HTTP/1.1", b"POST / HTTP/1.1", id="lower case"),
    ],
)
def test_what_the_parser_is_given(line: bytes, given: bytes) -> None:
    reader = LineReader()
    assert reader.plain(line + REST, begins=True) == given + REST
    message = reader.restored(parsed(given + REST))
    method, target, _ = line.split(b" ")
    assert (message.method, message.path) == (method.decode(), target.decode("utf-8", "surrogateescape"))
    again = parsed(b"GET /other HTTP/1.1" + REST)
    assert reader.restored(again) is again


def test_a_line_in_pieces_is_given_whole() -> None:
    reader = LineReader()
    line = b"BREW /\xff? HTTP/1.1"
    whole = line + REST
    pieces = [reader.plain(whole[i : i + 1], begins=not i) for i in range(len(whole))]
    assert b"".join(pieces) == b"POST /%FF? HTTP/1.1" + REST
    assert pieces[: len(line)] == [b""] * len(line)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0 and more", id="no line"),
        pytest.param(b"no HTTP at all\r\n", id="words"),
        pytest.param(b"GET /\xff /x HTTP/1.1\r\n", id="a blank in the target"),
        pytest.param(b"GET /\xff HTTP/11\r\n", id="no version"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_request_line_is_left_to_the_parser(data: bytes) -> None:
    assert LineReader().plain(data, begins=True) == data


def test_in_the_midst_of_a_request_nothing_is_a_line() -> None:
    data = b"BREW /\xff HTTP/1.1\r\n"
    assert LineReader().plain(data, begins=False) == data


def test_nothing_is_put_into_a_message_of_another_line() -> None:
    reader = LineReader()
    reader.plain(b"BREW /\xff HTTP/1.1" + REST, begins=True)
    other = parsed(b"GET /%FF HTTP/1.1" + REST)
    assert reader.restored(other) is other


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    reader = LineReader()
    given = b"".join(reader.plain(b"GET /" if not i else b"x" * 8192, begins=not i) for i in range(12))
    assert len(given) > 60_000
