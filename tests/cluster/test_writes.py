"""Writes: the right route of the newest object, one patch for all who wait, nothing that runs away, refused is not late."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.plan.building import at_waker, route
from tests.plan.neighbours import workload
from waker.cluster import writes
from waker.cluster.client import Api
from waker.cluster.writes import Writes
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Call, Fault
from waker.demo.kinds import Key
from waker.demo.refusals import ApiRefusal
from waker.errors import ClusterError, Conflict, Refused, TooSoon
from waker.plan.actions import Action, Redirect, RequestWake, Restore, ScaleToZero
from waker.plan.model import AppId, Kind
from waker.plan.routes.ingress import routes
from waker.plan.routes.ingress_object import Ingress, parse
from waker.plan.routes.route import ObjectId, Route, is_held

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
APPS = [f"app-{i}" for i in range(40)]
MERGE: Any = "application/merge-patch+json"
FRONT = Key("default", "front")
DENIED = ApiRefusal(422, "Invalid", "ingresses \"front\" is forbidden: ValidatingAdmissionPolicy 'x' denied request")
TEST_FAILED = ApiRefusal(422, "Invalid", "the server rejected our request due to an error in our request")
TOO_LONG = ApiRefusal(422, "Invalid", 'Ingress "front" is invalid: metadata.annotations: Too long')


def front(names: list[str], **annotations: str) -> dict[str, Any]:
    """One Ingress with a path to each of these apps."""
    paths = [
        {"path": f"/{each}", "pathType": "Prefix", "backend": {"service": {"name": each, "port": {"number": 80}}}}
        for each in names
    ]
    metadata = {"name": "front", "namespace": "default", "annotations": annotations}
    spec = {"ingressClassName": "traefik", "rules": [{"host": "front.example.com", "http": {"paths": paths}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def stored(cluster: DemoCluster) -> Ingress:
    found = cluster.get("Ingress", *FRONT)
    assert found
    return parse(found)


def newest(cluster: DemoCluster) -> Callable[[ObjectId], Ingress]:
    """An informer that is never late."""
    return lambda id: stored(cluster)


def own_routes(ingress: Ingress) -> dict[str, Route]:
    """By app."""
    assert isinstance(ingress.saved, dict)
    found = {each.backend.service: each for each in routes(ingress, APPS, ingress.saved, "")}
    return {name: with_door(each, 20_000 + i) for i, (name, each) in enumerate(sorted(found.items()))}


def with_door(found: Route, door: int) -> Route:
    return replace(found, door=door)


def held(cluster: DemoCluster) -> set[str]:
    return {name for name, each in own_routes(stored(cluster)).items() if is_held(each)}


def app(name: str) -> Any:
    return replace(workload(), id=AppId(Kind.DEPLOYMENT, "default", name))


def patches(cluster: DemoCluster) -> int:
    return cluster.api.faults.counted(["patch"], "ingresses")


def refusing(cluster: DemoCluster, refusal: ApiRefusal, times: int | None = None) -> None:
    cluster.api.faults.order(Fault("patch", "ingresses", times=times, refusal=refusal))


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(Redirect((route(),)), id="redirect"),
        pytest.param(Restore((at_waker(),)), id="restore"),
        pytest.param(Restore((), (route().id,)), id="forget"),
    ],
)
async def test_an_object_that_is_gone_is_a_conflict(action: Action) -> None:
    asks_nobody = Api(None, lambda verb, status: None)
    with pytest.raises(Conflict, match="Ingress demo/front is gone"):
        await Writes(asks_nobody, lambda id: None, lambda: NOW).act(action, workload())


async def test_a_route_is_found_again_where_its_user_has_moved_it(cluster: DemoCluster, api: Api) -> None:
    cluster.load([front(APPS[:3])])
    seen = own_routes(stored(cluster))["app-0"]
    cluster.verbs.patch(kinds.INGRESSES, FRONT, MERGE, {"spec": front(APPS[2::-1])["spec"]})
    await Writes(api, newest(cluster), lambda: NOW).act(Redirect((seen,)), app("app-0"))
    assert held(cluster) == {"app-0"}
    await Writes(api, newest(cluster), lambda: NOW).act(Restore((own_routes(stored(cluster))["app-0"],)), app("app-0"))
    restored = cluster.get("Ingress", *FRONT)
    assert restored
    assert restored["spec"] == front(APPS[2::-1])["spec"]


@pytest.mark.parametrize("late", [False, True], ids=["informer in time", "informer late"])
async def test_forty_apps_of_one_ingress_make_a_few_writes_and_no_conflict(
    cluster: DemoCluster, api: Api, late: bool
) -> None:
    cluster.load([front(APPS)])
    before = stored(cluster)
    written = Writes(api, (lambda id: before) if late else newest(cluster), lambda: NOW)
    down = own_routes(before)
    await asyncio.gather(*(written.act(Redirect((down[each],)), app(each)) for each in APPS))
    assert held(cluster) == set(APPS)
    up = own_routes(stored(cluster))
    await asyncio.gather(*(written.act(Restore((up[each],)), app(each)) for each in APPS))
    assert stored(cluster).paths == before.paths
    assert patches(cluster) <= 4
    assert not written._turns
    assert not written._waiting


async def test_whose_route_is_not_as_it_was_looks_again_and_stops_nobody_else(cluster: DemoCluster, api: Api) -> None:
    cluster.load([front(APPS[:3])])
    down = own_routes(stored(cluster))
    edited = front(APPS[:3])
    edited["spec"]["rules"][0]["http"]["paths"][1]["backend"]["service"]["port"] = {"number": 8080}
    cluster.verbs.patch(kinds.INGRESSES, FRONT, MERGE, {"spec": edited["spec"]})
    written = Writes(api, newest(cluster), lambda: NOW)
    results = await asyncio.gather(
        *(written.act(Redirect((down[each],)), app(each)) for each in APPS[:3]), return_exceptions=True
    )
    assert [type(each) for each in results] == [type(None), Conflict, type(None)]
    assert held(cluster) == {"app-0", "app-2"}


async def test_what_is_refused_together_is_tried_alone(cluster: DemoCluster, api: Api) -> None:
    """One app's change may be what a policy does not like."""
    cluster.load([front(APPS[:3])])
    down = own_routes(stored(cluster))
    written = Writes(api, newest(cluster), lambda: NOW)

    async def all_three() -> list[Any]:
        first = asyncio.create_task(written.act(Redirect((down["app-0"],)), app("app-0")))
        await asyncio.sleep(0)  # it has the turn; the two others wait for it and go together
        others = [written.act(Redirect((down[each],)), app(each)) for each in APPS[1:3]]
        return await asyncio.gather(first, *others, return_exceptions=True)

    cluster.api.faults.order(Fault("patch", "ingresses", times=1))  # nothing happens to the first
    refusing(cluster, DENIED, times=2)  # both together, and then one of them alone
    results = await all_three()
    assert [type(each) for each in results] == [type(None), Refused, type(None)]
    assert held(cluster) == {"app-0", "app-2"}


