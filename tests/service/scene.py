"""The stage of every test in here: an embedded cluster with sample apps, wakers beside it, visitors, and a witness.

`async with scene(tmp_path) as it:` gives a cluster whose shop is open, `async with it.waker():` runs the whole service
against it. A scene that ends has broken none of the laws that its `witness` knows.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.ports import next_port, next_range
from tests.service.witness import Witness, backends, is_ours
from waker import names, process
from waker.demo import kinds
from waker.demo.cluster import DemoCluster, Options
from waker.demo.kinds import Key, Obj
from waker.demo.samples import SAMPLES, SampleApp, manifests
from waker.plan.model import AppId, Kind
from waker.plan.times import format_time
from waker.service import Waker
from waker.settings.configmap import Live
from waker.settings.flags import Settings
from waker.settings.parsing import PortRange

WITHIN = timedelta(seconds=15)  # on a busy machine
LONGEST = 30  # seconds; a test that waits for what never comes
LAG = timedelta(milliseconds=20)
SHOP = replace(SAMPLES["shop"], ready_after="20ms")
SHOP_ID = AppId(Kind.DEPLOYMENT, "default", "shop")
BLOG = replace(SAMPLES["blog"], ready_after="20ms")
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
ENABLED = {names.ENABLED: "true"}
WRITES = ("create", "update", "patch", "delete", "deletecollection")
NEVER = Live(idle_after=timedelta(days=1), scrape_interval=timedelta(milliseconds=100))
QUICK = replace(NEVER, idle_after=timedelta(milliseconds=300))


@dataclass(frozen=True)
class SceneVisit:
    """What a visitor got."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def page(self) -> bool:
        """Is it waker's own answer?"""
        return names.MARKER in self.headers


@dataclass
class RunningWaker:
    """A waker at work. `crash` ends it as SIGKILL would, as far as the cluster can tell."""

    service: Waker
    settings: Settings
    task: "asyncio.Task[None]"

    async def crash(self) -> None:
        """End at once: the Lease is not released, and nobody hears of it."""
        self.service.lease._renewed = float("-inf")
        self.task.cancel()
        await asyncio.wait([self.task])


