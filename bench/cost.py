"""What a piece of asynchronous work costs its process: time, memory, and how long it keeps the event loop from others.

`async with measured() as cost:` fills in the cost of the block. It reads /proc, so it works on Linux only.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.001  # seconds between two turns of the ticking task
MIB = 1024.0  # /proc counts in KiB


@dataclass(slots=True)
class Cost:
    """Seconds and MiB. `gap`: the longest wait of the ticking task. `busy`: the most CPU time used during one wait.

    On a machine that others use too, their time is in `gap` but not in `busy`.
    """

    wall: float = 0.0
    cpu: float = 0.0
    gap: float = 0.0
    busy: float = 0.0
    peak: float = 0.0  # above the memory before


@asynccontextmanager
async def measured() -> AsyncIterator[Cost]:
    """Measure the work in the block."""
    gc.collect()
    reset_peak()
    before, cost = memory("VmRSS"), Cost()
    ticking = asyncio.create_task(tick(cost))
    await asyncio.sleep(0)
    wall, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu
    await asyncio.sleep(2 * EVERY)  # shows a block that never let others run
    ticking.cancel()
    cost.peak = memory("VmHWM") - before


async def tick(cost: Cost) -> None:
    """Note how long each turn is late. Other work should never make it late."""
    wall, cpu = time.perf_counter(), time.thread_time()
    while True:
        await asyncio.sleep(EVERY)
        now, used = time.perf_counter(), time.thread_time()
        cost.gap, cost.busy = max(cost.gap, now - wall - EVERY), max(cost.busy, used - cpu)
        wall, cpu = now, used


def reset_peak() -> None:
    """Make the kernel measure peak memory from now on: proc(5), clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(field: str) -> float:
    """A field of /proc/self/status, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / MIB