@pytest.mark.parametrize(
    ("refusal", "raised"),
    [
        pytest.param(ApiRefusal(409, "Conflict", "the object has been modified"), Conflict, id="409"),
        pytest.param(TEST_FAILED, Conflict, id="a test of the patch failed"),
        pytest.param(DENIED, Refused, id="a policy"),
        pytest.param(TOO_LONG, Refused, id="too long"),
        pytest.param(ApiRefusal(403, "Forbidden", "exceeded quota: few"), Refused, id="a quota"),
        pytest.param(ApiRefusal(500, "InternalError", "failed calling webhook"), ClusterError, id="a webhook is down"),
    ],
)
async def test_refused_is_not_late(
    cluster: DemoCluster, api: Api, refusal: ApiRefusal, raised: type[ClusterError]
) -> None:
    cluster.load([front(APPS[:1])])
    refusing(cluster, refusal)
    action = Redirect((own_routes(stored(cluster))["app-0"],))
    with pytest.raises(raised) as caught:
        await Writes(api, newest(cluster), lambda: NOW).act(action, app("app-0"))
    assert (type(caught.value) is Refused) is (raised is Refused)
    assert str(refusal) in str(caught.value)


async def test_no_more_than_a_few_writes_at_once_but_a_wake_never_waits_for_sleeps(
    cluster: DemoCluster, api: Api
) -> None:
    """Somebody undoes each of them."""
    cluster.load([front(APPS[:1])])
    clock = [NOW]
    written = Writes(api, newest(cluster), lambda: clock[0])
    undone = {"spec": front(APPS[:1])["spec"], "metadata": {"annotations": {"kubesleeper.io/saved-backends": None}}}

    async def write() -> None:
        await written.act(Redirect((own_routes(stored(cluster))["app-0"],)), app("app-0"))

    for _ in range(writes.BURST):
        await write()
        cluster.verbs.patch(kinds.INGRESSES, FRONT, MERGE, undone)
    with pytest.raises(TooSoon) as caught:
        await write()
    assert caught.value.wait == writes.EVERY
    clock[0] += writes.EVERY
    await write()
    with pytest.raises(TooSoon):
        await write()
    await written.act(Restore((own_routes(stored(cluster))["app-0"],)), app("app-0"))
    assert held(cluster) == set()


