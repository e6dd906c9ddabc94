"""waker dies right before, and right after, each kind of write of a life; whoever is there next goes on, and nothing is lost.

Alone, a new process takes its place. With a second one, that one goes on meanwhile, once the Lease of the dead has expired.
"""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ports import next_port
from waker import names
from waker.demo import kinds
from waker.demo.faults import Fault
from waker.demo.kinds import Key

from .scene import RunningWaker, ServiceScene
from .test_every_write import MERGE, WRITES, hasten, life, stage

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the killed close nothing

WHEN: Final = ("before", "after")
HOSTS: Final = {"first": "127.0.0.1", "second": "127.0.0.2"}  # by identity
SLICE: Final = Key("kubesleeper", "waker")
POINTS: Final = len(WRITES) * len(WHEN) * 2


@pytest.fixture(autouse=True)
def _buried() -> Iterator[None]:
    """What the killed left open is collected here, not in somebody else's test."""
    yield
    gc.collect()


@dataclass
class MortalReplicas:
    """One or two wakers, each at an address of its own, and the slice in which the ready ones are listed."""

    it: ServiceScene
    hosts: dict[str, str]
    private_port: int = field(default_factory=next_port)
    running: dict[str, RunningWaker] = field(default_factory=dict)
    deaths: set[str] = field(default_factory=set)

    async def begin(self) -> None:
        """All of them are started, and listed."""
        ports = [{"name": names.OWN_PRIVATE_PORT, "port": self.private_port}, {"name": "http", "port": self.it.port}]
        labels = {names.SLICE_SERVICE: names.OWN_SERVICE}
        metadata = {"name": SLICE.name, "namespace": SLICE.namespace, "labels": labels}
        kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"}
        self.it.cluster.load([kind | {"metadata": metadata, "ports": ports, "endpoints": []}])
        for identity in self.hosts:
            await self._start(identity)

    async def _start(self, identity: str) -> None:
        file = self.it.cluster.kubeconfig(self.it.folder / f"kubeconfig-{identity}", identity)
        where: Any = {"advertise": "", "bind_address": self.hosts[identity], "private_port": self.private_port}
        self.running[identity] = await self.it.start(identity=identity, kubeconfig=str(file), **where)
        self._list(self.running)

    def _list(self, ready: Any) -> None:
        endpoints = [{"addresses": [self.hosts[each]], "conditions": {"ready": True}} for each in ready]
        self.it.cluster.verbs.patch(kinds.ENDPOINT_SLICES, SLICE, MERGE, {"endpoints": endpoints})

    async def die_at(self, kind: str, fatal: Fault) -> None:
        """Whoever makes this write dies of it, once. With a second one, the next comes only when that one leads."""
        await fatal.reached.wait()
        assert fatal.struck
        identity = fatal.struck.user
        victim = self.running.get(identity)
        self.deaths.add(kind)
        if victim is None:  # of another write, at the same moment
            return
        del self.running[identity]
        await victim.crash()
        self._list(self.running)
        async with asyncio.timeout(10):
            while self.running and not self._any_leads():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        await self._start(identity)

    def _any_leads(self) -> bool:
        return any(each.service.lease.held for each in self.running.values())

    def end(self) -> None:
        """All of them."""
        for each in self.running.values():
            each.task.cancel()


@pytest.mark.parametrize("wakers", [1, 2])
@pytest.mark.parametrize("when", WHEN)
async def test_at_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, wakers: int) -> None:
    hasten(monkeypatch)
    for name, seconds in {"LEASE_DURATION": 0.9, "RENEW_DEADLINE": 0.6}.items():
        monkeypatch.setattr(f"waker.cluster.lease.{name}", seconds)
    monkeypatch.setattr("tests.service.scene.LONGEST", 120)
    monkeypatch.setattr("tests.service.scene.WITHIN", timedelta(seconds=60))
    async with stage(tmp_path) as it:
        replicas = MortalReplicas(it, dict(list(HOSTS.items())[:wakers]))
        dying = []
        for kind, matches in WRITES.items():
            fatal = it.cluster.api.faults.order(Fault(only=matches, hangs=True, served=when == "after"))
            dying.append(it.tasks.create_task(replicas.die_at(kind, fatal)))
        await replicas.begin()
        for _ in range(4):  # only who has written an Event before can count it, and who has written at all gives back
            await life(it)
            if replicas.deaths == WRITES.keys():
                break
        assert WRITES.keys() - replicas.deaths == set()
        await asyncio.wait(dying)
        replicas.end()
