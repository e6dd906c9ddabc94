"""How many visitors the public port can take: pages a second on one core, and what a crowd at the door costs.

waker runs as installed, in a pod, and is asked at the pod's own address. It has one core to itself; the load, the cluster
and everything else have the other. Two apps are being woken and never get ready, so nobody is let through:
- bare: the floor, aiohttp with a handler that does nothing, in a pod too;
- page: browsers that ask for the page, 32 connections;
- crowd: the same beside 2,000 programs that are held and 2,000 pages that poll.
Pages a second as fast as they come; latency at that rate, and at a quiet 100 a second. On a machine that others use, too,
the CPU time a page is the figure to compare: one core alone gives 1,000,000 divided by it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench import footprint
from bench.tables import table
from bench.wake import holds
from tests.e2e import apps, controllers
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, until
from tests.e2e.install import InstalledWaker

IMAGES = {"waker:1": ("bare:1", "this Python"), "waker315:1": ("bare315:1", "3.15, lazy imports, -OO")}
PORT = 8080
NAMESPACE = "bench-visitors"
SETTINGS = {"wake-timeout": "1d", "hold-for": "1h"}  # nobody is stuck, nobody is let go
QUIET = 100  # pages a second
SETTLE = 12.0  # seconds; longer than a poll is held
OURS, OTHERS = 0, 1  # cores
HEAD = (
    "",
    "pages/s",
    "us of CPU a page",
    "p50 ms",
    "p99 ms",
    f"p50 at {QUIET}/s",
    "p99",
    "RSS MiB",
    "private MiB",
    "load's core",
)


class LoadTarget(NamedTuple):
    """A process under load."""

    process: int
    address: str
    hosts: tuple[str, ...]


def run(api: ClusterApi, crowd: int, seconds: int) -> None:
    """Print a row for each Python and each kind of load."""
    controllers.TRAEFIK.install(api)
    waker = InstalledWaker(api, settings=SETTINGS)
    waker.ensure()
    hosts = tuple(app.host for app in waking(api, waker))
    rows = []
    for image, (bare, title) in IMAGES.items():
        with pod(api, bare) as floor:
            rows.append(row(f"bare aiohttp, {title}", floor, seconds))
        footprint.renewed(api, waker, image)
        target = pinned(waker.processes()[0], waker.pods()[0]["status"]["podIP"], hosts)
        idle = footprint.memory(target.process)
        rows.append((f"idle, {title}", *[""] * 6, f"{idle.rss:.1f}", f"{idle.private:.1f}", ""))
        rows.append(row(f"page, {title}", target, seconds))
        with crowded(target, crowd, 8 * seconds):
            held = footprint.memory(target.process)
            rows.append(
                (f"{crowd} held, {crowd} polls, {title}", *[""] * 6, f"{held.rss:.1f}", f"{held.private:.1f}", "")
            )
            rows.append(row(f"page beside them, {title}", target, seconds))
        print(*rows, sep="\n", flush=True)
    print(table(HEAD, rows))


def row(title: str, target: LoadTarget, seconds: int) -> tuple[str, ...]:
    """Pages as fast as they come, then at a quiet pace."""
    before = footprint.cpu(target.process)
    fast = load(target, "page", connections=32, seconds=seconds)
    cost = 1e6 * (footprint.cpu(target.process) - before) / fast["rate"] / seconds
    calm = load(target, "page", connections=32, seconds=seconds, rate=QUIET)
    used = footprint.memory(target.process)
    if fast["statuses"].keys() != {"503"} or fast["lost"]:
        raise RuntimeError(f"not the page: {fast}")
    figures = (cost, fast["p50"], fast["p99"], calm["p50"], calm["p99"], used.rss, used.private)
    return (title, f"{fast['rate']:,.0f}", *(f"{each:.1f}" for each in figures), f"{fast['busy']:.0%}")


def load(target: LoadTarget, kind: str, **options: float) -> Any:
    """What a process full of visitors has measured."""
    return json.loads(_begun(target, kind, **options).communicate()[0])


def _begun(target: LoadTarget, kind: str, **options: float) -> "subprocess.Popen[bytes]":
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    program = [sys.executable, "-m", "bench.load", kind, target.address, *target.hosts, *words]
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, {OTHERS})
    return process


@contextmanager
def crowded(target: LoadTarget, count: int, seconds: int) -> Iterator[None]:
    """Programs that are held and pages that poll, as many of each. Says afterwards whether all of them were."""
    kinds = [_begun(target, kind, connections=count, seconds=seconds) for kind in ("hold", "poll")]
    time.sleep(SETTLE + count * 0.004)
    try:
        yield
    finally:
        for kind in kinds:
            told = json.loads(kind.communicate()[0])
            print({key: told[key] for key in ("statuses", "waiting", "lost", "p50", "p99")}, flush=True)


def waking(api: ClusterApi, waker: InstalledWaker) -> list[StageApp]:
    """Two apps (a thousand may wait for one) that were put to sleep and are asked for, and whose pods take for ever."""
    api.create_namespace(NAMESPACE)
    found = [StageApp(NAMESPACE, name, "traefik", fake=True) for name in ("shop", "blog")]
    for app in found:
        for obj in apps.objects(app):
            api.create(obj)
        until(f"{app.name} is awake", partial(holds, apps.awake, api, app), 60)
        waker.do("sleep", app.name, "-n", NAMESPACE)
        until(f"{app.name} is asleep", partial(holds, apps.asleep, api, app), 60)
        slow = {"metadata": {"annotations": {"ground/ready-after": "24h"}}}
        api.patch(app.kind, NAMESPACE, app.name, {"spec": {"template": slow}})
        waker.do("wake", app.name, "-n", NAMESPACE)
    return found


@contextmanager
def pod(api: ClusterApi, image: str) -> Iterator[LoadTarget]:
    """A pod of this image, for as long as the context is open."""
    name = image.partition(":")[0]
    container = {"name": "bare", "image": image, "args": ["run"]}
    account: Json = {"restartPolicy": "Never", "containers": [container]}
    api.create({"kind": "Pod", "metadata": {"namespace": NAMESPACE, "name": name}, "spec": account})
    found = until(f"{image} runs", lambda: _running(api.get("Pod", NAMESPACE, name)), 60)
    time.sleep(2)
    try:
        yield pinned(*found, ("bare",))
    finally:
        api.call("DELETE", f"api/v1/namespaces/{NAMESPACE}/pods/{name}?gracePeriodSeconds=0")


def _running(found: Json) -> tuple[int, str] | None:
    ids = [one["containerID"] for one in found["status"].get("containerStatuses", []) if "running" in one["state"]]
    return (int(ids[0].removeprefix("ground://")), found["status"]["podIP"]) if ids else None


def pinned(process: int, address: str, hosts: tuple[str, ...]) -> LoadTarget:
    """This process alone on its core, as far as the test cluster goes."""
    for other in (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()):
        for task in Path(f"/proc/{other}/task").glob("*"):
            try:
                os.sched_setaffinity(int(task.name), {OURS if other == process else OTHERS})
            except (ProcessLookupError, PermissionError):  # gone meanwhile, or the kernel's own
                continue
    return LoadTarget(process, f"{address}:{PORT}", hosts)