@pytest.mark.parametrize("first", [ScaleToZero(1), RequestWake()], ids=["sleep", "wake"])
async def test_each_lane_of_a_workload_has_its_own_bound(api: Api, cluster: DemoCluster, first: Action) -> None:
    written = Writes(api, newest(cluster), lambda: NOW)
    there = app("app-0")
    other: Action = RequestWake() if isinstance(first, ScaleToZero) else ScaleToZero(1)
    results = [await outcome(written.act(first, there)) for _ in range(writes.BURST + 1)]
    assert [each is TooSoon for each in results] == [False] * writes.BURST + [True]
    assert await outcome(written.act(other, there)) is not TooSoon


async def outcome(writing: Any) -> type:
    try:
        await writing
    except ClusterError as error:
        return type(error)
    return type(None)


async def test_what_was_written_before_etcd_was_restored_is_not_believed_for_ever(
    cluster: DemoCluster, api: Api
) -> None:
    """Its version is higher than all that come after."""
    cluster.load([front(APPS[:1])])
    written = Writes(api, newest(cluster), lambda: NOW)
    move = Redirect((own_routes(stored(cluster))["app-0"],))
    backup = cluster.store.snapshot()
    await written.act(move, app("app-0"))
    cluster.store.restore(backup)
    assert [await outcome(written.act(move, app("app-0"))) for _ in range(2)] == [Conflict, type(None)]
    assert held(cluster) == {"app-0"}


@pytest.mark.parametrize("times", [0, 1, writes.GIVE_BACK_TRIES - 1])
async def test_fields_are_given_back_also_if_others_write_in_between(
    cluster: DemoCluster, api: Api, times: int
) -> None:
    """A Deployment's controller writes its status right after each change."""
    cluster.verbs.keeps_managers = True
    cluster.load([front(APPS[:1])])

    def gives_back(call: Call) -> bool:
        return "managedFields" in str(call.body)

    raced = cluster.api.faults.order(Fault("patch", "ingresses", times=times, refusal=TEST_FAILED, only=gives_back))
    await Writes(api, newest(cluster), lambda: NOW).act(Redirect((own_routes(stored(cluster))["app-0"],)), app("app-0"))
    found = cluster.get("Ingress", *FRONT)
    assert found
    assert (raced.met, found["metadata"].get("managedFields"), held(cluster)) == (times, None, {"app-0"})
