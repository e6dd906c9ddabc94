"""A crowd of tabs on one app's waiting page: `python -m bench.tabs ADDRESS HOST:PORT --tabs N --seconds S [--heedless]`.

Each tab polls as the page's script does: HEAD with the marker, and again after a second, or when `Retry-After` says. Heedless
ones ask once a second whatever it says. As behind a controller, all tabs share CONNECTIONS, more than waker holds polls of
one app. The result is one line of JSON: how many polls a second were answered in the second half, and the longest pause that
a tab was told.
"""

import argparse
import asyncio
import heapq
import json

from bench.load import KINDS

CONNECTIONS = 1500
LEAST = 1.0  # s between two polls of a tab
FIRST = 0.3  # s from a page's load to its first poll
OPENED = 10.0  # s in which all tabs are opened


class Tabs:
    """All tabs, each with the time of its next poll."""

    def __init__(self, count: int, seconds: float, *, heedless: bool) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._due = [(now + FIRST + OPENED * number / count, number) for number in range(count)]
        self._half, self._ends = now + seconds / 2, now + seconds
        self._heedless = heedless
        self.answered = 0  # in the second half
        self.longest = 0.0  # pause, in seconds

    async def serve(self, address: str, port: int, request: bytes) -> None:
        """One connection: whoever's time has come polls on it."""
        reader, writer = await asyncio.open_connection(address, port)
        while self._due and self._due[0][0] < self._ends:
            at, tab = heapq.heappop(self._due)
            await asyncio.sleep(max(0.0, at - self._loop.time()))
            asked = self._loop.time()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            told = float(head.partition(b"retry-after: ")[2].partition(b"\r\n")[0] or 0)
            self.answered += self._half < self._loop.time() < self._ends
            self.longest = max(self.longest, told)
            heapq.heappush(self._due, (asked + max(LEAST, 0.0 if self._heedless else told), tab))
        writer.close()


async def run(args: argparse.Namespace) -> dict[str, float]:
    """Run all tabs for so many seconds."""
    host, _, port = args.host.rpartition(":")
    tabs = Tabs(args.tabs, args.seconds, heedless=args.heedless)
    request = KINDS["poll"].format(host=host).encode()
    serving = [
        asyncio.ensure_future(tabs.serve(args.address, int(port), request)) for _ in range(min(CONNECTIONS, args.tabs))
    ]
    await asyncio.sleep(args.seconds)
    for each in serving:
        each.cancel()
    ends = await asyncio.gather(*serving, return_exceptions=True)
    failed = sum(isinstance(each, OSError | asyncio.IncompleteReadError) for each in ends)
    return {"rate": tabs.answered / (args.seconds / 2), "longest": tabs.longest, "failed": failed}


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description="Tabs of one app's waiting page; prints one line of JSON.")
    parser.add_argument("address", help="where to connect to")
    parser.add_argument("host", help="HOST:PORT: the Host header, and the port to connect to")
    parser.add_argument("--tabs", type=int, default=10_000, help="number of tabs (default: 10000)")
    parser.add_argument("--seconds", type=float, default=60, help="how long to measure (default: 60)")
    parser.add_argument("--heedless", action="store_true", help="ask once a second, whatever Retry-After says")
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
