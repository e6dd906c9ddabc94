"""The Lease: at most one waker holds it, whatever fails, and soon after a failure one does again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from waker import names
from waker.cluster import lease
from waker.cluster.client import Api
from waker.cluster.lease import Lease
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, unavailable
from waker.demo.kinds import LEASES, Key
from waker.demo.verbs import PatchType
from waker.errors import Unavailable


@dataclass
class LeaseClock:
    """Stands still unless a test moves it."""

    at: float = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.at


@dataclass
class CandidateApi:
    """A candidate's own connection to the API server, which a test can cut."""

    api: Api
    cut: bool = False

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        async def call(*args: Any) -> Any:
            if self.cut:
                raise Unavailable("the connection is cut")
            return await getattr(self.api, verb)(*args)

        return call


@dataclass
class Candidate:
    """A waker that takes part in the election."""

    api: CandidateApi
    name: str
    clock: LeaseClock
    changes: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        api = cast(Api, self.api)
        self.lease = Lease(api, "kubesleeper", self.name, lambda: self.changes.append(self.held), self.clock)

    @property
    def held(self) -> bool:
        """Whether it may put apps to sleep."""
        return self.lease.held


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> LeaseClock:
    """The clock of all candidates."""
    caplog.set_level(logging.ERROR)  # each try logs a line
    clock = LeaseClock()
    monkeypatch.setattr(lease, "RETRY_PERIOD", 0.001)
    return clock


