"""The listening sockets of doors: a shortage of open files is reported once."""

import asyncio
import logging
import resource

import pytest

from waker.plan.doors import DoorBook, book_of
from waker.web import doors
from waker.web.connections import MAX_CONNECTIONS
from waker.web.doors import DoorListeners


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


def _refused() -> None:
    raise OSError("no port of this machine is needed here")


def shortages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "run short" in each.getMessage()]
