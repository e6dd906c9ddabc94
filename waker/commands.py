"""The one-shot commands: what a person asks for, said to the cluster. Each returns the text to print.

They speak to the API server only, with the person's own kubeconfig. `sleep`, `wake` and `auto` write an annotation, the
service does the rest. (`restore` is in `restoring`: it does the work itself.)
"""

import json
from collections.abc import Mapping
from typing import Any

from waker import names
from waker.app import watching
from waker.cluster.resources import SERVICES, workload_path
from waker.errors import ClusterError, NotFound, WakerError
from waker.plan.decide import decide
from waker.plan.model import AppId, Kind, Pin, Snapshot, Traffic
from waker.plan.originals import format_time
from waker.service import now
from waker.settings import Live, Settings
from waker.status import row, table
from waker.world import World

Wanted = Mapping[str, str | None]  # annotations; None removes

NOT_TOLD = "the service waker cannot be asked"


async def status(settings: Settings, namespace: str | None, output: str) -> str:
    """All apps. Asked of the running service; if that is not there, worked out here, without traffic."""
    async with watching(settings) as (api, world):
        try:
            rows: list[dict[str, Any]] = await api.get(service_path(settings) + "/proxy/apps")  # type: ignore[assignment]
        except ClusterError:
            rows = [_row(world, app) for app in sorted(world.apps())]
    rows = [each for each in rows if namespace in (None, each["namespace"])]
    return json.dumps(rows, indent=2) if output == "json" else table(rows)


def service_path(settings: Settings) -> str:
    """The path of the running service's private port, without `/proxy/...`."""
    return SERVICES.one(settings.own_namespace, f"{names.OWN_SERVICE}:metrics")


def _row(world: World, app: AppId) -> dict[str, Any]:
    sight = world.sight(app, Live())
    if sight is None:
        raise NotFound(f"{app} is gone")
    problems = sight.reading.problems + (sight.found.problems if sight.reading.policy else ())
    traffic = Traffic(unknown=NOT_TOLD)
    seen = Snapshot(sight.workload, sight.reading.policy, sight.found.routes, traffic, problems, sight.found.orphans)
    return row(sight.workload, decide(seen, now()), None, now())


async def sleep(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Ask for sleep: until the next visitor, or with `pin` until somebody says otherwise."""
    wanted: Wanted = {names.STATE: str(Pin.ASLEEP)} if pin else {names.SLEEP_ASKED_AT: format_time(now())}
    return await _annotate(settings, namespace, name, wanted)


async def wake(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Ask for a wake: by traffic again afterwards, or with `pin` awake until somebody says otherwise."""
    wanted: Wanted = {names.STATE: str(Pin.AWAKE)} if pin else {names.WISHED_AT: format_time(now())}
    return await _annotate(settings, namespace, name, wanted)


async def auto(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Remove the pin."""
    return await _annotate(settings, namespace, name, {names.STATE: None})


async def _annotate(settings: Settings, namespace: str, name: str, wanted: Wanted) -> str:
    async with watching(settings) as (api, world):
        app = find(world, namespace, name)
        sight = world.sight(app, Live())
        if not sight or not sight.reading.policy:
            raise WakerError(f'{app.kind} {app} is not managed: it has no annotation {names.ENABLED}: "true"')
        if names.STATE not in wanted and sight.reading.policy.pin is not Pin.AUTO:
            raise WakerError(
                f"{app.kind} {app} is pinned {sight.reading.policy.pin}: use --pin, or `waker auto {name}` first"
            )
        await api.patch(workload_path(app), {"metadata": {"annotations": wanted}})
    said = ", ".join(f"{key}={value}" if value else f"{key} removed" for key, value in wanted.items())
    return f"{app.kind.lower()}/{app.name} in {namespace}: {said}"


def find(world: World, namespace: str, text: str) -> AppId:
    """The workload that a person means by `shop` or `deployment/shop`. Raises WakerError."""
    kind, _, name = text.rpartition("/")
    kinds = [each for each in Kind if not kind or each.lower() == kind.lower().rstrip("s")]
    found = [each for each in kinds if name in world.workloads[each].within(namespace)]
    if len(found) != 1:
        problem = "is no Deployment or StatefulSet" if not found else "is both a Deployment and a StatefulSet"
        raise WakerError(f"{text[:80]!r} {problem} in namespace {namespace}")
    return AppId(found[0], namespace, name)
