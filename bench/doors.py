"""What doors cost: memory and time to listen at them, and what ingress-nginx needs for a reload beside many of them.

The memory is that of a process of its own, on this Python and on 3.15 as in the image. A reload is timed from the patch of a
small Ingress, which moves from one Service to another, to the first answer of the other one; beside it stand keepers with so
many doors, as waker makes them, all leading to one pod. Beyond some 500 in one namespace ingress-nginx follows nothing more.
"""

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.listeners import book
from bench.tables import middle_and_most, table
from tests.e2e import apps, controllers, load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.load import VisitorAddress
from waker.plan import owned_objects
from waker.plan.doors import DoorBook, port_name
from waker.plan.owned_objects import DesiredObjects, DoorPort
from waker.plan.routes.keeper import ClassesSeen, keepers

IMAGES = {"listeners": "this Python", "listeners315": "3.15, lazy imports, -OO"}
NAMESPACE = "doors"
MOST_BEHIND_NGINX = 200  # see waker.plan.port_budget
NGINX_FAILS = 500
REST = (3.5, 7.0)  # seconds; ingress-nginx syncs at most every 3.3 s


def run(api: ClusterApi, counts: list[int], samples: int) -> None:
    """Print both tables."""
    print(table(("listening at doors", "doors", "s", "bytes a door", "of these the book"), list(listening(counts))))
    behind_nginx = [50, MOST_BEHIND_NGINX, *(each for each in counts if each <= NGINX_FAILS)]
    print(
        table(
            ("ingress-nginx: an Ingress is followed", "doors", "s", "max", "MiB"), reloads(api, behind_nginx, samples)
        )
    )


def listening(counts: list[int]) -> Iterator[tuple[str, ...]]:
    """A row for each Python and each number of doors."""
    images = Path(os.environ["GROUND_IMAGES"].partition(":")[0])
    for image, title in IMAGES.items():
        for count in filter(None, counts):
            command = ["unshare", "--mount", "--net", str(images / image), str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            if found["failed"]:
                raise RuntimeError(f"{found['failed']} doors could not be opened")
            each = (found["book"] + found["listeners"]) / count
            yield title, str(count), f"{found['seconds']:.2f}", f"{each:.0f}", f"{found['book'] / count:.0f}"


def reloads(api: ClusterApi, counts: list[int], samples: int) -> list[tuple[str, ...]]:
    """A row for each number of doors."""
    address = controllers.NGINX.install(api)
    api.create_namespace(NAMESPACE)
    one, two = (StageApp(NAMESPACE, name, "nginx") for name in ("one", "two"))
    for obj in (*apps.objects(one), *apps.objects(two)):
        api.create(obj)
    until("both apps are awake", lambda: not (apps.awake(api, one) or apps.awake(api, two)), 60)
    until("the first answers", lambda: answers(address, one) == "one", 60)
    (pod,) = (
        each["status"]["podIP"] for each in api.list("Pod", NAMESPACE) if each["metadata"]["name"].startswith("one")
    )
    rows: list[tuple[str, ...]] = []
    for count in sorted({0, *counts}):
        make_doors(api, book(count), pod)
        time.sleep(REST[1] * 2)
        took = [followed(api, address, one, ("one", "two")[i % 2]) for i in range(samples + 1)][1:]
        rows.append(("from the patch to the first answer", str(count), *middle_and_most(took, 2), resident()))
        print(rows[-1], flush=True)
    return rows


def make_doors(api: ClusterApi, doors: DoorBook, pod: str) -> None:
    """What waker keeps in one namespace for so many doors, which all lead to one pod."""
    kubectl(
        "delete", "ingress,service,endpointslice", "-n", NAMESPACE, "-l", "app.kubernetes.io/managed-by=kubesleeper"
    )
    ports = tuple(DoorPort(port_name(key), number) for number, key in doors.doors.items())
    if not ports:
        return
    numbers = frozenset(doors.doors)
    made: list[Json] = [{"apiVersion": "v1", "kind": "Service"} | owned_objects.service(ports)]
    slices = owned_objects.slices(DesiredObjects(ports, {pod: numbers}, ()), ())
    made += [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"} | each for each in slices]
    numbers_by_door = {key: number for number, key in doors.doors.items()}
    wanted = keepers(NAMESPACE, {"nginx": numbers_by_door}, doors, ClassesSeen({"nginx": "k8s.io/ingress-nginx"}))
    made += [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"} | each for each in wanted]
    for obj in made:
        obj["metadata"]["namespace"] = NAMESPACE
        api.create(obj)


def followed(api: ClusterApi, address: VisitorAddress, app: StageApp, now_at: str) -> float:
    """Seconds until the Ingress of an app is followed to the other one."""
    goal = "two" if now_at == "one" else "one"
    time.sleep(random.uniform(*REST))
    backend = {"service": {"name": goal, "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    began = time.monotonic()
    api.patch("Ingress", NAMESPACE, app.name, {"spec": {"rules": [{"host": app.host, "http": {"paths": paths}}]}})
    while answers(address, app) != goal:
        time.sleep(0.02)
    return time.monotonic() - began


def answers(address: VisitorAddress, app: StageApp) -> str:
    """Which app answers for this one's host."""
    for name in ("one", "two"):
        if load.ask_now(address, load.browser(app.host, name, "/")).who is load.Who.APP:
            return name
    return ""


def resident() -> str:
    """MiB of the controller's own process."""
    found = [each for each in Path("/proc").iterdir() if each.name.isdigit() and _is_controller(each)]
    sizes = [line for each in found for line in (each / "status").read_text().splitlines() if line.startswith("VmRSS")]
    return f"{sum(int(line.split()[1]) for line in sizes) / 1024:.0f}"


def _is_controller(process: Path) -> bool:
    try:
        return b"nginx-ingress-controller" in (process / "cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return False
