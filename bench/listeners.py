"""One process that listens at so many doors as waker does, and says what that costs. `bench.doors` starts it."""

import asyncio
import json
import sys
import time
from pathlib import Path

from aiohttp import web

from waker.plan.doors import DoorBook, DoorKey, book_of
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend
from waker.web.connections import runner
from waker.web.doors import DoorListeners, raise_open_files

FIRST = 20_000


def private_bytes() -> int:
    """Private memory of this process."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Private_Dirty"))


def book(count: int) -> DoorBook:
    """So many doors, as the ConfigMap has them."""
    keys = [
        DoorKey(AppId(Kind.DEPLOYMENT, f"team-{i // 50}", f"app-{i}"), Backend(f"app-{i}", "http"))
        for i in range(count)
    ]
    return book_of("1", {"secret": "0" * 32} | {str(FIRST + i): str(key) for i, key in enumerate(keys)})


async def main(count: int) -> None:
    """Print seconds to listen, and bytes of the book and of the listeners."""
    raise_open_files()
    served = runner(web.Application())
    await served.setup()
    before = private_bytes()
    doors = book(count)
    with_book = private_bytes()
    listeners = DoorListeners(lambda: doors, lambda: None)
    began = time.monotonic()
    task = asyncio.create_task(listeners.run(served.server))  # type: ignore[arg-type]  # there is one after setup
    while not listeners.version:  # noqa: ASYNC110 nobody tells
        await asyncio.sleep(0.01)
    took = time.monotonic() - began
    found = {"seconds": took, "book": with_book - before, "listeners": private_bytes() - with_book}
    print(json.dumps(found | {"failed": len(listeners.failed)}), flush=True)
    task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
