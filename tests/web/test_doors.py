"""The listening sockets of doors: how long each stays open, and a shortage of open files is reported once."""

import asyncio
import logging
import resource
import socket
from dataclasses import replace

import pytest

from waker.plan.doors import DoorBook, book_of
from waker.web import doors
from waker.web.connections import MAX_CONNECTIONS, READ_AHEAD
from waker.web.doors import DoorListeners
from waker.web.held_memory import BODY_AHEAD


def book(version: str, count: int) -> DoorBook:
    return book_of(version, {str(40_000 + i): f"Deployment demo/app-{i} app-{i}:http" for i in range(count)})


async def adjusted(listeners: DoorListeners, known: list[DoorBook], new: DoorBook) -> None:
    """The listeners have followed this book."""
    known[:] = [new]
    listeners.follow()
    async with asyncio.timeout(5):
        while listeners.version != new.version:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.005)


async def test_a_shortage_of_files_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(doors, "OTHER_FILES", limit - MAX_CONNECTIONS - 2)
    monkeypatch.setattr(doors, "listening_socket", lambda port, host="": _refused())
    caplog.set_level(logging.WARNING)
    known = [book("1", 2)]
    listeners = DoorListeners(lambda: known[0], lambda: None, "127.0.0.1")
    task = asyncio.create_task(listeners.run(asyncio.Protocol))
    await adjusted(listeners, known, book("1", 2))
    assert shortages(caplog) == []
    await adjusted(listeners, known, book("2", 3))
    await adjusted(listeners, known, book("3", 4))
    (said,) = shortages(caplog)
    assert "RLIMIT_NOFILE" in said
    assert str(limit) in said
    await adjusted(listeners, known, book("4", 1))
    await adjusted(listeners, known, book("5", 3))
    assert len(shortages(caplog)) == 2
    task.cancel()
    await asyncio.wait([task])


async def test_a_door_that_the_book_has_forgotten_is_closed_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old book that somebody restored is completed meanwhile."""
    monkeypatch.setattr(doors, "CLOSE_AFTER", 0.2)
    monkeypatch.setattr(doors, "TRY_AGAIN", 0.02)
    port = free_port()
    whole = book_of("1", {str(port): "Deployment demo/shop shop:http"})
    known = [whole]
    listeners = DoorListeners(lambda: known[0], lambda: None, "127.0.0.1")
    task = asyncio.create_task(listeners.run(asyncio.Protocol))
    await adjusted(listeners, known, whole)
    await adjusted(listeners, known, book("2", 0))
    assert listens(port)
    await adjusted(listeners, known, replace(whole, version="3"))
    await asyncio.sleep(0.3)
    assert listens(port)
    await adjusted(listeners, known, book("4", 0))
    async with asyncio.timeout(5):
        while listens(port):  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])


async def test_a_connection_that_arrives_in_the_last_moment_is_closed() -> None:
    """Its task is cancelled before it has begun, so the task itself closes nothing."""
    port = free_port()
    known = book_of("1", {str(port): "Deployment demo/shop shop:http"})
    listeners = DoorListeners(lambda: known, lambda: None, "127.0.0.1")
    task = asyncio.create_task(listeners.run(asyncio.Protocol))
    await adjusted(listeners, [], known)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as visitor:
        task.cancel()
        listeners._accept(asyncio.Protocol, port)
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert visitor.recv(1) == b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


def _refused() -> None:
    raise OSError("no port of this machine is needed here")


def shortages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "run short" in each.getMessage()]


async def test_a_connection_accepts_no_more_of_a_body_than_is_set_aside_for_it() -> None:
    with doors.listening_socket(0, "127.0.0.1") as door, socket.create_connection(door.getsockname()):
        accepted, _ = door.accept()
        with accepted:
            in_kernel = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert in_kernel == 2 * doors.RECEIVE_BUFFER, "Linux doubles it"
    assert in_kernel + 2 * READ_AHEAD <= BODY_AHEAD, "the HTTP library pauses at twice its limit"
