"""Odd requests and answers: messages as some client or app sends them, byte by byte, and what waker changes of them.

`test_bytes` sends each of them straight to an app and through waker; `tests/e2e/test_odd_bytes.py` does so through real
controllers. `differs` is a limit: the documents repeat it (docs/limits.md), and the tests hold that it still is one.
"""

import gzip
import re
from typing import NamedTuple

HOST = b"shop.example.com"
LATIN = "Müller-Straße, café".encode("latin-1")
UTF8 = "Müller-Straße, café ☕".encode()
WRONG = b"\xff\xfe\x80 \xc3( \xed\xa0\x80"  # no encoding at all; the last one is a surrogate
OPAQUE = bytes(range(256)) * 20
PACKED = gzip.compress(b"text " * 50, mtime=0)
NO_TRAILERS = "Trailers end at waker."
ONCE = (
    "A request gets 400 if one of these occurs twice: `User-Agent`, `Content-Type`, `Content-Range`, `Content-Location`, "
    "`ETag`, `Server`, `Max-Forwards`."
)
CONNECTION = "Fields of one connection end at waker (RFC 9110, 7.6.1)."


class Odd(NamedTuple):
    """One message. `differs`: what waker changes of it, beside what it changes of every message."""

    what: str
    message: bytes
    differs: str = ""


