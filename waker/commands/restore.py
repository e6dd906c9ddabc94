"""`waker restore`: give everything back, of one app or of all, also when the service itself is gone.

By the same plans as the service: an app is treated as one that is not enabled. A service that still runs must not put anything
to sleep again: with `--all` it is paused first, one app is pinned awake. It may help meanwhile, for each step is guarded.
Whatever is refused stops nothing else; in the end all that is left is named, with the reason.
"""

import asyncio
import logging
from collections.abc import Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from waker import names
from waker.cluster import owned_objects
from waker.cluster.app_endpoints import AppEndpoints, Reply
from waker.cluster.autoscalers import least_replicas
from waker.cluster.resources import CONFIG_MAPS
from waker.cluster.writes import Writes
from waker.commands.target import find_workload
from waker.errors import ClusterError, Conflict, NotFound, TooSoon, WakerError
from waker.explain.fixes import target
from waker.observe.app import RuntimeFacts, all_ready, snapshot
from waker.observe.cluster import ClusterCache
from waker.observe.installations import left_to
from waker.observe.observed_app import ObservedApp
from waker.plan.actions import Plan, Restore, ScaleUp
from waker.plan.codes import Code
from waker.plan.decide import decide
from waker.plan.model import Address, AppId, Phase, Pin
from waker.plan.routes.kinds import unclaimed
from waker.plan.snapshot import Fact
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.durations import parse_duration
from waker.settings.flags import Settings

log = logging.getLogger(__name__)

PASS_EVERY = 0.3  # seconds
ERROR_EVERY = 2.0  # seconds
NOT_AS_IT_WAS = (Code.REPLICAS_LOST, Code.REPLICAS_GUESSED)
LOOKS = 3  # without anything of waker's, before that is believed


class Restored(NamedTuple):
    """What is printed, and whether everything could be given back."""

    text: str
    complete: bool


