"""Actions -> the API: each is one guarded patch an object.

A Conflict means that somebody was faster; the caller reconciles again. Dry run and the Lease are filters of the caller.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from waker.cluster.client import Api
from waker.cluster.resources import ROUTES, workload_path
from waker.errors import Conflict
from waker.plan import workload_patches
from waker.plan.actions import Action, Redirect, Restore
from waker.plan.model import Workload
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import ObjectId, Patch, Route, RouteId, RouteObject

FindObject = Callable[[ObjectId], RouteObject | None]  # the newest version of an object that holds routes


async def apply(api: Api, action: Action, workload: Workload, find: FindObject, now: datetime) -> None:
    """Carry out one action. Raises Conflict, ClusterError."""
    match action:
        case Redirect(routes):
            for holder in dict.fromkeys(route.id.object for route in routes):
                mine = [route for route in routes if route.id.object == holder]
                await _patch(api, holder, KINDS[holder.kind].redirect(_found(find, holder), mine, now))
        case Restore(routes, forget):
            for holder in dict.fromkeys(id.object for id in (*(route.id for route in routes), *forget)):
                mine = [route for route in routes if route.id.object == holder]
                gone = [id for id in forget if id.object == holder]
                await restore_routes(api, _found(find, holder), mine, gone)
        case _:
            await api.patch(workload_path(workload.id), workload_patches.patch(workload, action, now))


async def restore_routes(
    api: Api, route_object: RouteObject, routes: Iterable[Route], forget: Iterable[RouteId]
) -> None:
    """Point routes of one object back, and drop saved entries. Raises Conflict, ClusterError."""
    patch = KINDS[route_object.id.kind].restore(route_object, routes, forget)
    await _patch(api, route_object.id, patch)


def _found(find: FindObject, holder: ObjectId) -> RouteObject:
    found = find(holder)
    if found is None:
        raise Conflict(f"{holder} is gone")
    return found


async def _patch(api: Api, holder: ObjectId, patch: Patch) -> None:
    await api.patch(ROUTES[holder.kind].one(holder.namespace, holder.name), patch)
