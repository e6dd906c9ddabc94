"""The node: pods that are given to it start, become ready, and end.

A pod that runs a sample app gets a server of its own on 127.0.0.1, with a port of its own, which is then written into
its container port; any other pod has no process and an address that leads nowhere. A pod listens from its start, is
ready after the annotation `demo/ready-after` of its template, and listens no longer from its deletionTimestamp on;
requests in flight are answered, then the object goes.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import Any, Final

from aiohttp import web

from waker.demo.admission import stamp
from waker.demo.kinds import PODS, Key, Obj, key_of
from waker.demo.samples import READY_AFTER, SAMPLES, Handler, SampleApp
from waker.demo.verbs import Verbs
from waker.demo.workloads import NODE

CONTAINER_PORT: Final = "demo/container-port"  # annotation of a running pod: the port that its template had named
GRACE: Final = timedelta(seconds=5)  # for requests in flight
UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
LOOPBACK: Final = "127.0.0.1"


class Node:
    """All pods of the cluster run here."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._ends: dict[str, asyncio.Event] = {}  # by pod uid: set when it is to end
        self._addresses = count(2)

    async def run(self) -> None:
        """Start and end pods as the store says, until it is closed. Then they all end."""
        async with asyncio.TaskGroup() as tasks:
            with self._verbs.store.subscribe(PODS) as changes:
                pods: list[tuple[Obj | None, Obj | None]] = [(None, pod) for pod in self._verbs.store.all(PODS)]
                while not changes.closed:
                    for old, new in pods:
                        self._follow(tasks, old, new)
                    pods = [(change.old, change.new) for change in await changes.wait()]
            for end in self._ends.values():
                end.set()

    def _follow(self, tasks: asyncio.TaskGroup, old: Obj | None, new: Obj | None) -> None:
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
            tasks.create_task(self._live(pod), name=f"pod {pod['metadata']['name']}")

    async def _live(self, pod: Obj) -> None:
        key, uid = key_of(pod), pod["metadata"]["uid"]
        end = self._ends[uid]
        async with serving(pod, sample_of(pod)) as port:
            self._report(key, uid, self._started(pod, port))
            try:
                async with asyncio.timeout(delay_of(pod)):
                    await end.wait()
            except TimeoutError:
                self._report(key, uid, {"status": self._status(self._address_of(key), ready=True)})
                await end.wait()
        del self._ends[uid]
        if self._is(key, uid):
            self._verbs.remove(PODS, key)

    def _started(self, pod: Obj, port: int | None) -> Obj:
        """The pod has an address, and its first container port is the one it listens on."""
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

    def _report(self, key: Key, uid: str, news: dict[str, Any]) -> None:
        """Write into the pod what became of it, unless it is on its way out."""
        pod = self._verbs.store.get(PODS, key)
        if pod is not None and self._is(key, uid) and "deletionTimestamp" not in pod["metadata"]:
            self._verbs.store.write(PODS, key, pod | news)

    def _is(self, key: Key, uid: str) -> bool:
        pod = self._verbs.store.get(PODS, key)
        return pod is not None and pod["metadata"]["uid"] == uid

    def _address_of(self, key: Key) -> str:
        pod = self._verbs.store.get(PODS, key) or {}
        return str((pod.get("status") or {}).get("podIP", ""))

    def _status(self, address: str, *, ready: bool) -> Obj:
        since = stamp(self._verbs.now())
        states = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        conditions = [
            {"type": name, "status": str(state), "lastTransitionTime": since} for name, state in states.items()
        ]
        return {"phase": "Running", "conditions": conditions, "podIP": address, "podIPs": [{"ip": address}]}


class InFlight:
    """A handler that knows how many requests it is answering."""

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

    async def over(self) -> None:
        """Wait for the last of them, within the grace period."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE.total_seconds()):
                await self._idle.wait()


@asynccontextmanager
async def serving(pod: Obj, sample: SampleApp | None) -> AsyncIterator[int | None]:
    """Run the pod's app, if it has one; gives the port it listens on. Leaving waits for requests in flight."""
    if sample is None:
        yield None
        return
    handler = InFlight(sample.handler(pod["metadata"]["name"]))
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        yield int(runner.addresses[0][1])
        await site.stop()
        await handler.over()  # by ourselves: a runner's own shutdown reads no more of a body that is still coming
    finally:
        await runner.cleanup()


def sample_of(pod: Obj) -> SampleApp | None:
    """The app that the first container's image is named after: `demo/shop:1` runs `shop`."""
    containers = pod["spec"].get("containers") or [{}]
    image = containers[0].get("image", "").rpartition("/")[2].partition(":")[0]
    return SAMPLES.get(image)


def delay_of(pod: Obj) -> float:
    """How long until it is ready, in seconds."""
    text = (pod["metadata"].get("annotations") or {}).get(READY_AFTER, "0s")
    found = re.fullmatch(r"([\d.]+)(ms|s|m)", text)
    return float(found[1]) * UNITS[found[2]] if found else 0.0
