"""Every kind of write that the service makes, and a life of an app in which each of them occurs.

`test_every_answer` gives each of them each answer that an API server can give, `test_every_crash` has waker killed right before
and right after each. The test in here holds the list complete: a write that it does not know fails it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from waker import names
from waker.demo import kinds
from waker.demo.faults import Call, Fault
from waker.demo.kinds import Key, Obj, field_of
from waker.demo.refusals import conflict
from waker.plan.times import format_time

from .scene import BLOG, SHOP, ServiceScene, scene

MERGE: Any = "application/merge-patch+json"
MOMENT: Final = timedelta(milliseconds=50)
SECOND: Final = "shop-too"  # the shop's other Ingress
KEPT: Final = {"Service", "Ingress", "EndpointSlice"}  # in a namespace of apps
Is = Callable[[Call], bool]


def write(verb: str, resource: str, name: str = "", like: Callable[[Any], bool] = lambda body: True) -> Is:
    """Requests with this verb on this object, whose body is like that."""

    def matches(call: Call) -> bool:
        called = field_of(call.body, "metadata.name") if verb == "create" else call.name
        return (call.verb, call.resource) == (verb, resource) and name in ("", called) and like(call.body)

    return matches


def keeper(verb: str) -> Is:
    """Requests with this verb on a keeper: the way to the doors, or the upstreams."""

    def matches(call: Call) -> bool:
        called = field_of(call.body, "metadata.name") if verb == "create" else call.name
        return (call.verb, call.resource) == (verb, "ingresses") and str(called).startswith(names.KEEPER)

    return matches


def moves(ingress: str, *, to_waker: bool) -> Is:
    """The patch that points an Ingress at waker, or back."""

    def like(body: Any) -> bool:
        steps = [step for step in body if step["path"].endswith("backend")] if isinstance(body, list) else []
        return bool(steps) and all((names.WAKER_SERVICE in str(step["value"])) is to_waker for step in steps)

    return write("patch", "ingresses", ingress, like)


def gives_back(body: Any) -> bool:
    """The patch after which waker owns no field of an object."""
    return isinstance(body, list) and any("managedFields" in step["path"] for step in body)


def annotates(body: Any, *keys: str, replicas: bool = False) -> bool:
    """A patch of a workload that writes these annotations, and replicas or not."""
    if not isinstance(body, dict):
        return False
    written = {key for key, text in body["metadata"]["annotations"].items() if text is not None}
    return set(keys) <= written and ("spec" in body) is replicas and bool(written) is bool(keys)


def takes(body: Any) -> bool:
    """The patch by which a replica begins to hold the Lease."""
    return "leaseTransitions" in body["spec"]


WRITES: Final[dict[str, Is]] = {
    "create the Lease": write("create", "leases"),
    "take the Lease": write("patch", "leases", like=takes),
    "renew the Lease": write("patch", "leases", like=lambda body: not takes(body)),
    "create the book of doors": write("create", "configmaps", names.DOORS_MAP),
    "reserve a door": write("patch", "configmaps", names.DOORS_MAP),
    "record visits": write("patch", "configmaps", names.ACTIVITY, lambda body: "activity" in body["data"]),
    "record a controller's namespace": write(
        "patch", "configmaps", names.ACTIVITY, lambda body: "controller-namespaces" in body["data"]
    ),
    "create waker's Service": write("create", "services"),
    "patch waker's Service": write("patch", "services"),
    "delete waker's Service": write("delete", "services"),
    "create a slice": write("create", "endpointslices"),
    "patch a slice": write("patch", "endpointslices"),
    "delete a slice": write("delete", "endpointslices"),
    "create a keeper": keeper("create"),
    "patch a keeper": keeper("patch"),
    "delete a keeper": keeper("delete"),
    "redirect an Ingress": moves("shop", to_waker=True),
    "redirect the second Ingress": moves(SECOND, to_waker=True),
    "restore an Ingress": moves("shop", to_waker=False),
    "restore the second Ingress": moves(SECOND, to_waker=False),
    "give back an Ingress's fields": write("patch", "ingresses", like=gives_back),
    "scale to zero": write(
        "patch", "deployments", like=lambda body: annotates(body, names.SAVED_REPLICAS, replicas=True)
    ),
    "scale up": write(
        "patch", "deployments", like=lambda body: annotates(body, names.WAKE_REQUESTED_AT, replicas=True)
    ),
    "request a wake": write("patch", "deployments", like=lambda body: annotates(body, names.WAKE_REQUESTED_AT)),
    "forget a sleep": write("patch", "deployments", like=lambda body: annotates(body, names.AWAKE_SINCE)),
    "leave a workload": write("patch", "deployments", like=annotates),
    "give back a workload's fields": write("patch", "deployments", like=gives_back),
    "create an Event": write("create", "events"),
    "count an Event": write("patch", "events"),
}
OF_APP: Final = frozenset(
    each for each in WRITES if each.split()[0] in ("redirect", "restore", "scale", "request", "forget")
)
BEST_EFFORT: Final = frozenset(each for each in WRITES if each.startswith("give back") or each.endswith("an Event"))
OF_NAMESPACE: Final = frozenset(
    f"{verb} {what}" for verb in ("create", "patch") for what in ("waker's Service", "a slice", "a keeper")
)


def kinds_of(call: Call) -> list[str]:
    """What kind of write a request is: one of WRITES; nothing if it is none."""
    return [kind for kind, matches in WRITES.items() if matches(call)]


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a life waits for comes in milliseconds."""
    for name, value in {
        "waker.observe.activity.QUIET": timedelta(),
        "waker.observe.activity.EVERY": MOMENT,
        "waker.observe.activity.LOOK": 0.05,
        "waker.observe.controller_namespaces.LOOK": 0.05,
        "waker.observe.controller_namespaces.RETRY": 0.05,
        "waker.reconcile.doors.ERROR_AGAIN": 0.05,
        "waker.reconcile.namespace.LISTENING_AGAIN": 0.1,
        "waker.cluster.lease.RETRY_PERIOD": 0.05,
        "waker.cluster.event_correlation.EVERY": MOMENT,
        "waker.cluster.event_correlation.REPEAT_AFTER": MOMENT,
        "waker.plan.turned_back.WAITS": (MOMENT * 10,),
    }.items():
        monkeypatch.setattr(name, value)


