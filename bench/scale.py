"""What thousands of apps cost one waker: its passes, the events that it hears, and memory. Needs no cluster.

Times are CPU times of this thread, as others may use the machine. `look`: observing one app. `pass`: a whole reconcile of it.
`Ingress event`: the longest of five changes of the Ingress that 500 apps share, from its JSON to the keys in the queue. While
traffic is unknown each app is reconciled again after the delay that a pass asks for; `unknown` is what that costs. Passes for a
namespace and for the book of doors are measured twice: if nothing has changed, and whole; `step` is the longest time for which
one of them keeps the event loop.
"""

import asyncio
import gc
import json
import logging
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Coroutine
from statistics import median
from typing import Any

from bench.crowd import Crowd, crowd, ingress
from bench.tables import table
from waker.cluster import collector
from waker.cluster.client import _decode
from waker.observe.keys import NamespaceKey
from waker.plan.model import AppId
from waker.reconcile.app import AppReconciler
from waker.reconcile.doors import DoorReconciler
from waker.reconcile.namespace import NamespaceReconciler

SAMPLES = 40  # apps
EVENTS = 5
PASSES = 3
HUGE = 16_000  # paths: about 1.5 MB, the most that etcd takes
HEAD = (
    "apps",
    "namespaces",
    "look ms",
    "pass ms",
    "unknown, % of a core",
    "Ingress event ms",
    "namespace pass ms",
    "door pass ms",
    "whole: namespace ms",
    "doors ms",
    "step ms",
    "KiB an app",
)


def run(counts: list[int], namespaces: list[int]) -> None:
    """Print a row for each number of apps and of namespaces, and what one huge Ingress costs."""
    logging.disable()
    rows = []
    for places in namespaces:
        for count in counts:
            rows.append(asyncio.run(row(count, places)))
            print(rows[-1], flush=True)
    print(table(HEAD, rows))
    head = (f"an Ingress of {HUGE} paths", "MB", "JSON ms", "event ms", "look ms", "pass ms")
    print(table(head, [asyncio.run(row_of_huge(one_app=each)) for each in (True, False)]), flush=True)


async def row(count: int, namespaces: int) -> tuple[str, ...]:
    """One size."""
    kib = await memory(count, namespaces)
    async with crowd(count, namespaces) as it:
        with collector.relaxed():  # as the service does
            it.fill()
        it.publish()
        look, one_pass, again = await cost_of_passes(it, it.apps[:: max(1, count // SAMPLES)])
        unknown = 100 * count * one_pass / again if again else 0.0
        cells = (look * 1e3, one_pass * 1e3, unknown, await event(it) * 1e3, *await other_passes(it), kib)
        gc.unfreeze()
    return (str(count), str(namespaces), *(f"{each:.2f}" for each in cells))


async def memory(count: int, namespaces: int) -> float:
    """KiB an app: objects, indexes, what was decided, and the book of doors."""
    async with crowd(count, namespaces) as it:
        gc.collect()
        tracemalloc.start()
        it.fill()
        it.publish()
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return used / count / 1024


async def cost_of_passes(it: Crowd, apps: list[AppId]) -> tuple[float, float, float]:
    """Seconds of a look and of a whole pass, medians; and after how many seconds the last pass wants to come again, or 0."""
    looks, passes, again = [], [], None
    for app in apps:
        looks.append(cpu(lambda app=app: it.waker.cluster.observe(app, it.waker.config.live)))  # type: ignore[misc]
    async with asyncio.TaskGroup() as tasks:
        background = tasks.create_task(asyncio.Event().wait())
        reconciler = AppReconciler(it.waker.context(tasks))
        for app in apps:
            seconds, again = await timed(lambda app=app: reconciler.reconcile(app))  # type: ignore[misc]
            passes.append(seconds)
        background.cancel()
        end(tasks)
    return median(looks), median(passes), again or 0.0


async def event(it: Crowd) -> float:
    """The longest time for which a change of the shared Ingress keeps the event loop."""
    apps = it.shared()
    found = [ingress(apps[0].namespace, "shared", apps, str(version)) for version in range(2, 2 + EVENTS)]
    return max(cpu(lambda each=each: it.put(each)) for each in found)  # type: ignore[misc]


async def other_passes(it: Crowd) -> tuple[float, ...]:
    """Milliseconds of a pass for the fullest namespace, and of one for the book of doors: if nothing has changed, and whole."""
    async with asyncio.TaskGroup() as tasks:
        context = it.waker.context(tasks)
        namespaces, doors = NamespaceReconciler(context), DoorReconciler(context)
        key = NamespaceKey(it.apps[0].namespace)
        whole: list[list[list[float]]] = [[], []]
        for _ in range(PASSES):
            namespaces._settled.clear()
            doors._settled = None
            for found, one in zip(whole, (namespaces.reconcile(key), doors.reconcile()), strict=True):
                found.append(steps(one))
        settled = [
            [(await timed(each))[0] * 1e3 for _ in range(PASSES)]
            for each in (lambda: namespaces.reconcile(key), doors.reconcile)
        ]
        end(tasks)
    longest = median(max(pair[0] + pair[1]) for pair in zip(*whole, strict=True))
    return (*map(median, settled), *(median(map(sum, found)) for found in whole), longest)


def steps(one_pass: Coroutine[Any, Any, float | None]) -> list[float]:
    """Milliseconds of CPU of each step of a pass, from one turn of the event loop to the next. It waits for nothing else."""
    found: list[float] = []
    while True:
        before = time.thread_time()
        try:
            one_pass.send(None)
        except StopIteration:
            return found
        finally:
            found.append((time.thread_time() - before) * 1e3)


async def row_of_huge(*, one_app: bool) -> tuple[str, ...]:
    """One Ingress as large as they can be: all of it for one app, or a path for each of many."""
    count = 1 if one_app else HUGE // 4
    async with crowd(count, 1) as it:
        it.fill()
        body = ingress("apps-0", "huge", it.apps, "2", HUGE // count)
        text = json.dumps(body)
        decoding, heard = cpu(lambda: _decode(text.encode())), cpu(lambda: it.put(body))
        look, one_pass, _ = await cost_of_passes(it, it.apps[:5])
    cells = (len(text) / 1e6, decoding * 1e3, heard * 1e3, look * 1e3, one_pass * 1e3)
    return ("of one app" if one_app else f"of {count} apps", *(f"{each:.2f}" for each in cells))


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU of one call."""
    before = time.thread_time()
    work()
    return time.thread_time() - before


async def timed(work: Callable[[], Awaitable[float | None]]) -> tuple[float, float | None]:
    """Seconds of CPU of one pass, and what it returns. Nothing else runs meanwhile."""
    before = time.thread_time()
    found = await work()
    return time.thread_time() - before, found


def end(tasks: asyncio.TaskGroup) -> None:
    """Cancel what the parts have started in the background."""
    for each in list(tasks._tasks):
        each.cancel()