@asynccontextmanager
async def running(api: Api, clock: LeaseClock, *names: str) -> AsyncIterator[list[Candidate]]:
    """These candidates, running."""
    candidates = [Candidate(CandidateApi(api), name, clock) for name in names]
    tasks = [asyncio.create_task(each.lease.run()) for each in candidates]
    try:
        yield candidates
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], object]) -> None:
    """Wait until it holds. The candidates try all the time."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)


def tries(cluster: DemoCluster) -> int:
    """How often any candidate has read or renewed the Lease."""
    return cluster.api.faults.counted(["get", "patch"], "leases")


async def some_tries(cluster: DemoCluster) -> None:
    """Wait until all candidates have read it a few times."""
    before = tries(cluster)
    await until(lambda: tries(cluster) > before + 6)


def holder(cluster: DemoCluster) -> str | None:
    """The holder according to the API server."""
    found = cluster.get("Lease", "kubesleeper", names.LEASE)
    return found["spec"].get("holderIdentity") if found else None


async def test_one_of_two_candidates_holds_it(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    async with running(api, clock, "a", "b") as (a, b):
        await until(lambda: a.held or b.held)
        await some_tries(cluster)
        assert [a.held, b.held].count(True) == 1
        assert holder(cluster) == ("a" if a.held else "b")
        assert a.changes + b.changes == [True]


async def test_while_it_is_renewed_it_is_not_lost(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    async with running(api, clock, "a") as (a,), running(api, clock, "b") as (b,):
        await until(lambda: a.held or b.held)
        first, second = (a, b) if a.held else (b, a)
        for _ in range(5):
            clock.at += 8
            await some_tries(cluster)
            assert (first.held, second.held) == (True, False)


async def test_a_holder_that_cannot_renew_loses_it_before_another_can_acquire_it(
    cluster: DemoCluster, api: Api, clock: LeaseClock
) -> None:
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        async with running(api, clock, "b") as (b,):
            await some_tries(cluster)
            a.api.cut = True
            held = []
            for _ in range(13):
                clock.at += 2
                held.append((a.held, b.held))
                await some_tries(cluster)
            assert (True, True) not in held
            assert b.held
            assert held.index((False, False)) < held.index((False, True))
            assert a.changes == [True, False]
            a.api.cut = False
            await some_tries(cluster)
            assert (a.held, b.held) == (False, True)


async def test_an_outage_for_all_candidates(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    """Nobody holds it during the outage. One candidate does afterwards."""
    async with running(api, clock, "a", "b") as (a, b):
        await until(lambda: a.held or b.held)
        outage = cluster.api.faults.order(Fault(resource="leases", times=None, refusal=unavailable()))
        await outage.reached.wait()
        for _ in range(13):
            clock.at += 2
            await some_tries(cluster)
        assert (a.held, b.held) == (False, False)
        cluster.api.faults.clear()
        await until(lambda: a.held or b.held)
        await some_tries(cluster)
        assert (a.held, b.held) in ((True, False), (False, True))


async def test_a_slow_renewal_counts_from_when_it_was_sent(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    """Another candidate may have seen the renewal long before its response arrived here."""
    a = Candidate(CandidateApi(api), "a", clock)
    task = asyncio.create_task(a.lease.run())
    slow = cluster.api.faults.order(Fault("patch", "leases", hangs=True))
    await slow.reached.wait()
    clock.at += 11
    cluster.api.faults.clear()  # the patch goes through, and nothing after it
    cluster.api.faults.order(Fault(resource="leases", times=None, refusal=unavailable()))
    await until(lambda: holder(cluster) == "a")
    await some_tries(cluster)
    assert not a.held
    task.cancel()
    await asyncio.wait([task])


async def test_a_released_lease_is_free_at_once(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        async with running(api, clock, "b") as (b,):
            a.lease.release()
            await until(lambda: b.held)
            assert not a.held


async def test_a_holder_that_ends_releases_it(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
    assert holder(cluster) == ""
    assert not a.held


async def test_a_candidate_that_does_not_hold_it_releases_nothing(
    cluster: DemoCluster, api: Api, clock: LeaseClock
) -> None:
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        async with running(api, clock, "b"):
            await some_tries(cluster)
        assert holder(cluster) == "a"


async def test_a_release_that_fails(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    """The Lease then expires."""
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        cluster.api.faults.order(Fault(resource="leases", times=None, refusal=unavailable()))
    assert not a.held
    assert holder(cluster) == "a"


async def test_the_same_identity_need_not_wait(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    """A container was killed and restarted in its pod."""
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        a.api.cut = True
    assert holder(cluster) == "a"
    async with running(api, clock, "a") as (again,):
        await until(lambda: again.held)


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": None}, {"holderIdentity": ""}])
async def test_an_empty_lease_is_free(cluster: DemoCluster, api: Api, clock: LeaseClock, spec: dict[str, Any]) -> None:
    metadata = {"name": names.LEASE, "namespace": "kubesleeper"}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    cluster.load([lease])
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)


def spec(cluster: DemoCluster) -> dict[str, Any]:
    """The fields of the Lease."""
    found = cluster.get("Lease", "kubesleeper", names.LEASE)
    assert found
    return dict(found["spec"])


async def test_its_fields_are_those_that_client_go_writes(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        first = spec(cluster)
        assert (first["holderIdentity"], first["leaseDurationSeconds"], first["leaseTransitions"]) == ("a", 15, 0)
        await until(lambda: spec(cluster)["renewTime"] > first["renewTime"])
        assert spec(cluster) | {"renewTime": ""} == first | {"renewTime": ""}, "a renewal is no acquisition"
    released = spec(cluster)
    assert (released["holderIdentity"], released["leaseDurationSeconds"], released["leaseTransitions"]) == ("", 1, 0)
    async with running(api, clock, "b") as (b,):
        await until(lambda: b.held)
        second = spec(cluster)
    assert (second["holderIdentity"], second["leaseDurationSeconds"], second["leaseTransitions"]) == ("b", 15, 1)
    assert second["acquireTime"] > first["acquireTime"]


async def test_a_renewal_is_one_call(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        read = cluster.api.faults.counted(["get"], "leases")
        await some_tries(cluster)
        assert cluster.api.faults.counted(["get"], "leases") == read


async def test_a_lease_that_somebody_has_edited_or_deleted_is_renewed_all_the_same(
    cluster: DemoCluster, api: Api, clock: LeaseClock
) -> None:
    key = Key("kubesleeper", names.LEASE)
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        cluster.verbs.patch(LEASES, key, PatchType.MERGE, {"metadata": {"labels": {"a": "b"}}})
        await some_tries(cluster)
        cluster.verbs.delete(LEASES, key)
        await until(lambda: holder(cluster) == "a")
        await some_tries(cluster)
        assert (a.held, a.changes) == (True, [True])


async def test_who_finds_another_holder_lets_go_at_once(cluster: DemoCluster, api: Api, clock: LeaseClock) -> None:
    """A person has given it to somebody else."""
    async with running(api, clock, "a") as (a,):
        await until(lambda: a.held)
        patch = {"spec": {"holderIdentity": "b"}}
        cluster.verbs.patch(LEASES, Key("kubesleeper", names.LEASE), PatchType.MERGE, patch)
        await until(lambda: not a.held)
        await until(lambda: a.changes == [True, False])
        assert holder(cluster) == "b"


def test_the_times_are_those_of_client_go_and_one_renewal_may_fail() -> None:
    assert (lease.LEASE_DURATION, lease.RENEW_DEADLINE, lease.RETRY_PERIOD) == (15, 10, 2)
    assert lease.CALL_TIMEOUT * 2 <= lease.RENEW_DEADLINE