def own(resource: str, name: str, group: str, kind: str, **fields: Any) -> Obj:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": "kubesleeper"}, **fields}


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[ServiceScene]:
    """A shop with two Ingresses and a blog, not enabled yet; the Lease is there and free."""
    async with scene(folder, SHOP, BLOG) as it:
        it.cluster.verbs.keeps_managers = True
        first = it.ingress()
        rules = [each | {"host": "second.localhost"} for each in first["spec"]["rules"]]
        second = {"metadata": {"name": SECOND}, "spec": first["spec"] | {"rules": rules}}
        it.cluster.load(
            [
                second | {"apiVersion": first["apiVersion"], "kind": "Ingress"},
                own("configmaps", names.ACTIVITY, "v1", "ConfigMap"),
                own("leases", names.LEASE, "coordination.k8s.io/v1", "Lease", spec={"holderIdentity": ""}),
            ]
        )
        for name in ("shop", "blog"):
            it.annotate(names.ENABLED, None, name)
        await it.cluster.ingress.caught_up()
        yield it


def theirs(it: ServiceScene) -> Any:
    """All that the users have written, and nothing else may be there in the end."""
    notes = [sorted(it.noted(name)) for name in ("shop", "blog")]
    second = it.ingress(SECOND)
    return [it.wish("shop"), it.wish("blog"), second["spec"], second["metadata"].get("annotations"), notes]


def managers(it: ServiceScene) -> list[str]:
    """Who owns fields of the users' objects, by what is written on them."""
    objects = [it.ingress(), it.ingress(SECOND), it.ingress("blog"), it.deployment(), it.deployment("blog")]
    return [str(each["metadata"]["managedFields"]) for each in objects if "managedFields" in each["metadata"]]