@dataclass
class ServiceScene:
    """An embedded cluster with its apps, in which wakers are started."""

    cluster: DemoCluster
    folder: Path
    session: aiohttp.ClientSession
    tasks: asyncio.TaskGroup
    port: int  # of waker; a container that is started again listens where it did
    started: list[RunningWaker] = field(default_factory=list)
    doors: PortRange = field(default_factory=next_range)

    # --- the cluster ---

    def deploy(self, sample: SampleApp, replicas: int, **annotations: str) -> None:
        """An app with its Service and its Ingress. `idle_after="1s"` is an annotation."""
        written = {f"{names.DOMAIN}/{key.replace('_', '-')}": text for key, text in annotations.items()}
        self.cluster.load(manifests(sample, "default", ENABLED | written, replicas))

    def deployment(self, name: str = "shop") -> Obj:
        """As it is now."""
        return self._get("Deployment", name)

    def ingress(self, name: str = "shop") -> Obj:
        """As it is now."""
        return self._get("Ingress", name)

    def _get(self, kind: str, name: str) -> Obj:
        found = self.cluster.get(kind, "default", name)
        assert found, f"{kind} {name} is gone"
        return found

    def replicas(self, name: str = "shop") -> int:
        """What its user sees."""
        return int(self.deployment(name)["spec"]["replicas"])

    def noted(self, name: str = "shop") -> dict[str, str]:
        """KubeSleeper's annotations on a Deployment."""
        found = self.deployment(name)["metadata"].get("annotations") or {}
        return {key: text for key, text in found.items() if key.startswith(names.DOMAIN)}

    def version(self, name: str = "shop") -> int:
        """How often its spec or its annotations were changed; writes that were refused do not count."""
        return int(self.deployment(name)["metadata"]["generation"])

    def held(self, name: str = "shop") -> bool:
        """Does any of its routes lead to waker?"""
        return bool(backends(self.ingress(name)) & {names.WAKER_SERVICE})

    def annotate(self, key: str, text: str | None, name: str = "shop") -> None:
        """As `kubectl annotate` does."""
        patch = {"metadata": {"annotations": {key: text}}}
        self.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", name), MERGE, patch)

    def configure(self, **data: str | None) -> None:
        """Write the ConfigMap, or change keys of it: `configure(idle_after="1s")`. The doors stay where they are."""
        written = {key.replace("_", "-"): text for key, text in data.items()}
        key = Key("kubesleeper", names.CONFIG_MAP)
        if self.cluster.get("ConfigMap", *key):
            self.cluster.verbs.patch(kinds.CONFIG_MAPS, key, MERGE, {"data": written})
            return
        metadata = {"name": key.name, "namespace": key.namespace}
        doors = {"door-ports": str(self.doors)}
        self.cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": doors | written}])

    def wish(self, name: str = "shop") -> Any:
        """All that a user wrote about an app: specs, and annotations that are not waker's own notes."""
        ingress, deployment = self.ingress(name), self.deployment(name)
        theirs = {key: text for key, text in self.noted(name).items() if key in (names.ENABLED, names.STATE)}
        left = names.SAVED_BACKENDS in (ingress["metadata"].get("annotations") or {})
        return json.loads(json.dumps([deployment["spec"], ingress["spec"], theirs, left]))

    def present(self) -> list[str]:
        """The kinds of all that KubeSleeper has in the apps' namespace."""
        found = [
            each for kind in ("Service", "Ingress", "EndpointSlice") for each in self.cluster.objects(kind, "default")
        ]
        return [each["kind"] for each in found if is_ours(each)]

    def events(self, name: str = "shop") -> list[tuple[str, str]]:
        """Reasons and messages of the Events about an object, in their order."""
        found = [each for each in self.cluster.objects("Event") if each["involvedObject"]["name"] == name]
        found.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
        return [(each["reason"], each["message"]) for each in found]

    def writes(self) -> int:
        """How many requests have changed something, the Lease's apart."""
        faults = self.cluster.api.faults
        return faults.counted(WRITES) - faults.counted(WRITES, "leases")

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until it holds; looks again whenever an object changes."""
        await self.cluster.until(holds, WITHIN)

    async def asleep(self, name: str = "shop") -> None:
        """Wait until an app sleeps, its pods are gone and the ingress has noticed all of it."""
        await self.until(lambda: self.replicas(name) == 0 and self.held(name) and not self._pods(name))
        await self.cluster.ingress.caught_up()

    async def put_to_sleep(self, name: str = "shop") -> None:
        """Ask for it, once, as `waker sleep` does, and wait."""
        self.annotate(names.SLEEP_REQUESTED_AT, format_time(datetime.now(UTC)), name)
        await self.asleep(name)

    async def awake(self, name: str = "shop") -> None:
        """Wait until nothing of a sleep is left."""
        await self.until(lambda: self.replicas(name) > 0 and not self.held(name) and not self._remembers(name))
        await self.cluster.ingress.caught_up()

    def _pods(self, name: str) -> list[Obj]:
        return [each for each in self.cluster.objects("Pod", "default") if each["metadata"]["name"].startswith(name)]

    def _remembers(self, name: str) -> bool:
        return names.SAVED_REPLICAS in self.noted(name)

    # --- visitors ---

    async def visit(self, name: str = "shop", path: str = "/", **headers: str) -> SceneVisit:
        """One request through the ingress; without other words, by a browser."""
        said = {"Host": f"{name}.localhost"} | (headers or BROWSER)
        async with self.session.get(f"{self.cluster.ingress_url()}{path[1:]}", headers=said) as answer:
            return SceneVisit(answer.status, await answer.text(), answer.headers)

    async def served(self, name: str = "shop") -> SceneVisit:
        """Come again until the app itself answers. Everything else has to be waker's page."""
        async with asyncio.timeout(WITHIN.total_seconds()):
            while (visit := await self.visit(name)).page:
                assert visit.status == 503
        assert visit.status == 200
        return visit

    # --- wakers ---

    async def start(self, live: Live = NEVER, **settings: Any) -> RunningWaker:
        """The whole service, at work, but not ready yet. Whoever calls this ends it; a crash of it ends the test."""
        chosen = self.settings(**{"public_port": self.port, "private_port": next_port()} | settings)
        started: asyncio.Future[Waker] = asyncio.get_running_loop().create_future()

        def begun(service: Waker) -> None:
            service.config.live = replace(live, door_ports=self.doors)
            started.set_result(service)

        task = self.tasks.create_task(process.run(chosen, begun))
        running = RunningWaker(await started, chosen, task)
        self.started.append(running)
        return running

    @asynccontextmanager
    async def waker(self, live: Live = NEVER, **settings: Any) -> AsyncIterator[RunningWaker]:
        """The whole service, ready, and it has decided on each app once. It ends with the block."""
        running = await self.start(live, **settings)
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                while running.service.unready() or not running.service.readiness.knows_all_apps():  # noqa: ASYNC110
                    await asyncio.sleep(0.005)  # nobody tells
            yield running
        finally:
            running.task.cancel()
            await asyncio.wait([running.task])

    def settings(self, **chosen: Any) -> Settings:
        """The settings of a process or a command."""
        defaults = {
            "namespace": "kubesleeper",
            "kubeconfig": str(self.folder / "kubeconfig"),
            "identity": "waker-1",
            "advertise": "127.0.0.1",
            "bind_address": "127.0.0.1",
        }
        return Settings(**defaults | chosen)

    async def private(self, running: RunningWaker, path: str) -> SceneVisit:
        """One request to a waker's private port."""
        async with self.session.get(f"http://127.0.0.1:{running.settings.private_port}{path}") as answer:
            return SceneVisit(answer.status, await answer.text(), answer.headers)


MERGE: Any = "application/merge-patch+json"


@asynccontextmanager
async def scene(folder: Path, *samples: SampleApp, **annotations: str) -> AsyncIterator[ServiceScene]:
    """An embedded cluster; its apps (the shop, if not said otherwise) are ready and the ingress knows them."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - nobody waits
    options = Options(lag=LAG, bookmark_every=timedelta(milliseconds=200))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(LONGEST))
        cluster = await stack.enter_async_context(DemoCluster(options))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        cluster.kubeconfig(folder / "kubeconfig")
        it = ServiceScene(cluster, folder, session, tasks, next_port())
        witness = Witness(cluster)
        watching = tasks.create_task(witness.watch())
        for sample in samples or (SHOP,):
            it.deploy(sample, 2, **annotations)
        await it.until(lambda: all(ready(each) for each in cluster.objects("Deployment")))
        await cluster.ingress.caught_up()
        yield it
        watching.cancel()
    assert witness.broken == []


def ready(deployment: Obj) -> bool:
    """Are all its pods?"""
    return bool((deployment.get("status") or {}).get("readyReplicas", 0) == deployment["spec"]["replicas"])