def asked(*fields: bytes, line: bytes = b"GET / HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, b"Host: " + HOST, *fields, b"", body])


def answered(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK", body: bytes = b"ok") -> bytes:
    """With a length, unless the fields say something of it."""
    framed = any(re.match(rb"(?i)content-length|transfer-encoding", each) for each in fields)
    length = () if framed else (b"Content-Length: %d" % len(body),)
    return b"\r\n".join([line, *fields, *length, b"", body])


def chunked(*pieces: bytes, trailers: bytes = b"", extension: bytes = b"") -> bytes:
    coded = b"".join(b"%x%s\r\n%s\r\n" % (len(each), extension, each) for each in pieces)
    return coded + b"0\r\n" + trailers + b"\r\n"


REQUESTS = (
    Odd("a value in Latin-1", asked(b"X-Name: " + LATIN)),
    Odd("a value in UTF-8", asked(b"X-Name: " + UTF8)),
    Odd("a value in no encoding", asked(b"X-Name: " + WRONG)),
    Odd("a cookie in Latin-1", asked(b"Cookie: name=" + LATIN + b"; b=2")),
    Odd("two Cookie lines", asked(b"Cookie: a=1", b"X-Between: 1", b"cookie: b=2")),
    Odd("a path in UTF-8", asked(line=b"GET /caf\xc3\xa9?n=\xc3\xbc HTTP/1.1")),
    Odd("a path in Latin-1", asked(line=b"GET /caf\xe9?n=\xfc HTTP/1.1")),
    Odd("an empty query", asked(line=b"GET /x? HTTP/1.1")),
    Odd("a query of question marks", asked(line=b"GET /x??a=?&&=&b HTTP/1.1")),
    Odd("dots in a path", asked(line=b"GET /a/../b/./c HTTP/1.1")),
    Odd("slashes in a row", asked(line=b"GET //double///slash// HTTP/1.1")),
    Odd("needless and broken percents", asked(line=b"GET /%7Euser/%2e%2E/%zz%/a%2fb HTTP/1.1")),
    Odd("letters that ought to be encoded", asked(line=b'GET /a;p=1,2/[x]{y}|^`"<>\\?q=[1]{"a":1}|^ HTTP/1.1')),
    Odd("plus and blank in a query", asked(line=b"GET /a+b?c+d=%20+e HTTP/1.1")),
    Odd("a colon in the first segment", asked(line=b"GET /a:b@c/http://x HTTP/1.1")),
    Odd("an absolute target", asked(line=b"GET http://" + HOST + b"/x? HTTP/1.1"), "An absolute target becomes its path."),
    Odd("field names in three cases", asked(b"x-lower: 1", b"X-UPPER: 2", b"xMiXeD: 3")),
    Odd("a field name of punctuation", asked(b"X!#$%&'*+.^_`|~1: v")),
    Odd("repeated fields between others", asked(b"X-A: 1", b"X-B: 2", b"x-a: 3", b"X-A: 1")),
    Odd("an empty value", asked(b"X-Empty:", b"X-Blank:   ", b"Accept:")),
    Odd("tabs and blanks within a value", asked(b"X-Wide: a \t  b")),
    Odd("quotes and commas in a value", asked(b'X-List: "a, \\"b\\"", c;q="1,2",, d')),
    Odd("a value of 30 KB", asked(b"X-Long: " + b"v" * 30_000)),
    Odd("200 fields", asked(*(b"X-%d: %d" % (each, each) for each in range(200)))),
    Odd("no fields but Host", asked()),
    Odd("a body with a length", asked(b"Content-Length: %d" % len(OPAQUE), line=b"POST / HTTP/1.1", body=OPAQUE)),
    Odd("a body of no length", asked(b"Content-Length: 0", line=b"POST / HTTP/1.1")),
    Odd("a POST without a body", asked(line=b"POST / HTTP/1.1")),
    Odd("a body in chunks", asked(b"Transfer-Encoding: chunked", line=b"PUT / HTTP/1.1", body=chunked(b"ab", b"c" * 999))),
    Odd(
        "chunks with extensions",
        asked(b"Transfer-Encoding: chunked", line=b"PUT / HTTP/1.1", body=chunked(b"ab", extension=b';n="v"')),
    ),
    Odd(
        "chunks and trailers",
        asked(b"Transfer-Encoding: chunked", line=b"PUT / HTTP/1.1", body=chunked(b"ab", trailers=b"X-Sum: 1\r\n")),
        NO_TRAILERS,
    ),
    Odd("a GET with a body", asked(b"Content-Length: 4", body=b"body")),
    Odd("a DELETE with a body", asked(b"Content-Length: 4", line=b"DELETE /x HTTP/1.1", body=b"body")),
    Odd(
        "a packed body",
        asked(b"Content-Encoding: gzip", b"Content-Length: %d" % len(PACKED), line=b"POST / HTTP/1.1", body=PACKED),
    ),
    Odd("a method of WebDAV", asked(b"Depth: 1", line=b"PROPFIND /x HTTP/1.1")),
    Odd("a method that nobody knows", asked(line=b"BREW /pot HTTP/1.1")),
    Odd("a method in lower case", asked(line=b"get / HTTP/1.1")),
    Odd("head, which is not HEAD", asked(line=b"head / HTTP/1.1")),
    Odd("an unknown method with a body", asked(b"Content-Length: 4", line=b"X-DO /caf\xe9 HTTP/1.1", body=b"body")),
    Odd("HTTP/1.0", asked(line=b"GET /old HTTP/1.0"), "The app is asked in HTTP/1.1."),
    Odd(
        "fields that Connection names",
        asked(b"Connection: X-Mine, keep-alive", b"X-Mine: 1", b"Keep-Alive: timeout=5"),
        CONNECTION,
    ),
    Odd("Connection names Host and Content-Length", asked(b"Connection: Host, Content-Length, Via", b"Via: 1.1 fred")),
    Odd("TE", asked(b"TE: trailers", b"Connection: TE"), CONNECTION),
    Odd(
        "Upgrade to something else",
        asked(b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", b"Connection: Upgrade, HTTP2-Settings"),
        CONNECTION,
    ),
    Odd("credentials for a proxy", asked(b"Proxy-Authorization: Basic eDp5"), "Credentials for a proxy end at waker."),
    Odd("Via of others", asked(b"Via: 1.0 fred, 1.1 p.example.net")),
    Odd("conditions", asked(b'If-None-Match: W/"\xe4", "b"', b"Range: bytes=0-1,-1", b'If-Range: "x"')),
    Odd(
        "what proxies in front add",
        asked(b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For: 192.0.2.2", b'Forwarded: for="[2001:db8::1]:80"'),
    ),
    Odd(
        "Expect",
        asked(b"Expect: 100-continue", b"Content-Length: 4", line=b"POST / HTTP/1.1", body=b"body"),
        "waker says 100 Continue.",
    ),
    Odd(
        "a field twice that may be there once",
        asked(b"User-Agent: a", b"User-Agent: b"),
        ONCE,
    ),
)  # fmt: skip

ANSWERS = (
    Odd("a file name in Latin-1", answered(b'Content-Disposition: attachment; filename="' + LATIN + b'"')),
    Odd("a file name in UTF-8", answered(b'Content-Disposition: attachment; filename="' + UTF8 + b'"')),
    Odd("a cookie in Latin-1", answered(b"Set-Cookie: name=" + LATIN + b"; Path=/", b"Set-Cookie: b=2")),
    Odd("a Location in Latin-1", answered(b"Location: /caf\xe9?", line=b"HTTP/1.1 302 Found")),
    Odd("a value in no encoding", answered(b"X-Value: " + WRONG)),
    Odd("300 fields", answered(*(b"X-%d: %d" % (each, each) for each in range(300)))),
    Odd("no fields but a length", answered()),
    Odd("field names in three cases", answered(b"x-lower: 1", b"X-UPPER: 2", b"xMiXeD: 3", b"content-TYPE: text/x")),
    Odd("repeated fields between others", answered(b"Set-Cookie: a=1", b"X-B: 2", b"set-cookie: a=1", b"Set-Cookie: c=")),
    Odd("an empty value", answered(b"X-Empty:", b"Content-Type:", b"Server:")),
    Odd("tabs and quotes in a value", answered(b'X-Wide: a \t  "b, \\"c"')),
    Odd("a value of 30 KB", answered(b"X-Long: " + b"v" * 30_000)),
    Odd("a reason in Latin-1", answered(line=b"HTTP/1.1 200 Tr\xe8s bien")),
    Odd("a long reason", answered(line=b"HTTP/1.1 404 Nobody has ever seen it: [x] {y}; ok?")),
    Odd("an empty reason", answered(line=b"HTTP/1.1 200 ")),
    Odd("an unknown status", answered(line=b"HTTP/1.1 299 Fine")),
    Odd("a teapot", answered(line=b"HTTP/1.1 418 I'm a teapot")),
    Odd("the highest status", answered(line=b"HTTP/1.1 599 Oh")),
    Odd(
        "204",
        b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    ),
    Odd("304 with a length", answered(b'ETag: W/"x"', b"Content-Length: 99", line=b"HTTP/1.1 304 Not Modified", body=b"")),
    Odd("205", answered(b"Content-Length: 0", line=b"HTTP/1.1 205 Reset Content", body=b"")),
    Odd("an empty body", answered(b"Content-Length: 0", body=b"")),
    Odd("a body of all bytes", answered(b"Content-Type: x/y", body=OPAQUE)),
    Odd("a body in chunks", answered(b"Transfer-Encoding: chunked", body=chunked(b"ab", b"c" * 999))),
    Odd("chunks with extensions", answered(b"Transfer-Encoding: chunked", body=chunked(b"ab", extension=b";n=v"))),
    Odd(
        "chunks and trailers",
        answered(b"Trailer: X-Sum", b"Transfer-Encoding: chunked", body=chunked(b"ab", trailers=b"X-Sum: 1\r\n")),
        NO_TRAILERS,
    ),
    Odd("a body until the end", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nuntil the end"),
    Odd("HTTP/1.0", b"HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nold", "The answer is in the visitor's version of HTTP."),
    Odd("a packed body", answered(b"Content-Encoding: gzip", body=PACKED)),
    Odd("packed in an unknown way", answered(b"Content-Encoding: x-own", body=PACKED)),
    Odd("what only looks packed", answered(b"Content-Encoding: gzip", body=b"no gzip")),
    Odd(
        "fields that Connection names",
        answered(b"Connection: X-Private", b"X-Private: 1", b"Keep-Alive: timeout=5"),
        CONNECTION,
    ),
    Odd("an offer to upgrade", answered(b"Upgrade: h2c", b"Connection: Upgrade"), CONNECTION),
    Odd("Early Hints", b"HTTP/1.1 103 Early Hints\r\nLink: </\xfc.css>; rel=preload\r\n\r\n" + answered(b"X-A: 1")),
    Odd(
        "two announcements",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n" + answered(b"X-A: 1"),
    ),
    Odd(
        "100 Continue unasked",
        b"HTTP/1.1 100 Continue\r\n\r\n" + answered(b"X-A: 1"),
        "100 Continue of the app ends at waker, which says it by itself.",
    ),
    Odd("a Date of its own", answered(b"Date: the other day", b"Server: m\xf6", b"Via: 1.1 app")),
    Odd("a field twice", answered(b"Content-Type: a/b", b"Content-Type: c/d", b"Server: 1", b"Server: 2")),
    Odd("control characters in a value", answered(b"X-Bell: a\x07b\x01")),
    Odd(
        "a folded value",
        b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n  b\r\nContent-Length: 2\r\n\r\nok",
        "A folded value is unfolded (RFC 9112, 5.2).",
    ),
    Odd(
        "a challenge of a proxy",
        answered(b"Proxy-Authenticate: Basic", line=b"HTTP/1.1 407 Proxy Authentication Required"),
        "A challenge of a proxy ends at waker.",
    ),
    Odd("waker's own field", answered(b"X-Kubesleeper: waiting"), "`X-Kubesleeper` is waker's own."),
    Odd(
        "204 with a length",
        answered(b"Content-Length: 0", line=b"HTTP/1.1 204 No Content", body=b""),
        "A 204 has no length (RFC 9110, 8.6).",
    ),
)  # fmt: skip


class Message(NamedTuple):
    """A message as it arrived, with its body and trailers decoded from chunks. `announced`: what came before it, whole."""

    line: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes
    trailers: bytes = b""
    announced: tuple[bytes, ...] = ()

    def values(self, name: str) -> list[bytes]:
        return [value for each, value in self.fields if each.lower() == name.lower().encode()]


def parsed(data: bytes) -> Message:
    """A whole message."""
    announced = []
    while re.match(rb"HTTP/1.1 1(?!01)\d\d ", data):
        head, _, data = data.partition(b"\r\n\r\n")
        announced.append(head)
    head, _, rest = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    fields = [(name, value.strip(b" \t")) for name, _, value in (each.partition(b":") for each in lines)]
    found = Message(line, fields, rest, announced=tuple(announced))
    if not any(b"chunked" in value for value in found.values("Transfer-Encoding")):
        return found
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        body, rest = body + rest[:length], rest[length + 2 :]
    return found._replace(body=body, trailers=rest.removesuffix(b"\r\n"))


def is_whole(data: bytes) -> bool:
    """Whether a request has arrived completely."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?im)^content-length:[ \t]*(\d+)", head)
    if re.search(rb"(?im)^transfer-encoding:.*chunked", head):
        return rest.endswith((b"\r\n0\r\n\r\n", b"0\r\n\r\n")) or (b"\r\n0\r\n" in rest and rest.endswith(b"\r\n\r\n"))
    return len(rest) >= (int(length[1]) if length else 0)


def is_whole_answer(data: bytes) -> bool:
    """Whether an answer is whole, as far as its head says; else it ends with the connection."""
    found = parsed(data) if b"\r\n\r\n" in data else None
    if found is None or not found.line or found.line.split()[1] == b"100":
        return False
    if found.values("Transfer-Encoding"):
        return data.endswith(b"0\r\n\r\n") or (b"\r\n0\r\n" in data and data.endswith(b"\r\n\r\n"))
    if any(status in found.line for status in (b" 204 ", b" 304 ")):
        return True
    length = found.values("Content-Length")
    return bool(length) and len(found.body) >= int(length[0])