class PauseResult(NamedTuple):
    """Whether a service that still runs puts nothing to sleep any more, as a sentence without its full stop."""

    sentence: str
    so: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What giving back needs. After `end` routes go back even if their app is not ready, and what is refused is left."""

    writes: Writes
    cluster: ClusterCache
    endpoints: AppEndpoints
    tasks: asyncio.TaskGroup
    end: datetime
    left: dict[str, str] = field(default_factory=dict)  # what could not be given back, and why


async def restore_all(settings: Settings, timeout: str) -> Restored:  # noqa: ASYNC109 a text
    """`waker restore --all`. What could not be given back is named, with the reason."""
    within = parse_duration(timeout)
    async with cluster_cache(settings) as (api, cluster), asyncio.TaskGroup() as tasks:
        writes = Writes(api, cluster.route_object, now, settings.own_namespace)
        paused = await _pause(writes, settings)
        work = _work(writes, cluster, tasks, now() + within)
        theirs = {each: other for each in cluster.namespaces() if (other := cluster.other_installation(each))}
        work.left.update({f"namespace {each}": left_to(other) for each, other in theirs.items()})
        apps = [app for app in cluster.apps() if app.namespace not in theirs]
        held = await asyncio.gather(*(_give_back(work, app) for app in apps))
        await asyncio.gather(*(_release_unclaimed(work, each) for each in sorted(cluster.namespaces() - theirs.keys())))
        await _leave(work, cluster.namespaces() - theirs.keys())
        _stop_watching(work)
    awake = sum(was_held and _key(app) not in work.left for app, was_held in zip(apps, held, strict=True))
    done = _awake_again(awake, nothing=not any(held) and not work.left)
    if work.left or not paused.so:
        return Restored("\n".join([f"{done}{paused.sentence}.", *_left(work)]), complete=False)
    left_nothing = "and has left nothing in the namespaces of apps"
    return Restored(f"{done}{paused.sentence}, {left_nothing}.", complete=True)


async def restore_one(settings: Settings, timeout: str, namespace: str, name: str) -> Restored:  # noqa: ASYNC109 a text
    """`waker restore NAME`. Raises WakerError if there is nothing to give back."""
    within = parse_duration(timeout)
    async with cluster_cache(settings) as (api, cluster), asyncio.TaskGroup() as tasks:
        app = find_workload(cluster, namespace, name)
        writes = Writes(api, cluster.route_object, now, settings.own_namespace)
        observed = cluster.observe(app, Live())
        if not observed or not (observed.policy or observed.is_held):
            raise WakerError(f"{app.kind} {app} is neither enabled nor asleep: there is nothing to give back")
        await writes.annotate(app, {names.STATE: str(Pin.AWAKE)})
        work = _work(writes, cluster, tasks, now() + within)
        await _give_back(work, app)
        _stop_watching(work)
    if work.left:
        return Restored("\n".join(_left(work)), complete=False)
    done = f"{app.kind.lower()}/{app.name} in {namespace} is as its user had it, and pinned awake"
    return Restored(f"{done}; `waker auto {target(*app)}` lets it sleep again", complete=True)


def _awake_again(count: int, *, nothing: bool) -> str:
    """How many apps were woken, as a sentence and a blank; "" if those that are left say more."""
    if not count:
        return "Nothing was asleep. " if nothing else ""
    return "1 app was asleep and is awake again. " if count == 1 else f"{count} apps were asleep and are awake again. "


def _key(app: AppId) -> str:
    """Under which name an app is listed that could not be given back."""
    return f"{app.kind} {app}"


def _left(work: Work) -> list[str]:
    return [f"left: {what}: {why}" for what, why in sorted(work.left.items())]


def _work(writes: Writes, cluster: ClusterCache, tasks: asyncio.TaskGroup, end: datetime) -> Work:
    endpoints = AppEndpoints(writes.api, lambda app: None, now, _none_excluded, _assume_reachable)
    return Work(writes, cluster, endpoints, tasks, end)


def _stop_watching(work: Work) -> None:
    for app in work.endpoints.watched():
        work.endpoints.unwatch(app)


def _none_excluded(_address: Address) -> bool:
    """Nothing is sent to any address by this command."""
    return False


async def _assume_reachable(_address: Address) -> Reply:
    """Pods cannot be reached from everywhere that this command runs: what Kubernetes says has to do."""
    return Reply.ACCEPTED


async def _pause(writes: Writes, settings: Settings) -> PauseResult:
    """Without its ConfigMap the service is gone, or has nothing to read."""
    path = CONFIG_MAPS.one(settings.own_namespace, names.CONFIG_MAP)
    try:
        await writes.patch_installed(path, {"data": {"paused": "true"}})
    except NotFound:
        where = f"there is no ConfigMap {names.CONFIG_MAP} in namespace {settings.own_namespace}"
        return PauseResult(f"KubeSleeper is gone ({where})", so=True)
    except ClusterError as error:
        return PauseResult(f"KubeSleeper could not be paused, so it may put apps to sleep again: {error}", so=False)
    return PauseResult("KubeSleeper puts nothing to sleep any more", so=True)


async def _give_back(work: Work, app: AppId) -> bool:
    """Until nothing of waker is left on the app. Whether there was something that kept it from its visitors."""
    held = False
    while (observed := work.cluster.observe(app, Live())) is not None:
        pause = PASS_EVERY
        try:
            plan = await _plan(work, observed)
            done = not plan.actions and plan.phase in (Phase.NOT_MANAGED, Phase.STUCK)
            if plan.code in NOT_AS_IT_WAS or (done and plan.phase is Phase.STUCK):
                work.left[_key(app)] = plan.reason
            if done:
                return held
            held = held or any(isinstance(action, Restore | ScaleUp) for action in plan.actions)
            for action in plan.actions:
                await work.writes.act(action, observed.workload)
        except Conflict as error:
            log.debug("%s: %s", app, error)
        except TooSoon as error:
            pause = error.wait.total_seconds()
        except ClusterError as error:
            log.info("%s: %s", app, error)
            if now() > work.end:
                work.left[_key(app)] = str(error)
                return held
            pause = ERROR_EVERY
        await asyncio.sleep(pause)
    return held


async def _plan(work: Work, observed: ObservedApp) -> Plan:
    app = observed.workload.id
    if observed.routes:
        work.endpoints.watch(observed.workload, observed.discovery.services, work.tasks)
    await work.endpoints.try_addresses(app, observed.awaited_ports)
    is_ready = all_ready(observed, work.endpoints) or now() > work.end
    seen = snapshot(observed.released(), RuntimeFacts(ready=is_ready))
    plan = decide(seen, now())
    if plan.needs is not Fact.LEAST_REPLICAS:
        return plan
    least = await least_replicas(work.writes.api, app)
    return decide(replace(seen, least_replicas=least, gathered=frozenset({plan.needs})), now())


async def _release_unclaimed(work: Work, namespace: str) -> None:
    """Routes that no app claims any more: their workload is gone."""
    claimed = {
        route.id
        for app in work.cluster.apps_in(namespace)
        if (observed := work.cluster.observe(app, Live()))
        for route in observed.routes
    }
    for found in work.cluster.holding(namespace):
        routes, forget = unclaimed(found, claimed)
        try:
            if forget:
                await work.writes.restore(found.id, routes, forget)
        except ClusterError as error:
            work.left[str(found.id)] = str(error)


async def _leave(work: Work, namespaces: Set[str]) -> None:
    """Remove what waker made. A service that still runs may make some of it again before it knows that it is paused."""
    looks_without = 0
    while looks_without < LOOKS and now() < work.end:
        seen = {namespace: work.cluster.owned(namespace) for namespace in sorted(namespaces)}
        left = {namespace: objects for namespace, objects in seen.items() if objects.any_left}
        looks_without = 0 if left else looks_without + 1
        for namespace, objects in left.items():
            what = f"what waker keeps in namespace {namespace}"
            work.left.pop(what, None)
            try:
                await owned_objects.remove(work.writes, namespace, objects)
            except (Conflict, TooSoon) as error:
                log.debug("namespace %s: %s", namespace, error)
            except ClusterError as error:
                work.left[what] = str(error)
        await asyncio.sleep(ERROR_EVERY if work.left else PASS_EVERY)
