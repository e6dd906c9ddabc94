"""What an idle waker costs: memory and CPU with 0, 100 and 1,000 sleeping apps, on this Python and on 3.15 as in the image.

One app is put to sleep as usual. The others are copies of its objects as the API server then holds them: a thousand take
seconds, and the bench needs to know nothing of waker's formats. For each row a new waker process starts, lists all apps,
settles, and is measured while nothing happens.
"""

import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from bench.tables import middle_and_most, table
from tests.e2e import apps, controllers
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE, InstalledWaker

IMAGES = {"waker:1": "this Python", "waker315:1": "3.15, lazy imports, -OO"}
PER_NAMESPACE = 50  # apps
SETTLE = 20.0  # seconds after waker is ready
MIB = 1024.0  # smaps_rollup counts in KiB
ESTABLISHED = "01"  # in /proc/net/tcp
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = ("Deployment", "Service", "Ingress")


class MemorySample(NamedTuple):
    """Memory of a process, in MiB."""

    rss: float
    private: float


def run(api: ClusterApi, counts: list[int], seconds: int) -> None:
    """Print a row for each Python and each number of apps."""
    controllers.TRAEFIK.install(api)
    waker = InstalledWaker(api, settings={})  # with the default settings, not those of tests
    waker.ensure()
    rows, made = [], 0
    for count in sorted(counts):
        if count and not made:
            create_first(api, waker)
            made = 1
        stop(waker)
        create_copies(api, made, count)
        made = max(made, count)
        for image, title in IMAGES.items():
            restart(api, waker, image)
            rows.append((title, str(count), *row(waker, seconds)))
            check_asleep(api, count)
            print(rows[-1], flush=True)
    head = ("idle waker", "sleeping apps", "RSS MiB", "max", "private MiB", "max", "CPU cores", "threads")
    print(table(head, sorted(rows, key=lambda each: (each[0], int(each[1])))))


def row(waker: InstalledWaker, seconds: int) -> tuple[str, ...]:
    """Measure waker's only process once a second, for so many seconds."""
    (process,) = waker.processes()
    before, began, samples = cpu(process), time.monotonic(), []
    while time.monotonic() < began + seconds:
        samples.append(memory(process))
        time.sleep(1)
    used = (cpu(process) - before) / (time.monotonic() - began)
    rss = middle_and_most([each.rss for each in samples], 1)
    private = middle_and_most([each.private for each in samples], 1)
    return (*rss, *private, f"{used:.4f}", str(len(list(Path(f"/proc/{process}/task").iterdir()))))


def memory(process: int) -> MemorySample:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:])
    return MemorySample(int(fields["Rss"].split()[0]) / MIB, int(fields["Private_Dirty"].split()[0]) / MIB)


def unread(process: int) -> float:
    """What has arrived in the network namespace of this process and was not read yet, in MiB."""
    queues = [
        line.split()[4].partition(":")[2]
        for table_of in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{table_of}").read_text().splitlines()[1:]
        if line.split()[3] == ESTABLISHED
    ]
    return sum(int(each, 16) for each in queues) / MIB**2


def cpu(process: int) -> float:
    """The process's CPU time so far, user and system, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def restart(api: ClusterApi, waker: InstalledWaker, image: str) -> None:
    """Start a new process of this image, and let it settle."""
    stop(waker)
    kubectl("set", "image", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, f"waker={image}")
    kubectl("scale", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, "--replicas=1")
    until(f"{image} is ready", waker.ready, 120)
    time.sleep(SETTLE)


def stop(waker: InstalledWaker) -> None:
    kubectl("scale", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, "--replicas=0")
    until("the old pod is gone", lambda: not waker.pods(), 60)


def create_copies(api: ClusterApi, made: int, wanted: int) -> None:
    """Create sleeping apps until there are `wanted`. No waker runs, as it would repair apps that are half created."""
    for number in range(made, wanted):
        namespace = f"apps-{number // PER_NAMESPACE}"
        if number % PER_NAMESPACE == 0:
            api.create_namespace(namespace)
        for obj in copied_objects(api):
            api.create(renamed(obj, namespace, f"app-{number}"))


def check_asleep(api: ClusterApi, count: int) -> None:
    """Check that the measurement has woken no app."""
    namespaces = {f"apps-{number // PER_NAMESPACE}" for number in range(count)}
    found = [obj["spec"]["replicas"] for namespace in namespaces for obj in api.list("Deployment", namespace)]
    if found != [0] * count:
        raise RuntimeError(f"{count} apps should be asleep; {found.count(0)} of {len(found)} are")


def create_first(api: ClusterApi, waker: InstalledWaker) -> None:
    """Create one app and put it to sleep as usual; the others are copies of it."""
    api.create_namespace("apps-0")
    app = StageApp("apps-0", "app-0", "traefik", fake=True)
    for obj in apps.objects(app):
        api.create(obj)
    until("the first app is awake", lambda: not apps.awake(api, app), 60)
    waker.do("sleep", app.name, "-n", app.namespace)
    until("the first app is asleep", lambda: not apps.asleep(api, app), 60)


def copied_objects(api: ClusterApi) -> list[Json]:
    """The first app's objects as the API server holds them, without the fields that only one object can have."""
    found: list[Json] = [api.get(kind, "apps-0", "app-0") | {"kind": kind} for kind in KINDS]
    for obj in found:
        obj.pop("status", None)
        obj["metadata"] = {key: obj["metadata"].get(key) for key in ("name", "namespace", "labels", "annotations")}
        for own in ("clusterIP", "clusterIPs"):
            obj["spec"].pop(own, None)
    return found


def renamed(obj: Json, namespace: str, name: str) -> Json:
    text = json.dumps(obj).replace("apps-0", namespace).replace("app-0", name)
    found: Json = json.loads(text)
    return found
