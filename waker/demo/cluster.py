"""One embedded cluster: all its parts in one TaskGroup of this process, on ports of 127.0.0.1.

`async with DemoCluster() as cluster:` starts the API server, the controllers, a node and an ingress; leaving the block
stops them, and a crash of any of them ends it. `show` and the tests use it. Objects can be read and written over HTTP, as
by any client, or with the methods here. It starts with a few namespaces and its ingress; `load` creates apps.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from waker.demo import endpoints, workloads
from waker.demo.ingress import DemoIngress
from waker.demo.kinds import BY_KIND, KINDS, Key, Obj, key_of
from waker.demo.pods import Node
from waker.demo.server import ApiServer
from waker.demo.store import Store
from waker.demo.verbs import Verbs, resource_of

NAMESPACES: Final = ("default", "kube-system", "kubesleeper")


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """How the cluster behaves. Port 0 is any free port."""

    api_port: int = 0
    ingress_port: int = 0
    lag: timedelta = timedelta(milliseconds=200)  # between a change and the moment at which the ingress follows it
    bookmark_every: timedelta = timedelta(seconds=10)
    window: int = 1000  # changes that are kept for each kind, for watches and list chunks
    now: Callable[[], datetime] = utc_now


DEFAULT_OPTIONS: Final = Options()


class DemoCluster:
    """One embedded cluster. It runs inside its `async with` block."""

    def __init__(self, options: Options = DEFAULT_OPTIONS) -> None:
        self.store = Store(options.window)
        self.verbs = Verbs(self.store, options.now)
        self.api = ApiServer(self.verbs, options.bookmark_every)
        self.ingress = DemoIngress(self.verbs, options.lag)
        self._options = options
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            starting.push_async_callback(self.ingress.stop)  # before: a port that is in use stops it half-way
            await self.ingress.start(self._options.ingress_port)
            starting.push_async_callback(self.api.stop)
            await self.api.start(self._options.api_port)
            self._create_initial_objects()
            tasks = await starting.enter_async_context(asyncio.TaskGroup())
            for name, part in (
                ("workloads", workloads.run(self.verbs)),
                ("endpoints", endpoints.run(self.verbs)),
                ("node", Node(self.verbs).run()),
                ("ingress", self.ingress.run()),
            ):
                starting.callback(tasks.create_task(part, name=name).cancel)
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._running.__aexit__(kind, error, trace)

    @property
    def api_url(self) -> str:
        """The URL of the API server."""
        return self.api.url

    @property
    def metrics_url(self) -> str:
        """The URL of the ingress's metrics."""
        return f"http://127.0.0.1:{self.ingress.metrics_port}/metrics"

    def ingress_url(self, host: str = "127.0.0.1") -> str:
        """The URL at which a visitor reaches a host."""
        return f"http://{host}:{self.ingress.port}/"

    def kubeconfig(self, path: Path, user: str = "demo") -> Path:
        """Write a kubeconfig for this cluster, and return its path. JSON is YAML. `Call.user` says who it was."""
        name = "demo"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": name, "cluster": {"server": self.api_url}}],
                    "users": [{"name": name, "user": {"token": user}}],
                    "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                    "current-context": name,
                }
            )
        )
        return path

    def load(self, objects: Iterable[Obj]) -> None:
        """Create these objects, in the namespace `default` unless they name another. Raises ApiRefusal."""
        for obj in objects:
            resource = resource_of(obj)
            namespace = obj["metadata"].get("namespace", "default") if resource.namespaced else ""
            self.verbs.create(resource, namespace, obj)

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        """An object as it is now: `get("Deployment", "default", "shop")`. Do not modify it."""
        return self.store.get(BY_KIND[kind], Key(namespace, name))

    def objects(self, kind: str, namespace: str = "") -> list[Obj]:
        """All objects of a kind, sorted by name."""
        found = [obj for obj in self.store.all(BY_KIND[kind]) if namespace in ("", key_of(obj).namespace)]
        return sorted(found, key=key_of)

    async def until(self, holds: Callable[[], object], within: timedelta = timedelta(seconds=10)) -> None:
        """Wait until it holds. It is evaluated whenever an object changes. Raises TimeoutError."""
        async with asyncio.timeout(within.total_seconds()):
            with self.store.subscribe(*KINDS) as changes:
                while not holds():
                    await changes.wait()

    def _create_initial_objects(self) -> None:
        for name in NAMESPACES:
            self.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
        self.load(self.ingress.manifests())
