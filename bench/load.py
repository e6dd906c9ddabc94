"""Visitors in one process: `python -m bench.load KIND ADDRESS HOST:PORT ... --connections N --seconds S [--rate R]`.

Each visitor has a connection of its own and keeps it. It sends a request, waits for the whole answer and asks again: at
once, or so that all visitors together send R requests a second. The result is one line of JSON. This speaks the simplest
HTTP/1.1 (a Content-Length, no compression, no redirects), so that the load is never the limit.

| KIND | asks like | and then |
| --- | --- | --- |
| page | a browser that navigates | asks again |
| poll | the waiting page's script, whose request is held for a while | asks again, after the page's pause |
| hold | a program, which is held until the app is there | is done |
| upload | a program that sends a body, whether it is taken or not; all begin together | is done |
| once | a browser that navigates | keeps its connection |
| long | a program whose head is nearly as long as it may be | is done |
| huge | a program whose head is much longer than that | is done |
| begun | a program that never completes its head | is cut off some time |
"""

import argparse
import asyncio
import json
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from waker import names

PAUSE = 0.25  # seconds between two polls of the waiting page's script
UPLOAD = 300_000  # bytes of a body
PIECE = b"x" * 10_000  # of a body
RAMP = 0.002  # seconds between two connections, so that no kernel queue overflows


def fields(size: int) -> str:
    """Header fields of so many bytes together, 15 kB each."""
    return "".join(f"X-{number}: {'x' * 15_000}\r\n" for number in range(size // 15_000))


PAGE = (
    "GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
)
PROGRAM = "GET / HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nUser-Agent: curl/8.14.1\r\n"
KINDS = {
    "page": PAGE,
    "poll": f"HEAD / HTTP/1.1\r\nHost: {{host}}\r\nAccept: */*\r\n{names.MARKER}: {names.MARK_POLL}\r\n\r\n",
    "hold": PROGRAM + "\r\n",
    "upload": f"POST / HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: {UPLOAD}\r\nUser-Agent: curl/8.14.1\r\n\r\n",
    "once": PAGE,
    "long": PROGRAM + fields(60_000) + "\r\n",
    "huge": PROGRAM + fields(960_000) + "\r\n",
    "begun": PROGRAM + fields(60_000),
}


@dataclass
class Report:
    """What all visitors of this process have measured. `took`: latencies in seconds."""

    took: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    lost: int = 0

    def summary(self, seconds: float) -> dict[str, object]:
        """The fields of the JSON line; latencies in ms."""
        took = sorted(self.took) or [0.0]
        p50, p99 = (1000 * took[min(len(took) - 1, int(len(took) * part))] for part in (0.5, 0.99))
        return {
            "rate": len(self.took) / seconds, "p50": p50, "p99": p99, "statuses": dict(self.statuses),
            "waiting": self.waiting, "lost": self.lost, "busy": time.process_time() / seconds,
        }  # fmt: skip


class Visitor(asyncio.Protocol):
    """One connection, and the requests on it."""

    def __init__(self, request: bytes, again: float | None, every: float, report: Report) -> None:
        self._request = request
        self._again = again  # seconds after an answer; None: never
        self._every = every  # at least so many seconds between two requests
        self._report = report
        self._bodiless = request.startswith(b"HEAD")
        self._left = 0  # bytes of the body
        self._paused = False
        self._read = b""
        self._asked_at = 0.0
        self._waits = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._request.startswith(b"POST"):
            self.ask()

    def ask(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._asked_at = time.perf_counter()
            self._waits = True
            self._report.waiting += 1
            self._transport.write(self._request)
            self._left = UPLOAD if self._request.startswith(b"POST") else 0
            self._send_body()

    def _send_body(self) -> None:
        while self._transport and self._left and not self._paused and not self._transport.is_closing():
            self._left -= len(PIECE)
            self._transport.write(PIECE)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._send_body()

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        length = 0 if self._bodiless else int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if not found or len(body) < length:
            return
        took = time.perf_counter() - self._asked_at
        self._read, self._waits = b"", False
        self._report.waiting -= 1
        self._report.took.append(took)
        self._report.statuses[head[9:12].decode()] += 1
        pause = max(self._again or 0.0, self._every - took)
        if self._again is None:
            return
        if pause > 0:
            asyncio.get_running_loop().call_later(pause, self.ask)
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._report.lost += self._waits
        self._report.waiting -= self._waits


async def run(args: argparse.Namespace) -> dict[str, object]:
    """Run all visitors for so many seconds. The time they need to connect is not counted."""
    loop, report = asyncio.get_running_loop(), Report()
    again = {"page": 0.0, "poll": PAUSE}.get(args.kind)
    every = args.connections / args.rate if args.rate else 0.0
    transports, visitors, requests = [], [], []
    for host, _, port in (each.rpartition(":") for each in args.hosts):
        requests.append((int(port), KINDS[args.kind].format(host=host).encode()))
    for number in range(args.connections):
        port, request = requests[number % len(requests)]
        made = await loop.create_connection(partial(Visitor, request, again, every, report), args.address, port)
        transports.append(made[0])
        visitors.append(made[1])
        await asyncio.sleep(every / args.connections or RAMP)
    for each in visitors if args.kind == "upload" else ():
        each.ask()
    if args.kind == "page":
        report.took.clear()
    began, busy = time.perf_counter(), time.process_time()
    await asyncio.sleep(args.seconds)
    summary = report.summary(time.perf_counter() - began)
    summary["busy"] = (time.process_time() - busy) / (time.perf_counter() - began)
    for transport in transports:
        if not transport.is_closing():  # else its connection may be lost already
            transport.abort()
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description="Visitors in one process; prints one line of JSON.")
    parser.add_argument("kind", choices=KINDS, help="how visitors ask")
    parser.add_argument("address", help="where to connect to")
    parser.add_argument("hosts", nargs="+", help="HOST:PORT, used in turn: the Host header, and the port to connect to")
    parser.add_argument("--connections", type=int, default=32, help="number of visitors (default: 32)")
    parser.add_argument("--seconds", type=float, default=10, help="how long to measure (default: 10)")
    parser.add_argument(
        "--rate", type=float, default=0, help="requests a second of all visitors; 0: as many as possible"
    )
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
