"""Actions -> the API: each is one guarded patch an object, and nothing is read here that was not looked at before.

A Conflict means that somebody was faster; the caller looks again. Dry-run and the Lease are filters of the caller.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from waker.cluster.client import Api
from waker.cluster.resources import INGRESSES, workload_path
from waker.plan import workload_patches
from waker.plan.actions import Action, Redirect, Restore
from waker.plan.model import Ingress, Route, RouteId, Workload
from waker.plan.routes import swap

Ingresses = Mapping[str, Ingress]  # of the app's namespace, by name


async def apply(api: Api, action: Action, workload: Workload, ingresses: Ingresses, now: datetime) -> None:
    """Carry out one action. Raises Conflict, ClusterError."""
    match action:
        case Redirect(routes):
            for name in _names(route.id for route in routes):
                mine = [route for route in routes if route.id.ingress == name]
                await _patch(api, ingresses[name], swap.redirect(ingresses[name], mine, now))
        case Restore(routes, forget):
            for name in _names([*(route.id for route in routes), *forget]):
                mine = [route for route in routes if route.id.ingress == name]
                gone = [id for id in forget if id.ingress == name]
                await apply_restore(api, ingresses[name], mine, gone)
        case _:
            await api.patch(workload_path(workload.id), workload_patches.patch(workload, action, now))


async def apply_restore(api: Api, ingress: Ingress, routes: Iterable[Route], forget: Iterable[RouteId]) -> None:
    """Point routes of one Ingress back, and drop entries. Raises Conflict, ClusterError."""
    await _patch(api, ingress, swap.restore(ingress, routes, forget))


def _names(ids: Iterable[RouteId]) -> list[str]:
    return list(dict.fromkeys(id.ingress for id in ids))


async def _patch(api: Api, ingress: Ingress, patch: swap.Patch) -> None:
    await api.patch(INGRESSES.one(ingress.namespace, ingress.name), patch)
