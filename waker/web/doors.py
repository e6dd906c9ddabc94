"""Listens at every door, so that a request is for the app at whose door it arrives.

All doors share one server of the HTTP library; a door is no more than a listening socket and a callback, for there may be
thousands (asyncio's own server object for each would double the cost). `service` calls `follow` whenever the
book of doors has changed. `report` is what the other replicas ask for before they send anybody here: up to which version
of the book this replica listens, and where it could not. The subtle thing: one port that cannot be opened (somebody else
has it, or there are no files left) closes that door alone, and is tried again.
"""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from waker.plan.doors import DoorBook
from waker.web.connections import MAX_CONNECTIONS

log = logging.getLogger(__name__)

BACKLOG: Final = 1024  # connections that wait to be accepted: many visitors may arrive at once
AT_ONCE: Final = 50  # sockets between two turns of the event loop; opening one takes 0.1 ms
# Bytes of a body that a connection accepts before we read them; Linux doubles it, and by itself goes up to MBs. One packet
# on a network with jumbo frames has 9,000.
RECEIVE_BUFFER: Final = 10 * 1024
ACCEPT_AT_ONCE: Final = 100  # connections at one door before others have their turn
TRY_AGAIN: Final = 5.0  # seconds
CLOSE_AFTER: Final = 60.0  # seconds; a book that was restored from a backup is completed by then
OTHER_FILES: Final = 1000  # requests that are being forwarded, scrapes, the API server
FILES_AGAIN: Final = 1.0  # seconds; until a file may be free again

Protocol = Callable[[], asyncio.Protocol]  # makes the HTTP library's protocol for one connection


class DoorListeners:
    """The listening sockets of this replica. `on_change` is called whenever `report` says something else."""

    def __init__(self, book: Callable[[], DoorBook], on_change: Callable[[], None], host: str = "") -> None:
        self.failed: dict[int, str] = {}  # why a door could not be opened
        self.version = ""  # of the book; all its doors are open, but those that failed
        self._book = book
        self._on_change = on_change
        self._host = host
        self._sockets: dict[int, socket.socket] = {}
        self._connecting: set[asyncio.Task[object]] = set()
        self._wanted = asyncio.Event()
        # When each socket that the book does not name is closed, by the loop's clock.
        self._close_at: dict[int, float] = {}
        self._short = False  # of files

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
                    async with asyncio.timeout(TRY_AGAIN if self.failed or self._close_at else None):
                        await self._wanted.wait()
                except TimeoutError:
                    continue
        finally:
            for number in list(self._sockets):
                self._close(number)
            for task in self._connecting:
                task.cancel()

    async def _adjust(self, protocol: Protocol) -> None:
        book, now = self._book(), asyncio.get_running_loop().time()
        left = self._sockets.keys() - book.doors.keys()
        self._close_at = {number: self._close_at.get(number, now + CLOSE_AFTER) for number in left}
        for number in [number for number, due in self._close_at.items() if due <= now]:
            del self._close_at[number]
            self._close(number)
        failed: dict[int, str] = {}
        for i, number in enumerate(sorted(book.doors.keys() - self._sockets.keys())):
            try:
                self._open(protocol, number)
            except OSError as error:
                failed[number] = str(error)
            if i % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        for number in failed.keys() - self.failed.keys():
            log.warning("door %d (%s) cannot be opened: %s", number, book.doors[number], failed[number])
        self._report_shortage(len(book.doors))
        changed = self.version != book.version or self.failed != failed
        self.failed, self.version = failed, book.version
        if changed:
            self._on_change()

    def _report_shortage(self, doors: int) -> None:
        """Once, until there is no shortage any more."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = doors + MAX_CONNECTIONS + OTHER_FILES
        is_short = limit != resource.RLIM_INFINITY and needed > limit
        if is_short and not self._short:
            log.warning(
                "open files may run short: %d doors and up to %d connections need %d, the limit (RLIMIT_NOFILE) is %d",
                doors,
                MAX_CONNECTIONS,
                needed,
                limit,
            )
        self._short = is_short

    def _open(self, protocol: Protocol, number: int) -> None:
        opened = self._sockets[number] = listening_socket(number, self._host)
        opened.settimeout(0)
        asyncio.get_running_loop().add_reader(opened.fileno(), self._accept, protocol, number)

    def _close(self, number: int) -> None:
        closed = self._sockets.pop(number)
        asyncio.get_running_loop().remove_reader(closed.fileno())
        closed.close()

    def _accept(self, protocol: Protocol, number: int) -> None:
        """Take what waits at this door. Without a free file it waits on, and is looked at again a little later."""
        loop, door = asyncio.get_running_loop(), self._sockets[number]
        for _ in range(ACCEPT_AT_ONCE):
            try:
                accepted, _peer = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("a connection at door %d cannot be accepted: %s", number, error)
                loop.remove_reader(door.fileno())
                loop.call_later(FILES_AGAIN, self._look_again, protocol, number)
                return
            accepted.settimeout(0)
            task = loop.create_task(self._connect(protocol, accepted))
            self._connecting.add(task)
            task.add_done_callback(partial(self._connected, accepted))

    def _connected(self, accepted: socket.socket, task: asyncio.Task[object]) -> None:
        """A task that is cancelled before it has begun closes nothing."""
        self._connecting.discard(task)
        if task.cancelled():
            accepted.close()

    async def _connect(self, protocol: Protocol, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, accepted)
        except BaseException as error:
            accepted.close()
            if not isinstance(error, OSError):  # else the visitor is gone already
                raise

    def _look_again(self, protocol: Protocol, number: int) -> None:
        if number in self._sockets:
            asyncio.get_running_loop().add_reader(self._sockets[number].fileno(), self._accept, protocol, number)


def listening_socket(port: int, host: str = "") -> socket.socket:
    """A socket for IPv4 and, if the machine has it, IPv6. asyncio would start a thread to resolve the empty address."""
    if not host and _has_dualstack_ipv6():
        opened = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)  # its connections inherit it
    return opened


@cache  # it opens a socket to find that out
def _has_dualstack_ipv6() -> bool:
    return socket.has_dualstack_ipv6()


def raise_open_files() -> int:
    """Allow this process as many open files as the system lets it; how many that is. Each door and connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
