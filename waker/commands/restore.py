"""`waker restore --all`: give everything back and leave nothing behind, also when the service itself is gone.

By the same plans as the service: every app is treated as one that is not enabled. A service that still runs is paused
first, so that it does not put anything to sleep again; it may help meanwhile, for each step is guarded.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from waker import names
from waker.cluster import owned_objects
from waker.cluster.app_endpoints import AppEndpoints
from waker.cluster.client import Api
from waker.cluster.resources import CONFIG_MAPS
from waker.cluster.writes import Writes
from waker.errors import Conflict, NotFound
from waker.observe.app import RuntimeFacts, all_ready, routed_ports, snapshot
from waker.observe.cluster import ClusterCache
from waker.plan.actions import Restore, ScaleUp
from waker.plan.decide import decide
from waker.plan.model import Address, AppId, Phase
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.durations import parse_duration
from waker.settings.flags import Settings

log = logging.getLogger(__name__)

PASS_EVERY = 0.3  # seconds
LOOKS = 3  # without anything of waker's, before that is believed


@dataclass(frozen=True, slots=True)
class Work:
    """What giving back needs. After `end` routes go back even if their app is not ready."""

    api: Api
    writes: Writes
    cluster: ClusterCache
    endpoints: AppEndpoints
    tasks: asyncio.TaskGroup
    end: datetime


async def restore(settings: Settings, timeout: str) -> str:  # noqa: ASYNC109 a text
    """The whole command; the text to print."""
    within = parse_duration(timeout)
    async with cluster_cache(settings) as (api, cluster), asyncio.TaskGroup() as tasks:
        writes = Writes(api, cluster.route_object, now)
        await _pause(writes, settings)
        endpoints = AppEndpoints(api, lambda app: None, now, _none_excluded, _assume_reachable)
        work = Work(api, writes, cluster, endpoints, tasks, now() + within)
        apps = list(cluster.apps())
        held = await asyncio.gather(*(_give_back(work, app) for app in apps))
        await _leave(work)
        for app in work.endpoints.watched():
            work.endpoints.unwatch(app)
    return f"{sum(held)} of {len(apps)} apps were held and are given back; KubeSleeper is paused and has left every namespace"


async def _leave(work: Work) -> None:
    """Remove what waker made. A service that still runs may make some of it again before it knows that it is paused."""
    looks_without = 0
    while looks_without < LOOKS and now() < work.end:
        seen = {namespace: work.cluster.owned(namespace) for namespace in sorted(work.cluster.namespaces())}
        left = {namespace: objects for namespace, objects in seen.items() if objects.any_left}
        looks_without = 0 if left else looks_without + 1
        for namespace, objects in left.items():
            await owned_objects.remove(work.writes, namespace, objects)
        await asyncio.sleep(PASS_EVERY)


def _none_excluded(_address: Address) -> bool:
    """Nothing is sent to any address by this command."""
    return False


async def _assume_reachable(_address: Address) -> bool:
    """Pods cannot be reached from everywhere that this command runs: what Kubernetes says has to do."""
    return True


async def _pause(writes: Writes, settings: Settings) -> None:
    try:
        await writes.patch(CONFIG_MAPS.one(settings.own_namespace, names.CONFIG_MAP), {"data": {"paused": "true"}})
    except NotFound:
        return


async def _give_back(work: Work, app: AppId) -> bool:
    """Until nothing of waker is left on the app. Whether there was something that kept it from its visitors."""
    held = False
    while (observed := work.cluster.observe(app, Live())) is not None:
        if observed.routes:
            work.endpoints.watch(observed.workload, observed.discovery.services, work.tasks)
        await work.endpoints.try_addresses(app, routed_ports(observed))
        is_ready = all_ready(observed, work.endpoints) or now() > work.end
        plan = decide(snapshot(observed.released(), RuntimeFacts(ready=is_ready)), now())
        if not plan.actions and plan.phase in (Phase.NOT_MANAGED, Phase.STUCK):
            if plan.phase is Phase.STUCK:
                log.warning("%s: %s", app, plan.reason)
            return held
        held = held or any(isinstance(action, Restore | ScaleUp) for action in plan.actions)
        try:
            for action in plan.actions:
                await work.writes.act(action, observed.workload)
        except Conflict as error:
            log.debug("%s: %s", app, error)
        await asyncio.sleep(PASS_EVERY)
    return held
