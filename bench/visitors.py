"""How many visitors the public port can serve: waiting pages a second on one core, alone and beside thousands who wait.

waker runs in a pod as installed, and the load goes to the pod's own address. waker has one core to itself; the load, the
cluster and everything else have the other. Two apps are being woken and never become ready, so nobody is let through:
- bare aiohttp: the floor, a handler that does nothing, also in a pod;
- page: browsers that ask for the waiting page, on 32 connections;
- page beside them: pages again, while 2,000 programs are held and 2,000 waiting pages poll.
- tabs: 10,000 tabs of one app's waiting page, as many as ask when waker says, and as many that ask once a second.
Rows show pages a second at full speed, and latency at that speed and at 100 a second. On a machine that others use too,
compare the CPU time a page: a core of its own serves 1,000,000 divided by it.
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

from bench import footprint
from bench.load_target import OTHER_CORE, WAKER_CORE, LoadTarget, load, start
from bench.tables import table
from bench.wake import holds
from tests.e2e import apps, controllers
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, until
from tests.e2e.install import InstalledWaker

IMAGES = {"waker:1": ("bare:1", "this Python"), "waker315:1": ("bare315:1", "3.15, lazy imports, -OO")}
PORT = 8080
NAMESPACE = "bench-visitors"
SETTINGS = {"wake-timeout": "1d", "hold-for": "5m"}  # no wake times out, no held request is released
QUIET = 100  # pages a second
CROWD_SECONDS = 50  # two of the longest pauses
CROWD_HEAD = ("", "polls/s", "longest pause, s", "waker's core busy", "RSS MiB", "connections lost")
SETTLE = 12.0  # seconds; longer than a poll is held
HEAD = (
    "",
    "pages/s",
    "CPU us a page",
    "p50 ms",
    "p99 ms",
    f"p50 ms at {QUIET}/s",
    f"p99 ms at {QUIET}/s",
    "RSS MiB",
    "private MiB",
    "load's core busy",
)


def run(api: ClusterApi, crowd: int, seconds: int) -> None:
    """Print a row for each Python and each kind of load."""
    waker, hosts = prepare(api)
    rows: list[tuple[str, ...]] = []
    crowds: list[tuple[str, ...]] = []
    for image, (bare, title) in IMAGES.items():
        with pod(api, bare) as floor:
            rows.append(row(f"bare aiohttp, {title}", floor, seconds))
        footprint.restart(api, waker, image)
        target = pinned(waker.processes()[0], waker.pods()[0]["status"]["podIP"], hosts)
        idle = footprint.memory(target.process)
        rows.append((f"idle, {title}", *[""] * 6, f"{idle.rss:.1f}", f"{idle.private:.1f}", ""))
        rows.append(row(f"page, {title}", target, seconds))
        with waiting_crowd(target, crowd, 8 * seconds):
            held = footprint.memory(target.process)
            rows.append(
                (f"{crowd} held, {crowd} polling, {title}", *[""] * 6, f"{held.rss:.1f}", f"{held.private:.1f}", "")
            )
            rows.append(row(f"page beside them, {title}", target, seconds))
        crowds += [crowd_row(target, title, *words) for words in ((), ("--heedless",))]
        print(*rows, *crowds, sep="\n", flush=True)
    print(table(HEAD, rows))
    print(table(CROWD_HEAD, crowds))


def prepare(api: ClusterApi) -> tuple[InstalledWaker, tuple[str, ...]]:
    """Install waker, with two apps that never become ready. Gives HOST:PORT of their doors, too."""
    controllers.TRAEFIK.install(api)
    waker = InstalledWaker(api, settings=SETTINGS)
    waker.ensure()
    return waker, tuple(f"{app.host}:{door(api, app)}" for app in waking_apps(api, waker))


def row(title: str, target: LoadTarget, seconds: int) -> tuple[str, ...]:
    """A row of pages at full speed, then at a quiet rate."""
    before = footprint.cpu(target.process)
    fast = load(target, "page", connections=32, seconds=seconds)
    if not fast["rate"]:
        raise RuntimeError("no page came back at all: the machine is too busy")
    cost = 1e6 * (footprint.cpu(target.process) - before) / fast["rate"] / seconds
    calm = load(target, "page", connections=32, seconds=seconds, rate=QUIET)
    used = footprint.memory(target.process)
    if fast["statuses"].keys() != {"503"} or fast["lost"]:
        raise RuntimeError(f"something else than the waiting page came back: {fast}")
    figures = (cost, fast["p50"], fast["p99"], calm["p50"], calm["p99"], used.rss, used.private)
    return (title, f"{fast['rate']:,.0f}", *(f"{each:.1f}" for each in figures), f"{fast['busy']:.0%}")


def crowd_row(target: LoadTarget, title: str, *words: str) -> tuple[str, ...]:
    """A row of tabs of one app."""
    before, began = footprint.cpu(target.process), time.monotonic()
    program = [
        sys.executable,
        "-m",
        "bench.tabs",
        target.address,
        target.hosts[0],
        "--seconds",
        str(CROWD_SECONDS),
        *words,
    ]
    running = subprocess.Popen(program, stdout=subprocess.PIPE)
    os.sched_setaffinity(running.pid, {OTHER_CORE})
    found = json.loads(running.communicate()[0])
    busy = (footprint.cpu(target.process) - before) / (time.monotonic() - began)
    kind = "that ask once a second" if words else "that ask when waker says"
    rss = footprint.memory(target.process).rss
    figures = (f"{found['rate']:,.0f}", f"{found['longest']:.0f}", f"{busy:.0%}", f"{rss:.1f}", str(found["failed"]))
    return (f"10,000 tabs {kind}, {title}", *figures)


@contextmanager
def waiting_crowd(target: LoadTarget, count: int, seconds: int) -> Iterator[None]:
    """Hold `count` programs and let `count` waiting pages poll, and print at the end how they fared."""
    kinds = [start(target, kind, connections=count, seconds=seconds) for kind in ("hold", "poll")]
    time.sleep(SETTLE + count * 0.004)
    try:
        yield
    finally:
        for kind in kinds:
            summary = json.loads(kind.communicate()[0])
            print({key: summary[key] for key in ("statuses", "waiting", "lost", "p50", "p99")}, flush=True)


def waking_apps(api: ClusterApi, waker: InstalledWaker) -> list[StageApp]:
    """Two apps that are being woken and whose pods never become ready. Two, as each holds at most 1,000 requests."""
    api.create_namespace(NAMESPACE)
    found = [StageApp(f"{NAMESPACE}-{name}", name, "traefik", fake=True) for name in ("shop", "blog")]
    for app in found:
        api.create_namespace(app.namespace)
        for obj in apps.objects(app):
            api.create(obj)
        until(f"{app.name} is awake", partial(holds, apps.awake, api, app), 60)
        waker.do("sleep", app.name, "-n", app.namespace)
        until(f"{app.name} is asleep", partial(holds, apps.asleep, api, app), 60)
        slow = {"metadata": {"annotations": {"ground/ready-after": "24h"}}}
        api.patch(app.kind, app.namespace, app.name, {"spec": {"template": slow}})
        waker.do("wake", app.name, "-n", app.namespace)
    return found


def door(api: ClusterApi, app: StageApp) -> int:
    """The port of waker to which a sleeping app's Ingress leads."""
    (rule,) = api.get("Ingress", app.namespace, app.name)["spec"]["rules"]
    return int(rule["http"]["paths"][0]["backend"]["service"]["port"]["number"])


