"""Would the API server take what waker writes? Each kind of write is tried with `dryRun=All`, so that nothing changes.

Quotas, admission policies, webhooks and validation all speak up then, in their own words. In the name of waker's
ServiceAccount if the caller may act as it, for policies may look at who writes.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from waker import names
from waker.checks.at_once import a_few_at_once
from waker.checks.findings import CheckLine, ok, problem, unknown
from waker.checks.inquiry import Inquiry
from waker.cluster.client import Api
from waker.cluster.resources import ENDPOINT_SLICES, INGRESSES, ROUTES, SERVICES, Resource, workload_path
from waker.errors import ClusterError, Conflict, RefusalCause, Refused
from waker.explain.fixes import target
from waker.observe.observed_app import ObservedApp
from waker.plan import owned_objects, workload_patches
from waker.plan.actions import ScaleToZero
from waker.plan.doors import DoorBook, DoorKey, port_name
from waker.plan.owned_objects import DoorPort
from waker.plan.routes import keeper
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Route

SUBJECT: Final = "writes"
AT_ONCE: Final = 8
NO_HOST: Final = "00"  # hosts of keepers that are never made
ANY_HOST: Final = "192.0.2.1"  # RFC 5737: of no pod

Json = dict[str, Any]


class TriedWrite(NamedTuple):
    """One write. `fix`: where to look if it is refused and nothing says by whom."""

    what: str
    namespace: str
    act: Callable[[], Awaitable[object]]
    fix: str


async def lines(inquiry: Inquiry) -> list[CheckLine]:
    """A line for each write that would be refused, or that all would be taken."""
    tries = [each for app in inquiry.observed for each in _of_app(inquiry, app)]
    first = {app.workload.id.namespace: app for app in reversed(inquiry.observed) if app.routes}
    tries += [each for app in first.values() for each in _of_namespace(inquiry, app)]
    if not tries:
        why = "nothing would be written now" if inquiry.observed else "no app is enabled yet"
        return [ok(SUBJECT, f"{why}, so no write was tried")]
    found = await a_few_at_once(map(_tried, tries), AT_ONCE)
    refused = [line for line in found if line]
    count = len(tries)
    all_of_them = "the one write that was tried" if count == 1 else f"each of {count} writes that were tried"
    return refused or [ok(SUBJECT, f"the API server would take {all_of_them}")]


async def _tried(each: TriedWrite) -> CheckLine | None:
    try:
        await each.act()
    except Conflict:  # somebody has changed it just now, or it is there already
        return None
    except Refused as error:
        return problem(SUBJECT, f"{each.what} would be refused: {error}", _mend(error, each))
    except ClusterError as error:
        return unknown(SUBJECT, f"whether {each.what} would be refused is not known: {error}", each.fix)
    return None


def _mend(error: Refused, each: TriedWrite) -> str:
    """Where to look, by who refuses."""
    match error.cause:
        case RefusalCause.QUOTA:
            return f"kubectl -n {each.namespace} describe resourcequota"
        case RefusalCause.ADMISSION:
            return "kubectl get validatingadmissionpolicies,validatingwebhookconfigurations"
    return each.fix


def _of_app(inquiry: Inquiry, app: ObservedApp) -> Iterator[TriedWrite]:
    """Its replicas, and its routes."""
    workload, fix = app.workload, f"kubectl describe {target(*app.workload.id)}"
    if workload.replicas:
        patch = workload_patches.patch(workload, ScaleToZero(workload.replicas), inquiry.now)
        act = partial(_patch, inquiry, workload_path(workload.id), patch)
        yield TriedWrite(f"the sleep of {workload.id}", workload.id.namespace, act, fix)
    mine = [route for route in app.routes if route.leads_to == ""]
    for holder in dict.fromkeys(route.id.object for route in mine):
        routes = [replace(route, door=inquiry.live.door_ports.first) for route in mine if route.id.object == holder]
        found = app.objects.get(holder)
        if found:
            path = ROUTES[holder.kind].one(holder.namespace, holder.name)
            move = KINDS[holder.kind].redirect(found, routes, inquiry.now)
            seen = f"kubectl describe {target(*holder)}"
            yield TriedWrite(f"the move of {holder}", holder.namespace, partial(_patch, inquiry, path, move), seen)


def _of_namespace(inquiry: Inquiry, app: ObservedApp) -> Iterator[TriedWrite]:
    """What waker makes there and is not there yet, as for this app."""
    namespace = app.workload.id.namespace
    there = inquiry.cluster.owned(namespace)
    made = {SERVICES: there.service, ENDPOINT_SLICES: there.slices, INGRESSES: there.keepers}
    for resource, body in _own_objects(inquiry, app, app.routes[0]):
        if made[resource]:
            continue
        what = f"a {resource.kind} {body['metadata']['name']} in namespace {namespace}"
        fix = f"kubectl describe namespace {namespace} -n {namespace}"
        yield TriedWrite(what, namespace, partial(_create, inquiry, resource, namespace, body), fix)


def _own_objects(inquiry: Inquiry, app: ObservedApp, route: Route) -> Iterable[tuple[Resource, Json]]:
    key, number = DoorKey(app.workload.id, route.backend), inquiry.live.door_ports.first
    doors = [DoorPort(port_name(key), number)]
    yield SERVICES, owned_objects.service(doors)
    yield ENDPOINT_SLICES, owned_objects.endpoint_slice(owned_objects.SLICE_NAMES[0], "IPv4", [ANY_HOST], doors)
    holder = app.objects.get(route.id.object)
    ingress_class = inquiry.cluster.class_name(holder) if holder else ""
    seen = keeper.ClassesSeen(inquiry.cluster.served_by())
    made = keeper.keepers(app.workload.id.namespace, {ingress_class: {key: number}}, DoorBook(secret=NO_HOST), seen)
    yield from ((INGRESSES, body) for body in made[:1])


async def _patch(inquiry: Inquiry, path: str, patch: Any) -> None:
    await _as_waker(inquiry, lambda api: api.patch(path, patch, dry=True))


async def _create(inquiry: Inquiry, resource: Resource, namespace: str, body: Json) -> None:
    labels = body["metadata"].get("labels", {}) | {names.INSTALLATION: inquiry.namespace}
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
    whole["metadata"] = body["metadata"] | {"labels": labels}
    await _as_waker(inquiry, lambda api: api.create(resource.collection(namespace), whole, dry=True))


async def _as_waker(inquiry: Inquiry, act: Callable[[Api], Awaitable[object]]) -> None:
    """In waker's name; in the caller's, if that is not allowed."""
    try:
        await act(inquiry.as_waker)
    except Refused as error:
        if "impersonate" not in str(error):
            raise
        await act(inquiry.api)
