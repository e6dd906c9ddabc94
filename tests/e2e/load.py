"""An honest client: it says exactly what a visitor would have seen, request by request.

It knows HTTP/1.1 and the marker header, nothing else. Nothing is retried: a refused or reset connection is an answer
like any other. The one exception is a kept connection that the server closed while it was idle: every client opens
another one then, and so does this one.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from waker import names

PATIENCE = 70.0  # above hold-for and every controller's read timeout


class VisitorAddress(NamedTuple):
    host: str
    port: int


class Who(Enum):
    """Whose answer it was."""

    APP = "app"
    WAKER = "waker"
    OTHER = "controller"  # an answer of neither: the controller's own, or something odd
    NOBODY = "nobody"  # no answer


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `app` is the name that the app puts into its answers; `label` goes into reports."""

    label: str
    host: str
    app: str
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def encoded(self, *, keep: bool) -> bytes:
        fixed = [("Host", self.host), ("Connection", "keep-alive" if keep else "close")]
        length = [("Content-Length", str(len(self.body)))] if self.body else []
        lines = "".join(f"{name}: {value}\r\n" for name, value in [*fixed, *length, *self.headers])
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


def browser(host: str, app: str, path: str = "/") -> Request:
    """A person who opens the app."""
    accept = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    agent = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    return Request("browser", host, app, path, headers=(accept, agent, ("Sec-Fetch-Mode", "navigate")))


def curl(host: str, app: str, path: str = "/") -> Request:
    """A program that wants the answer and nothing else."""
    return Request("curl", host, app, path, headers=(("Accept", "*/*"), ("User-Agent", "curl/8.14.1")))


def poll(request: Request) -> Request:
    """What the waiting page asks after a browser's request."""
    return replace(request, label="poll", headers=(*request.headers, (names.MARKER, names.MARK_POLL)))


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    """What a client saw. Times are `time.monotonic()`; `status` is 0 and `error` says why if there was no answer."""

    label: str
    began: float
    ended: float
    who: Who
    status: int = 0
    error: str = ""  # refused, reset, cut, timeout
    marker: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def kind(self) -> str:
        return f"{self.who.value} {self.error or self.status}"

    @property
    def expected(self) -> bool:
        """The two answers that a visitor of a sleeping or waking app may get; 202 is what its page's poll gets."""
        return self.kind in ("app 200", "waker 202" if self.label == "poll" else "waker 503")


class Head(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]


Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(address: VisitorAddress, request: Request, patience: float = PATIENCE) -> LoadAnswer:
    """One request on a connection of its own."""
    began = time.monotonic()
    link: Link | None = None
    try:
        async with asyncio.timeout(patience):
            link = await asyncio.open_connection(*address)
            return await _exchange(link, request, began, keep=False)
    except (OSError, EOFError) as error:
        return LoadAnswer(request.label, began, time.monotonic(), Who.NOBODY, error=_named(error))
    finally:
        await _close(link)


def ask_now(address: VisitorAddress, request: Request, patience: float = PATIENCE) -> LoadAnswer:
    """`ask`, for a scenario's own thread."""
    return asyncio.run(ask(address, request, patience))


@dataclass(slots=True)
class LoadSession:
    """A client that keeps its connection."""

    address: VisitorAddress
    _link: Link | None = None

    async def ask(self, request: Request, patience: float = PATIENCE) -> LoadAnswer:
        """One request on the kept connection; if that was closed while idle, on a new one."""
        began = time.monotonic()
        for fresh in (self._link is None, True):
            try:
                async with asyncio.timeout(patience):
                    self._link = self._link or await asyncio.open_connection(*self.address)
                    answer = await _exchange(self._link, request, began, keep=True)
            except (OSError, EOFError) as error:
                await self.close()
                if fresh:
                    return LoadAnswer(request.label, began, time.monotonic(), Who.NOBODY, error=_named(error))
            else:
                if answer.header("connection").lower() == "close":
                    await self.close()
                return answer
        raise AssertionError

    async def close(self) -> None:
        link, self._link = self._link, None
        await _close(link)


async def _exchange(link: Link, request: Request, began: float, *, keep: bool) -> LoadAnswer:
    reader, writer = link
    writer.write(request.encoded(keep=keep))
    await writer.drain()
    head = await _head(reader)
    body = (await _body(reader, head, request.method)).decode(errors="replace")
    marker = next((value for name, value in head.headers if name == names.MARKER.lower()), "")
    is_app = head.status == 200 and (f"<h1 id=app>{request.app}</h1>" in body or body.startswith(f"{request.app} "))
    who = Who.WAKER if marker else Who.APP if is_app else Who.OTHER
    ended = time.monotonic()
    return LoadAnswer(request.label, began, ended, who, head.status, "", marker, head.headers, body[:4000])


async def _head(reader: asyncio.StreamReader) -> Head:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.rstrip("\r\n").split("\r\n")
    parted = (line.partition(":") for line in lines)
    return Head(int(first.split(" ")[1]), tuple((name.lower(), value.strip()) for name, _, value in parted))


async def _body(reader: asyncio.StreamReader, head: Head, method: str) -> bytes:
    fields = dict(head.headers)
    if method == "HEAD" or head.status in (204, 304):
        return b""
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    if fields.get("transfer-encoding", "").lower() != "chunked":
        return await reader.read(-1)
    whole = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        whole += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return whole


async def _close(link: Link | None) -> None:
    if link:
        link[1].close()
        with suppress(OSError):
            await link[1].wait_closed()


def _named(error: BaseException) -> str:
    match error:
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case TimeoutError():
            return "timeout"
        case EOFError():
            return "cut"  # closed in the middle of an answer, or before its first byte
    return type(error).__name__


def summary(answers: Iterable[LoadAnswer]) -> str:
    """`browser app 200: 120, curl waker 503: 3`."""
    counted = Counter(f"{answer.label} {answer.kind}" for answer in answers)
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(counted.items())) or "no answers"
