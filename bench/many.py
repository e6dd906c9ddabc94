"""waker among thousands of apps on a real API server: how soon a new one is ready, what it takes, and how fast it wakes.

- ready: from the start of waker's process until /readyz says so; before it, until it answers at all, and until all is listed.
  `CPU`: what waker's own process has used by then; the rest it has waited, for the API server or for a core.
  `lists alone`: a client that lists the same objects in the same chunks, at the same time, and parses nothing;
- waits: the longest that /healthz waited meanwhile, and afterwards, asked every 20 ms;
- memory: after it has settled;
- wakes: 20 visitors ask at the doors of 20 sleeping apps at the same moment; until each one's replicas are set, as a watch
  shows. Also at the moment at which it gets ready, when it has not decided on most apps yet, and while it lists everything
  again: the API server was killed, has forgotten all old versions, and answers again.
Pods have no process and no ingress controller runs: what is measured is waker and the API server, on the same cores.
"""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

from bench import many_apps
from bench.footprint import MemorySample, cpu, memory
from bench.many_apps import ManyApps
from bench.tables import table
from tests.e2e import controllers
from tests.e2e.cluster import ApiAccess, ClusterApi, kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE, InstalledWaker

IMAGES = {"waker:1": "this Python", "waker315:1": "3.15, lazy imports, -OO"}
VISITORS = 20
SETTLE = 20.0  # seconds after waker is ready
LISTS = (
    "apis/apps/v1/deployments",
    "apis/apps/v1/statefulsets",
    "api/v1/services",
    "apis/networking.k8s.io/v1/ingresses",
    "apis/networking.k8s.io/v1/ingressclasses",
    "apis/discovery.k8s.io/v1/endpointslices?labelSelector=endpointslice.kubernetes.io/managed-by%3Dkubesleeper",
)
CHUNK = 50  # objects; as waker's informers
PRIVATE_PORT = 9090
TICKS = os.sysconf("SC_CLK_TCK")
HEAD = (
    "", "apps", "namespaces", "asleep", "answers s", "listed s", "ready s", "CPU s", "lists alone s", "waits ms", "RSS MiB",
    "private MiB",
)  # fmt: skip
WAKES_HEAD = ("20 visitors of 20 sleeping apps", "namespaces", "median s", "max s", "/healthz waits ms")


def run(api: ClusterApi, wanted: ManyApps, rounds: int) -> None:
    """Print how waker starts among these apps, and how fast it wakes some of them."""
    controllers.TRAEFIK.install(api)
    waker = InstalledWaker(api, settings={})
    waker.ensure()
    many_apps.create(api, waker, wanted, lambda: leave_alone(waker))
    print("all apps are there", flush=True)
    scale(waker, "waker315:1")
    until("every sleeping app has its own door", lambda: is_repaired(api, wanted), many_apps.PATIENCE, 2)
    print(many_apps.describe(api), flush=True)
    rows, wakes = [], []
    for image, title in IMAGES.items():
        leave_alone(waker)
        doors = iter(spread(many_apps.sleeping_doors(api)))
        figures, first = start(api, waker, image, dict(next(doors) for _ in range(VISITORS)))
        rows.append((title, str(wanted.total), str(wanted.namespaces), str(wanted.asleep), *figures))
        print(rows[-1], flush=True)
        wakes.append(
            (f"{title}, as it gets ready", str(wanted.namespaces), f"{median(first):.2f}", f"{max(first):.2f}", "")
        )
        print(wakes[-1], flush=True)
        for what in ("in peace", "while it lists again"):
            found, waits = [], [0.0]
            for _ in range(rounds):
                some = dict(next(doors) for _ in range(VISITORS))
                if what != "in peace":
                    relist(api, waker)
                try:
                    with watched(waker) as waits_now:
                        found += wake(api, waker, some)
                except OSError:
                    print(waker.log(), flush=True)
                    raise
                waits += waits_now
                settle(waker.pods()[0]["status"]["podIP"])
            figures = (f"{median(found):.2f}", f"{max(found):.2f}", f"{max(waits) * 1e3:.0f}")
            wakes.append((f"{title}, {what}", str(wanted.namespaces), *figures))
            print(wakes[-1], " ".join(f"{each:.2f}" for each in sorted(found)), flush=True)
    print(table(HEAD, rows))
    print(table(WAKES_HEAD, wakes))


