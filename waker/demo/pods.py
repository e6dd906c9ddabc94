"""The node: it starts the pods that are assigned to it, makes them ready, and ends them.

`cluster` runs it; `workloads` creates the pods and `samples` holds the apps. A pod of a sample app gets an HTTP server on
127.0.0.1, on a free port that is then written into its container port. Any other pod has no process, and an address
where nothing listens. A pod listens from its start on. It becomes ready after the time in the annotation
`demo/ready-after` of its template. From its deletionTimestamp on it no longer listens: it finishes the requests in
flight, and then the object is removed.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import Any, Final

from aiohttp import web

from waker.demo.admission import timestamp
from waker.demo.kinds import PODS, Key, Obj, key_of
from waker.demo.samples import READY_AFTER, SAMPLES, Handler, SampleApp
from waker.demo.verbs import Verbs
from waker.demo.workloads import NODE

CONTAINER_PORT: Final = "demo/container-port"  # annotation of a running pod: the port in its template
GRACE: Final = timedelta(seconds=5)  # for requests in flight
UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
LOOPBACK: Final = "127.0.0.1"


class Node:
    """The only node of the cluster. All pods run here."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._ends: dict[str, asyncio.Event] = {}  # by pod uid; set when the pod has to end
        self._addresses = count(2)

    async def run(self) -> None:
        """Start and end pods as the store says, until it is closed. Then all of them end."""
        async with asyncio.TaskGroup() as tasks:
            with self._verbs.store.subscribe(PODS) as changes:
                pods: list[tuple[Obj | None, Obj | None]] = [(None, pod) for pod in self._verbs.store.all(PODS)]
                while not changes.closed:
                    for old, new in pods:
                        self._sync(tasks, old, new)
                    pods = [(change.old, change.new) for change in await changes.wait()]
            for end in self._ends.values():
                end.set()

    def _sync(self, tasks: asyncio.TaskGroup, old: Obj | None, new: Obj | None) -> None:
        pod = new or old or {}
        uid = pod["metadata"]["uid"]
        if pod["spec"].get("nodeName") != NODE:
            return
        if new is None or "deletionTimestamp" in new["metadata"]:
            if uid in self._ends:
                self._ends[uid].set()
            elif new is not None:
                self._verbs.remove(PODS, key_of(pod))
        elif uid not in self._ends:
            self._ends[uid] = asyncio.Event()
            tasks.create_task(self._run_pod(pod), name=f"pod {pod['metadata']['name']}")

    async def _run_pod(self, pod: Obj) -> None:
        key, uid = key_of(pod), pod["metadata"]["uid"]
        end = self._ends[uid]
        async with running_app(pod, sample_of(pod)) as port:
            self._update(key, uid, self._fields_at_start(pod, port))
            try:
                async with asyncio.timeout(ready_delay(pod)):
                    await end.wait()
            except TimeoutError:
                self._update(key, uid, {"status": self._status(self._address_of(key), ready=True)})
                await end.wait()
        del self._ends[uid]
        if self._exists(key, uid):
            self._verbs.remove(PODS, key)

    def _fields_at_start(self, pod: Obj, port: int | None) -> Obj:
        """The pod gets an address, and its first container port becomes the one it listens on."""
        if port is None:
            number = next(self._addresses)
            return {"status": self._status(f"10.244.{number // 256}.{number % 256}", ready=False)}
        first, *others = pod["spec"]["containers"]
        declared, *more = first.get("ports") or [{"containerPort": 0}]
        containers = [first | {"ports": [declared | {"containerPort": port}, *more]}, *others]
        annotations = pod["metadata"].get("annotations", {}) | {CONTAINER_PORT: str(declared["containerPort"])}
        return {
            "metadata": pod["metadata"] | {"annotations": annotations},
            "spec": pod["spec"] | {"containers": containers},
            "status": self._status(LOOPBACK, ready=False),
        }

    def _update(self, key: Key, uid: str, fields: dict[str, Any]) -> None:
        """Write these fields into the pod, unless it is terminating or gone."""
        pod = self._verbs.store.get(PODS, key)
        if pod is not None and self._exists(key, uid) and "deletionTimestamp" not in pod["metadata"]:
            self._verbs.store.write(PODS, key, pod | fields)

    def _exists(self, key: Key, uid: str) -> bool:
        pod = self._verbs.store.get(PODS, key)
        return pod is not None and pod["metadata"]["uid"] == uid

    def _address_of(self, key: Key) -> str:
        pod = self._verbs.store.get(PODS, key) or {}
        return str((pod.get("status") or {}).get("podIP", ""))

    def _status(self, address: str, *, ready: bool) -> Obj:
        since = timestamp(self._verbs.now())
        states = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        conditions = [
            {"type": name, "status": str(state), "lastTransitionTime": since} for name, state in states.items()
        ]
        return {"phase": "Running", "conditions": conditions, "podIP": address, "podIPs": [{"ip": address}]}


class CountingHandler:
    """A handler that counts its requests in flight."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self._count += 1
        self._idle.clear()
        try:
            return await self._handler(request)
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def drained(self) -> None:
        """Wait until no request is in flight, or the grace period is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE.total_seconds()):
                await self._idle.wait()


@asynccontextmanager
async def running_app(pod: Obj, sample: SampleApp | None) -> AsyncIterator[int | None]:
    """Run the pod's app, if it has one, and yield its port. Leaving the block waits for requests in flight."""
    if sample is None:
        yield None
        return
    handler = CountingHandler(sample.handler(pod["metadata"]["name"]))
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        yield int(runner.addresses[0][1])
        await site.stop()
        await handler.drained()  # not left to the runner: its shutdown stops reading bodies that still arrive
    finally:
        await runner.cleanup()


def sample_of(pod: Obj) -> SampleApp | None:
    """The app that the first container's image names: `demo/shop:1` runs `shop`."""
    containers = pod["spec"].get("containers") or [{}]
    image = containers[0].get("image", "").rpartition("/")[2].partition(":")[0]
    return SAMPLES.get(image)


def ready_delay(pod: Obj) -> float:
    """Seconds from the pod's start until it is ready."""
    text = (pod["metadata"].get("annotations") or {}).get(READY_AFTER, "0s")
    found = re.fullmatch(r"([\d.]+)(ms|s|m)", text)
    return float(found[1]) * UNITS[found[2]] if found else 0.0