def ask_for_sleep(it: ServiceScene) -> None:
    it.annotate(names.SLEEP_REQUESTED_AT, format_time(datetime.now(UTC)))


def led_to_waker(it: ServiceScene) -> bool:
    return it.held() and it.held(SECOND)


def led_to_the_shop(it: ServiceScene) -> bool:
    return not (it.held() or it.held(SECOND) or names.SAVED_REPLICAS in it.noted())


async def begins(it: ServiceScene) -> None:
    """The two apps are enabled, one after the other, and the Lease is deleted."""
    it.annotate(names.ENABLED, "true")
    await it.until(lambda: set(it.present()) == KEPT)
    it.annotate(names.ENABLED, "true", "blog")
    await it.until(lambda: len(ports(it, "Service", names.WAKER_SERVICE)) == len(ports(it, "EndpointSlice")) == 2)
    it.cluster.verbs.remove(kinds.LEASES, Key("kubesleeper", names.LEASE))
    await it.until(lambda: it.cluster.get("Lease", "kubesleeper", names.LEASE))
    await it.until(lambda: "default/shop" in str(it.cluster.get("ConfigMap", "kubesleeper", names.ACTIVITY)))


def ports(it: ServiceScene, kind: str, name: str = "kubesleeper-waker-1") -> list[Any]:
    found = it.cluster.get(kind, "default", name) or {}
    return list((found.get("spec") or found).get("ports") or ())


async def visit(it: ServiceScene) -> int:
    """A browser's request; the HTTP status, 0 if there was no answer: waker may be dead at this moment."""
    with suppress(OSError, TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(1):
            return (await it.visit()).status
    return 0


async def comes_until_served(it: ServiceScene) -> None:
    while await visit(it) != 200:  # noqa: ASYNC110 - as a person would
        await asyncio.sleep(0.01)


async def turns_back(it: ServiceScene) -> None:
    """It was on its way to sleep when somebody came."""
    held_up = Fault("patch", "deployments", times=None, only=WRITES["scale to zero"])
    held_up.refusal = conflict(kinds.DEPLOYMENTS, Key("default", "shop"))
    it.cluster.api.faults.order(held_up)
    ask_for_sleep(it)
    await it.until(lambda: led_to_waker(it))
    while names.SLEEP_REQUESTED_AT in it.noted():  # a wake request takes its place
        await visit(it)
        await asyncio.sleep(0.01)
    await it.until(lambda: led_to_the_shop(it))
    it.cluster.api.faults.withdraw(held_up)


def sleeps(it: ServiceScene) -> bool:
    """Asks again where a visitor, who came before that was seen, has withdrawn it."""
    if it.replicas() and led_to_the_shop(it) and names.SLEEP_REQUESTED_AT not in it.noted():
        ask_for_sleep(it)
    return it.replicas() == 0 and led_to_waker(it)


async def sleeps_and_wakes(it: ServiceScene) -> None:
    await it.until(lambda: sleeps(it))
    await comes_until_served(it)
    await it.until(lambda: it.replicas() == 2 and led_to_the_shop(it))


async def ends(it: ServiceScene) -> None:
    """Both apps are their users' alone again."""
    for name in ("shop", "blog"):
        it.annotate(names.ENABLED, None, name)
    await it.until(lambda: not it.present())


async def life(it: ServiceScene) -> None:
    """From the first annotation to the last. Afterwards everything is as it was."""
    before = theirs(it)
    await begins(it)
    await turns_back(it)
    await sleeps_and_wakes(it)
    await ends(it)
    await it.until(lambda: theirs(it) == before)


async def test_every_write_of_a_life_is_known_and_occurs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    async with stage(tmp_path) as it, it.waker():
        await life(it)
        await it.until(lambda: not managers(it))
        calls = [call for call in it.cluster.api.faults.calls if call.verb not in ("get", "list", "watch")]
    assert [call for call in calls if len(kinds_of(call)) != 1] == []
    occurred = Counter(kind for call in calls for kind in kinds_of(call))
    assert WRITES.keys() - occurred.keys() == set()