def spread(doors: dict[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    """In an order in which neighbours are of different namespaces."""
    turns: dict[str, int] = {}
    order = []
    for place, door in sorted(doors.items()):
        turns[place[0]] = turns.get(place[0], 0) + 1
        order.append((turns[place[0]], place, door))
    return [(place, door) for _, place, door in sorted(order)]


def is_repaired(api: ClusterApi, wanted: ManyApps) -> bool:
    found = len(many_apps.sleeping_doors(api))
    print(f"{found} lead to their own doors", flush=True)
    return found >= wanted.asleep


# --- a new waker --------------------------------------------------------------------------------------------------


def leave_alone(waker: InstalledWaker) -> None:
    """No waker, and no ingress controller."""
    for namespace, name in ((NAMESPACE, DEPLOYMENT), (controllers.TRAEFIK.namespace, controllers.TRAEFIK.deployment)):
        kubectl("scale", f"deployment/{name}", "-n", namespace, "--replicas=0")
    until("the old pod is gone", lambda: not waker.pods(), 90)


def scale(waker: InstalledWaker, image: str) -> None:
    kubectl("set", "image", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, f"waker={image}")
    kubectl("scale", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, "--replicas=1")


def start(
    api: ClusterApi, waker: InstalledWaker, image: str, doors: dict[tuple[str, str], int]
) -> tuple[tuple[str, ...], list[float]]:
    """Start a new process of this image among all apps, and measure it until it has settled.

    Also the seconds until the replicas of the apps behind these doors are set, to which visitors come as soon as it is ready.
    """
    alone = lists_alone(api)
    scale(waker, image)
    (process,) = until("it runs", waker.processes, 60, 0.02)
    began = started_at(process)
    host = until("it has an address", lambda: waker.pods()[0]["status"].get("podIP"), 60, 0.02)
    until("it answers", lambda: asked(host, "/readyz") is not None, 120, 0.02)
    answers = time.monotonic() - began
    with watched(waker) as waits:
        until("it has listed everything", lambda: "not listed yet" not in unready(host), 120, 0.03)
        listed = time.monotonic() - began
        until("it is ready", lambda: unready(host) == "ok\n", 300, 0.03)
        ready, used_cpu = time.monotonic() - began, cpu(process)
        first = wake(api, waker, doors)
        settle(host)
        used: MemorySample = memory(process)
    figures = (answers, listed, ready, used_cpu, alone)
    row = (*(f"{each:.2f}" for each in figures), f"{max(waits) * 1e3:.0f}", f"{used.rss:.1f}", f"{used.private:.1f}")
    return row, first


def started_at(process: int) -> float:
    """When a process began, as `time.monotonic`."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / TICKS + time.monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME)


def asked(host: str, path: str, timeout: float = 30) -> str | None:
    """What the private port says, None if nothing."""
    connection = http.client.HTTPConnection(host, PRIVATE_PORT, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()


def settle(host: str) -> None:
    """Wait until it has nothing more to say to the API server: of each app whose visits cannot be seen it makes an Event."""
    time.sleep(SETTLE)
    before = -1.0
    while before != (before := calls(host, "POST")):
        time.sleep(2)


def unready(host: str) -> str:
    return asked(host, "/readyz") or "not listed yet"


@contextmanager
def watched(waker: InstalledWaker) -> Iterator[list[float]]:
    """How long each request for /healthz waited during the block, in seconds."""
    host = waker.pods()[0]["status"]["podIP"]
    waits: list[float] = [0.0]
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.02):
            began = time.monotonic()
            if asked(host, "/healthz") is not None:
                waits.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def lists_alone(api: ClusterApi) -> float:
    """Seconds to list what waker lists, in the same chunks and all kinds at the same time, and to parse nothing but tokens."""

    def list_one(path: str) -> None:
        connection, token = api.access.connect(60), ""
        while True:
            query = f"{'&' if '?' in path else '?'}limit={CHUNK}{token}"
            connection.request("GET", f"/{path}{query}", headers=api.access.headers)
            head = connection.getresponse().read().partition(b'"items"')[0]
            following = json.loads(head.rstrip(b", ") + b"}")["metadata"].get("continue")
            if not following:
                break
            token = f"&continue={following}"
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(len(LISTS)) as lists:
        list(lists.map(list_one, LISTS))
    return time.monotonic() - began


# --- visitors -----------------------------------------------------------------------------------------------------


def wake(api: ClusterApi, waker: InstalledWaker, doors: dict[tuple[str, str], int]) -> list[float]:
    """Ask at these doors at the same moment. Seconds until each app's replicas are set, as a watch shows."""
    host = waker.pods()[0]["status"]["podIP"]
    version = api.call("GET", "apis/apps/v1/deployments?limit=1")["metadata"]["resourceVersion"]
    begins = threading.Barrier(len(doors))
    asked_at: dict[tuple[str, str], float] = {}

    def visit(place: tuple[str, str]) -> None:
        connection = http.client.HTTPConnection(host, doors[place], timeout=60)
        begins.wait()
        asked_at[place] = time.monotonic()
        connection.request("GET", "/", headers={"Host": f"{place[1]}.{place[0]}.example.org", "Accept": "text/html"})
        connection.getresponse().read()
        connection.close()

    set_at: dict[tuple[str, str], float] = {}
    with ThreadPoolExecutor(len(doors) + 1) as visitors:
        watching = visitors.submit(watch_replicas, api.access, version, set(doors), set_at)
        list(visitors.map(visit, doors))
        watching.result()
    return [set_at[place] - asked_at[place] for place in doors]


def watch_replicas(access: ApiAccess, version: str, wanted: set[Any], set_at: dict[Any, float]) -> None:
    """When replicas of each of these Deployments were first seen to be more than 0."""
    connection = access.connect(120)
    path = f"/apis/apps/v1/deployments?watch=true&resourceVersion={version}"
    connection.request("GET", path, headers=access.headers)
    answer = connection.getresponse()
    while wanted - set_at.keys():
        found = json.loads(answer.readline())["object"]
        place = found["metadata"]["namespace"], found["metadata"]["name"]
        if place in wanted and found["spec"]["replicas"]:
            set_at.setdefault(place, time.monotonic())
    connection.close()


def relist(api: ClusterApi, waker: InstalledWaker) -> None:
    """Kill the API server, which has everybody list again; wait until it answers and waker has begun to list."""
    host = waker.pods()[0]["status"]["podIP"]
    os.kill(int((Path(os.environ["GROUND_DIR"]) / "pids" / "kube-apiserver").read_text()), signal.SIGKILL)
    before = calls(host, "GET")
    api.close()
    until("the API server answers", lambda: answers(api), 60, 0.05)
    until("waker lists again", lambda: calls(host, "GET") > before + 5, 60, 0.01)  # the Lease is one of them


def answers(api: ClusterApi) -> bool:
    with suppress(Exception):
        api.call("GET", "apis/apps/v1/deployments?limit=1")
        return True
    return False


def calls(host: str, verb: str) -> float:
    """How many calls with this verb the API server has answered to waker."""
    lines = (asked(host, "/metrics") or "").splitlines()
    found = [line for line in lines if line.startswith("kubesleeper_api_requests_total{")]
    return sum(float(line.split()[-1]) for line in found if 'code="20' in line and f'verb="{verb}"' in line)
