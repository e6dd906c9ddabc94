"""What a piece of asynchronous work costs its process: time, memory, and how long it kept the event loop from others."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.001  # s; how often a task that wants nothing else asks for its turn
MIB = 1024.0  # /proc counts in KiB


@dataclass(slots=True)
class Cost:
    """Seconds and MiB. `gap`: the longest that the ticking task waited; `busy`: the most CPU that went by meanwhile.

    On a machine where others compute too, `gap` has their time in it and `busy` has not.
    """

    wall: float = 0.0
    cpu: float = 0.0
    gap: float = 0.0
    busy: float = 0.0
    peak: float = 0.0  # above what was there before


@asynccontextmanager
async def watched() -> AsyncIterator[Cost]:
    """Fills in the cost of what is done in the block."""
    gc.collect()
    forget_peak()
    before, cost = memory("VmRSS"), Cost()
    ticking = asyncio.create_task(tick(cost))
    await asyncio.sleep(0)
    wall, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu
    await asyncio.sleep(2 * EVERY)  # a block that never let go shows now
    ticking.cancel()
    cost.peak = memory("VmHWM") - before


async def tick(cost: Cost) -> None:
    """A task that others should never keep waiting."""
    wall, cpu = time.perf_counter(), time.thread_time()
    while True:
        await asyncio.sleep(EVERY)
        now, used = time.perf_counter(), time.thread_time()
        cost.gap, cost.busy = max(cost.gap, now - wall - EVERY), max(cost.busy, used - cpu)
        wall, cpu = now, used


def forget_peak() -> None:
    """The highest memory from now on: see proc(5), clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(field: str) -> float:
    """A field of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / MIB
