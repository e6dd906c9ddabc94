"""Never two that hold the Lease, whatever calls and processes do; and soon after all is well, one that does.

Three candidates, each with a clock and a way to the API server of its own, over minutes of virtual time and many seeds. Calls
are slow, hang, fail before or after they took effect, or take effect long after their caller has given up; processes freeze.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from typing import Any, cast

import pytest

from tests.cluster import virtual_time
from waker.cluster import lease
from waker.cluster.client import Api, Json
from waker.cluster.lease import LEASE_DURATION, RETRY_PERIOD, Lease
from waker.errors import Conflict, NotFound, Unavailable

SEEDS = range(60)
TROUBLE = 200.0  # seconds
CANDIDATES = 3
FASTEST, SLOWEST = 0.999, 1.001  # clocks; NTP sets a clock right by at most 500 ppm
QUICK = 0.05  # seconds, at most, for a call where all is well
LONGEST_CALL = 9.0  # seconds


class CallFate(Enum):
    """How calls fare, for a while."""

    WELL = "answered at once"
    SLOW = "answered after up to 9 s"
    DEAF = "never answered, with or without effect"
    FAILING = "refused, with or without effect"


class LeaseServer:
    """An API server that has one Lease, or none yet."""

    def __init__(self) -> None:
        self.lease: Json | None = None
        self.version = 0

    def get(self, path: str) -> Json:
        if self.lease is None:
            raise NotFound(path)
        return self.lease

    def create(self, path: str, body: Json) -> Json:
        if self.lease is not None:
            raise Conflict(path)
        return self._store(body["spec"])

    def patch(self, path: str, patch: Json) -> Json:
        if patch["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict(path)
        return self._store(self.get(path)["spec"] | patch["spec"])

    def _store(self, spec: Json) -> Json:
        self.version += 1
        self.lease = {"metadata": {"resourceVersion": str(self.version)}, "spec": spec}
        return self.lease


class LeaseProcess:
    """A candidate, with its clock, its way to the server, and times in which it stands still."""

    def __init__(self, name: str, server: LeaseServer, chance: random.Random, on_change: Callable[[], None]) -> None:
        self._server = server
        self._chance = chance
        self._runs = asyncio.Event()
        self._runs.set()
        self._rate, self._offset = chance.uniform(FASTEST, SLOWEST), chance.uniform(0, 1e6)
        self.way = CallFate.WELL
        self.lease = Lease(cast(Api, self), "kubesleeper", name, on_change, self._clock)
        self.task = asyncio.create_task(self.lease.run())

    def _clock(self) -> float:
        return self._offset + self._rate * asyncio.get_running_loop().time()

    async def get(self, *args: Any) -> Json:
        return await self._call(lambda: self._server.get(*args))

    async def create(self, *args: Any) -> Json:
        return await self._call(lambda: self._server.create(*args))

    async def patch(self, *args: Any) -> Json:
        return await self._call(lambda: self._server.patch(*args))

    async def _call(self, serve: Callable[[], Json]) -> Json:
        await self._runs.wait()
        way, slowest = self.way, LONGEST_CALL if self.way is CallFate.SLOW else QUICK
        there, back = sorted(self._chance.uniform(0, slowest) for _ in range(2))
        arrives = way in (CallFate.WELL, CallFate.SLOW) or self._chance.random() < 0.5
        effect = asyncio.create_task(self._serve(serve, there if way is not CallFate.DEAF else there * 100))
        if not arrives:
            effect.cancel()
        if way is CallFate.DEAF:
            await asyncio.Event().wait()
        if way is CallFate.FAILING:
            await asyncio.sleep(back)
            raise Unavailable("the connection is cut")
        answer = await asyncio.shield(effect)
        await asyncio.sleep(back - there)
        while not self._runs.is_set():  # once it goes on, the answer is there before any timer has fired
            with suppress(asyncio.CancelledError):
                await self._runs.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _serve(self, serve: Callable[[], Json], after: float) -> Json | Exception:
        await asyncio.sleep(after)
        try:
            return serve()
        except (Conflict, NotFound) as error:
            return error

    async def freeze(self, duration: float) -> None:
        """As SIGSTOP and SIGCONT do."""
        self._runs.clear()
        await asyncio.sleep(duration)
        self._runs.set()

    async def suffer(self) -> None:
        """Something else goes wrong every few seconds."""
        while True:
            self.way = self._chance.choice([CallFate.WELL, *CallFate])
            await asyncio.sleep(self._chance.expovariate(1 / 8))
            if self._chance.random() < 0.3:
                await self.freeze(self._chance.uniform(1, 40))

    async def kill(self) -> None:
        """It ends, and gives nothing back."""
        self.lease._renewed = float("-inf")
        await end(self.task)


async def end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


class Election:
    """All candidates of one seed, and how many held the Lease at the same time."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        server = LeaseServer()
        self.most = 0
        self.lost_late = 0.0  # seconds, at most, between the loss of the Lease and its report
        self.processes = [LeaseProcess(f"waker-{n}", server, chance, self.count) for n in range(CANDIDATES)]

    def count(self) -> None:
        """Who holds it now."""
        self.most = max(self.most, sum(each.lease.held for each in self.processes))
        for each in self.processes:
            left = each.lease._left()
            if -1e6 < left < 0 and each.lease._was_held and each._runs.is_set():
                self.lost_late = max(self.lost_late, -left)

    async def watch(self) -> None:
        """Count all the time."""
        while True:
            await asyncio.sleep(0.1)
            self.count()

    async def until_held(self) -> float:
        """Seconds until somebody holds it."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while not any(each.lease.held for each in self.processes):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.01)
        return loop.time() - started


async def trouble(election: Election) -> None:
    suffering = [asyncio.create_task(each.suffer()) for each in election.processes]
    await asyncio.sleep(TROUBLE)
    for task in suffering:
        await end(task)
    for each in election.processes:
        each.way = CallFate.WELL
        each._runs.set()


async def take_over(election: Election) -> float:
    """All is well, and then the holder is killed. Seconds until another one holds it."""
    await asyncio.sleep(2 * LEASE_DURATION)
    (holder,) = (each for each in election.processes if each.lease.held)
    await holder.kill()
    election.processes.remove(holder)
    return await election.until_held()


def held(then: Callable[[Election], Awaitable[None]], seed: int) -> None:
    async def story() -> None:
        election = Election(seed)
        watching = asyncio.create_task(election.watch())
        await then(election)
        assert election.most == 1
        assert election.lost_late < 1
        await end(watching)
        for each in election.processes:
            await each.kill()

    virtual_time.run(story())


def for_all_seeds(then: Callable[[Election], Awaitable[None]]) -> None:
    for seed in SEEDS:
        held(then, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_never_two_and_again_one_within_the_lease_and_two_tries(seed: int) -> None:
    async def then(election: Election) -> None:
        await trouble(election)
        assert await take_over(election) <= LEASE_DURATION / FASTEST + 2 * (RETRY_PERIOD + 2 * QUICK)

    held(then, seed)


@pytest.mark.parametrize("unsafe", ["a deadline after the Lease has expired", "counted from the answer"])
def test_the_law_can_be_broken(monkeypatch: pytest.MonkeyPatch, unsafe: str) -> None:
    """A law that nothing breaks holds nothing."""
    write = Lease._write

    async def late(self: Lease, since: Json) -> None:
        await write(self, since)
        self._renewed = self._clock()

    if unsafe == "counted from the answer":
        monkeypatch.setattr(Lease, "_write", late)
    else:
        monkeypatch.setattr(lease, "RENEW_DEADLINE", 17.0)
    with pytest.raises(AssertionError):
        for_all_seeds(trouble)


def test_a_slow_api_server_changes_nothing() -> None:
    """Calls of up to 4 s for everybody, for minutes: the same one holds it all the time."""

    async def then(election: Election) -> None:
        await election.until_held()
        (holder,) = (each for each in election.processes if each.lease.held)
        for each in election.processes:
            each.way = CallFate.SLOW
        for _ in range(3000):
            await asyncio.sleep(0.1)
            assert holder.lease.held

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.cluster.test_lease_law.LONGEST_CALL", 4.0)
        held(then, 1)


@pytest.mark.parametrize("seed", range(5))
def test_who_cannot_reach_the_api_server_in_time_keeps_nobody_else_from_it(seed: int) -> None:
    """Its writes take effect long after it has given up waiting. It must not renew what it does not hold."""

    async def then(election: Election) -> None:
        await election.until_held()
        (holder,) = (each for each in election.processes if each.lease.held)
        holder.way = CallFate.DEAF
        await asyncio.sleep(LEASE_DURATION + lease.RENEW_DEADLINE + 3 * RETRY_PERIOD)
        assert [each is holder for each in election.processes if each.lease.held] == [False]

    held(then, seed)