@contextmanager
def pod(api: ClusterApi, image: str) -> Iterator[LoadTarget]:
    """Run a pod of this image during the block."""
    name = image.partition(":")[0]
    container = {"name": "bare", "image": image, "args": ["run"]}
    account: Json = {"restartPolicy": "Never", "containers": [container]}
    api.create({"kind": "Pod", "metadata": {"namespace": NAMESPACE, "name": name}, "spec": account})
    found = until(f"{image} runs", lambda: _running(api.get("Pod", NAMESPACE, name)), 60)
    time.sleep(2)
    try:
        yield pinned(*found, (f"bare:{PORT}",))
    finally:
        api.call("DELETE", f"api/v1/namespaces/{NAMESPACE}/pods/{name}?gracePeriodSeconds=0")


def _running(found: Json) -> tuple[int, str] | None:
    ids = [one["containerID"] for one in found["status"].get("containerStatuses", []) if "running" in one["state"]]
    return (int(ids[0].removeprefix("ground://")), found["status"]["podIP"]) if ids else None


def pinned(process: int, address: str, hosts: tuple[str, ...]) -> LoadTarget:
    """Give this process a core to itself, as far as the test cluster's processes go."""
    for other in (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()):
        for task in Path(f"/proc/{other}/task").glob("*"):
            try:
                os.sched_setaffinity(int(task.name), {WAKER_CORE if other == process else OTHER_CORE})
            except (ProcessLookupError, PermissionError):  # gone meanwhile, or the kernel's own
                continue
    return LoadTarget(process, address, hosts)
