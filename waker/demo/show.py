"""`waker demo`: the embedded cluster with sample apps, and the very same waker beside it.

The only module of this room that knows both sides. It tells what happens by the Events that waker writes, as anybody
would read them with kubectl. `--check` is one visitor who goes through a whole cycle and says whether all was well.
"""

import asyncio
import logging
import socket
import tempfile
import time
from contextlib import suppress
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

IDLE_AFTER: Final = {True: "4s", False: "20s"}  # when checked, when shown
REPLICAS: Final = 2
WITHIN: Final = timedelta(seconds=40)
NAVIGATION: Final = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


async def show(*, check: bool, port: int) -> int:
    """Run it; the exit code. Without `check` until it is interrupted."""
    logging.getLogger().setLevel(logging.ERROR)  # the timeline says the same
    options = Options(ingress_port=0 if check else port, lag=timedelta(seconds=1 if check else 2))
    try:
        async with DemoCluster(options) as cluster, asyncio.TaskGroup() as tasks:
            with tempfile.TemporaryDirectory() as folder:
                _load(cluster, idle_after=IDLE_AFTER[check])
                timeline = Timeline()
                telling = tasks.create_task(timeline.run(cluster))
                waker = tasks.create_task(process.run(_settings(cluster, Path(folder))))
                code = await _check(cluster, timeline) if check else await _welcome(cluster, waker)
                telling.cancel()
                waker.cancel()
                with suppress(asyncio.CancelledError):
                    await waker
                return code
    except OSError as error:
        raise DemoError(f"the demo cannot start: {error}") from error


def _load(cluster: DemoCluster, *, idle_after: str) -> None:
    data = {"idle-after": idle_after, "scrape-interval": "1s"}
    for name, content in ((names.CONFIG_MAP, data), (names.ACTIVITY, {})):
        metadata = {"name": name, "namespace": "kubesleeper"}
        cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": content}])
    for sample in SAMPLES.values():
        cluster.load(manifests(sample, "default", {names.ENABLED: "true"}, REPLICAS))


def _settings(cluster: DemoCluster, folder: Path) -> Settings:
    public = _free_port()
    return Settings(
        namespace="kubesleeper",
        kubeconfig=str(cluster.kubeconfig(folder / "kubeconfig")),
        public_port=public,
        private_port=_free_port(),
        advertise=f"127.0.0.1:{public}",
        identity="demo",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Timeline:
    """What happened, line by line, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, who: str, what: str) -> None:
        """Print one line."""
        print(f"{time.monotonic() - self._began:6.1f}s  {who:<8} {what}", flush=True)

    async def run(self, cluster: DemoCluster) -> None:
        """Print each Event as it is written."""
        with cluster.store.subscribe(EVENTS) as changes:
            while True:
                for change in await changes.wait():
                    if change.old is None and change.new is not None:
                        event = change.new
                        self.say(event["involvedObject"]["name"], f"{event['reason']}: {event['message']}")


async def _welcome(cluster: DemoCluster, waker: "asyncio.Task[None]") -> int:
    print("An embedded cluster with three sample apps, and waker beside it. They sleep after 20s without a visit.")
    print("Open one, wait until it sleeps, and open it again:\n")
    for sample in SAMPLES.values():
        print(f"  {cluster.ingress_url(sample.host)}")
    print("\nCtrl-C ends it.\n")
    await waker
    return 0


async def _check(cluster: DemoCluster, timeline: Timeline) -> int:
    sample = SAMPLES["shop"]
    before = _intent(cluster, sample)
    try:
        timeline.say("visitor", "waits until the app sleeps")
        await cluster.until(lambda: _replicas(cluster, sample) == 0, WITHIN)
        await _visit(cluster, sample, timeline)
        await cluster.until(lambda: _intent(cluster, sample) == before, WITHIN)
        timeline.say("visitor", f"replicas are {REPLICAS} again and the routes lead to the app: all is well")
    except (TimeoutError, DemoError) as error:
        timeline.say("visitor", f"FAILED: {error or 'not in time'}")
        return 1
    return 0


async def _visit(cluster: DemoCluster, sample: SampleApp, timeline: Timeline) -> None:
    """As a browser does: the page, its polls, then the app."""
    url, host = cluster.ingress_url(), {"Host": sample.host}
    async with aiohttp.ClientSession() as session:
        timeline.say("visitor", f"asks for http://{sample.host}/")
        async with session.get(url, headers=host | NAVIGATION) as page:
            if page.status != 503 or names.MARKER not in page.headers:
                raise DemoError(f"expected the waiting page, got {page.status}")
            timeline.say("visitor", f"sees the waiting page ({len(await page.read())} bytes)")
        async with asyncio.timeout(WITHIN.total_seconds()):
            while True:
                async with session.head(url, headers=host | {names.MARKER: names.MARK_POLL}) as poll:
                    if names.MARKER not in poll.headers:
                        break
        async with session.get(url, headers=host | NAVIGATION) as answer:
            if answer.status != 200 or sample.title not in await answer.text():
                raise DemoError(f"the page let go, but the app did not answer: {answer.status}")
        timeline.say("visitor", "sees the app")


def _replicas(cluster: DemoCluster, sample: SampleApp) -> int:
    return int(_object(cluster, "Deployment", sample)["spec"]["replicas"])


def _intent(cluster: DemoCluster, sample: SampleApp) -> tuple[Obj, Obj, bool]:
    """What the user wrote, and whether anything of a sleep is left."""
    deployment, ingress = _object(cluster, "Deployment", sample), _object(cluster, "Ingress", sample)
    left = names.SAVED_REPLICAS in deployment["metadata"].get("annotations", {})
    return deployment["spec"], ingress["spec"], left


def _object(cluster: DemoCluster, kind: str, sample: SampleApp) -> Obj:
    found = cluster.get(kind, "default", sample.name)
    if found is None:
        raise DemoError(f"{kind} {sample.name} is gone")
    return found
