"""Listens at every door, so that a request is for the app at whose door it arrives.

All doors share one server of the HTTP library; a door is no more than a listening socket. `service` calls `follow` whenever the
book of doors has changed. `report` is what the other replicas ask for before they send anybody here: up to which version
of the book this replica listens, and where it could not. The subtle thing: one port that cannot be opened (somebody else
has it, or there are no files left) closes that door alone, and is tried again.
"""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable
from typing import Any, Final

from waker.plan.doors import DoorBook

log = logging.getLogger(__name__)

BACKLOG: Final = 1024  # connections that wait to be accepted: many visitors may arrive at once
AT_ONCE: Final = 50  # sockets between two turns of the event loop; opening one takes 0.1 ms
TRY_AGAIN: Final = 5.0  # seconds

Protocol = Callable[[], asyncio.Protocol]  # makes the HTTP library's protocol for one connection


class DoorListeners:
    """The listening sockets of this replica. `on_change` is called whenever `report` says something else."""

    def __init__(self, book: Callable[[], DoorBook], on_change: Callable[[], None], host: str = "") -> None:
        self.failed: dict[int, str] = {}  # why a door could not be opened
        self.version = ""  # of the book; all its doors are open, but those that failed
        self._book = book
        self._on_change = on_change
        self._host = host
        self._servers: dict[int, asyncio.Server] = {}
        self._wanted = asyncio.Event()

    def follow(self) -> None:
        """The book has changed."""
        self._wanted.set()

    def report(self) -> dict[str, Any]:
        """For other replicas, as JSON."""
        return {"version": self.version, "failed": sorted(self.failed)}

    async def run(self, protocol: Protocol) -> None:
        """Listen at every door of the book, for ever. All sockets are closed when it ends."""
        try:
            while True:
                self._wanted.clear()
                await self._adjust(protocol)
                try:
                    async with asyncio.timeout(TRY_AGAIN if self.failed else None):
                        await self._wanted.wait()
                except TimeoutError:
                    continue
        finally:
            for each in self._servers.values():
                each.close()

    async def _adjust(self, protocol: Protocol) -> None:
        book = self._book()
        for number in self._servers.keys() - book.doors.keys():
            self._servers.pop(number).close()
        failed: dict[int, str] = {}
        for i, number in enumerate(sorted(book.doors.keys() - self._servers.keys())):
            try:
                self._servers[number] = await _listen(protocol, self._host, number)
            except OSError as error:
                failed[number] = str(error)
            if i % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        for number in failed.keys() - self.failed.keys():
            log.warning("door %d (%s) cannot be opened: %s", number, book.doors[number], failed[number])
        changed = self.version != book.version or self.failed != failed
        self.failed, self.version = failed, book.version
        if changed:
            self._on_change()


async def _listen(protocol: Protocol, host: str, number: int) -> asyncio.Server:
    opened = listening_socket(number, host)
    try:
        return await asyncio.get_running_loop().create_server(protocol, sock=opened, backlog=BACKLOG)
    except OSError:
        opened.close()
        raise


def listening_socket(port: int, host: str = "") -> socket.socket:
    """A socket for IPv4 and, if the machine has it, IPv6. asyncio would start a thread to resolve the empty address."""
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def raise_open_files() -> int:
    """Allow this process as many open files as the system lets it; how many that is. Each door and connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
