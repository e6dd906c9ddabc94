"""`waker demo`: the embedded cluster with sample apps, and the real service running beside it.

`cli` calls `show`. It is the only module of this room that knows waker, too. What happens is printed from the Events that
waker writes, just as kubectl would show them. With `--check`, one visitor waits until an app sleeps, wakes it, and checks
that everything is as before.
"""

import asyncio
import errno
import logging
import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp

from waker import names, process
from waker.demo.cluster import DemoCluster, Options
from waker.demo.kinds import EVENTS, Obj
from waker.demo.samples import SAMPLES, SampleApp, manifests
from waker.errors import DemoError
from waker.settings.flags import Settings

IDLE_AFTER: Final = "20s"
IDLE_AFTER_IN_CHECK: Final = "4s"
REPLICAS: Final = 2
LAST_PORT: Final = 65_535
WITHIN: Final = timedelta(seconds=40)
NAVIGATION: Final = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


async def show(*, check: bool, port: int) -> int:
    """Run the demo and return its exit code. Without `check` it runs until it is interrupted."""
    logging.getLogger().setLevel(logging.ERROR)  # the timeline shows the same
    options = Options(ingress_port=0 if check else port, lag=timedelta(seconds=1 if check else 2))
    try:
        async with DemoCluster(options) as cluster, asyncio.TaskGroup() as tasks:
            with tempfile.TemporaryDirectory() as folder:
                _load(cluster, idle_after=IDLE_AFTER_IN_CHECK if check else IDLE_AFTER)
                timeline = Timeline()
                events = tasks.create_task(timeline.print_events(cluster))
                waker = tasks.create_task(process.run(_settings(cluster, Path(folder))))
                code = await _check(cluster, timeline) if check else await _welcome(cluster, waker)
                events.cancel()
                waker.cancel()
                with suppress(asyncio.CancelledError):
                    await waker
                return code
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not check:
            raise DemoError(f"port {port} is in use; try `waker demo --port {_next(port)}`") from error
        raise DemoError(f"the demo cannot start: {error}") from error


def _next(port: int) -> int:
    return port + 1 if port < LAST_PORT else port - 1


def _load(cluster: DemoCluster, *, idle_after: str) -> None:
    data = {"idle-after": idle_after, "scrape-interval": "1s", "door-ports": _free_ports()}
    for name, content in ((names.CONFIG_MAP, data), (names.ACTIVITY, {})):
        metadata = {"name": name, "namespace": "kubesleeper"}
        cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": content}])
    for sample in SAMPLES.values():
        cluster.load(manifests(sample, "default", {names.ENABLED: "true"}, REPLICAS))


def _settings(cluster: DemoCluster, folder: Path) -> Settings:
    return Settings(
        namespace="kubesleeper",
        kubeconfig=str(cluster.kubeconfig(folder / "kubeconfig")),
        public_port=_free_port(),
        private_port=_free_port(),
        advertise="127.0.0.1",
        bind_address="127.0.0.1",
        identity="demo",
    )


def _free_ports() -> str:
    """As many as there can be doors here, one after the other: another demo may run on this machine."""
    for first in range(20_000, 29_990, 10):
        with ExitStack() as probes:
            try:
                for port in range(first, first + 10):
                    probes.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return f"{first}-{first + 9}"
    raise DemoError("no ten ports in a row are free from 20000 to 29999")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Timeline:
    """Prints what happens, a line each, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def print_line(self, who: str, what: str) -> None:
        """Print one line."""
        print(f"{time.monotonic() - self._started:6.1f}s  {who:<8} {what}", flush=True)

    async def print_events(self, cluster: DemoCluster) -> None:
        """Print each Event when it is written, for ever."""
        with cluster.store.subscribe(EVENTS) as changes:
            while True:
                for change in await changes.wait():
                    if change.old is None and change.new is not None:
                        event = change.new
                        self.print_line(event["involvedObject"]["name"], f"{event['reason']}: {event['message']}")


async def _welcome(cluster: DemoCluster, waker: "asyncio.Task[None]") -> int:
    print("This is an embedded cluster with three sample apps, and waker beside it.")
    print(f"An app sleeps after {IDLE_AFTER} without a visit. Open one, wait until it sleeps, and open it again:\n")
    for sample in SAMPLES.values():
        print(f"  {cluster.ingress_url(sample.host)}")
    print("\nPress Ctrl-C to stop.\n")
    await waker
    return 0


async def _check(cluster: DemoCluster, timeline: Timeline) -> int:
    sample = SAMPLES["shop"]
    before = _user_state(cluster, sample)
    try:
        timeline.print_line("visitor", "waits for the app to sleep")
        await cluster.until(lambda: _replicas(cluster, sample) == 0, WITHIN)
        await _visit(cluster, sample, timeline)
        await cluster.until(lambda: _user_state(cluster, sample) == before, WITHIN)
        timeline.print_line("visitor", f"all is well: {REPLICAS} replicas again, and the routes lead to the app")
    except (TimeoutError, DemoError) as error:
        timeline.print_line("visitor", f"FAILED: {error or 'timed out'}")
        return 1
    return 0


async def _visit(cluster: DemoCluster, sample: SampleApp, timeline: Timeline) -> None:
    """Visit as a browser does: get the waiting page, poll as the page does, then get the app."""
    url, host = cluster.ingress_url(), {"Host": sample.host}
    async with aiohttp.ClientSession() as session:
        timeline.print_line("visitor", f"opens http://{sample.host}/")
        async with session.get(url, headers=host | NAVIGATION) as page:
            if page.status != 503 or names.MARKER not in page.headers:
                raise DemoError(f"expected the waiting page, got {page.status}")
            timeline.print_line("visitor", f"sees the waiting page ({len(await page.read())} bytes)")
        async with asyncio.timeout(WITHIN.total_seconds()):
            while True:
                async with session.head(url, headers=host | {names.MARKER: names.MARK_POLL}) as poll:
                    if names.MARKER not in poll.headers:
                        break
        async with session.get(url, headers=host | NAVIGATION) as answer:
            if answer.status != 200 or sample.title not in await answer.text():
                raise DemoError(f"the waiting page gave way, but the app responded with {answer.status}")
        timeline.print_line("visitor", "sees the app")


def _replicas(cluster: DemoCluster, sample: SampleApp) -> int:
    return int(_object(cluster, "Deployment", sample)["spec"]["replicas"])


def _user_state(cluster: DemoCluster, sample: SampleApp) -> tuple[Obj, Obj, bool]:
    """Both specs that the user wrote, and whether the workload has replicas saved."""
    deployment, ingress = _object(cluster, "Deployment", sample), _object(cluster, "Ingress", sample)
    saved = names.SAVED_REPLICAS in deployment["metadata"].get("annotations", {})
    return deployment["spec"], ingress["spec"], saved


def _object(cluster: DemoCluster, kind: str, sample: SampleApp) -> Obj:
    found = cluster.get(kind, "default", sample.name)
    if found is None:
        raise DemoError(f"{kind} {sample.name} no longer exists")
    return found
