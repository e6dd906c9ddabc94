"""`waker check --candidates`: workloads that nobody visits, by Prometheus, else by what waker itself has counted since it runs.

A waker that runs with --observe counts for all workloads and puts none to sleep; any other one knows those that are enabled.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from waker.checks import history, installation
from waker.checks.candidates import Quiet, candidates, text
from waker.cluster.client import Api
from waker.commands.target import ask_service
from waker.errors import ScrapeError, WakerError
from waker.observe.app import interests
from waker.observe.cluster import ClusterCache
from waker.observe.observed_app import ObservedApp
from waker.plan.model import Phase, Workload
from waker.process import cluster_cache
from waker.settings.configmap import Live
from waker.settings.durations import format_duration, parse_duration, parse_floor
from waker.settings.flags import Settings
from waker.traffic.controllers import SeriesKey
from waker.traffic.controllers.configured import configured_adapter

NOT_COUNTED = "the running service does not count for them; run waker with --observe, or set prometheus-url"
NO_SERVICE = (
    "neither Prometheus nor the running service could be asked: set prometheus-url, or install waker with --observe"
)

Visited = Mapping[str, frozenset[SeriesKey]]  # by controller


async def found(settings: Settings, namespace: str | None, idle_for: str, output: str) -> str:
    """The text to print. Raises WakerError: there is nobody who knows."""
    at_least = parse_duration(idle_for)
    async with cluster_cache(settings) as (api, cluster):
        live, _ = await installation.settings(api, settings.own_namespace)
        apps = list(_able(cluster, live, namespace))
        if live.prometheus_url:
            quiet = await _by_prometheus(api, apps, live, at_least)
            source = f"by Prometheus at {live.prometheus_url}"
        else:
            rows: list[Mapping[str, Any]] | None = await ask_service(api, settings, "/apps")
            if rows is None:
                raise WakerError(NO_SERVICE)
            quiet, source = list(_by_service(apps, rows)), "by waker's own count since it runs"
    result = candidates(quiet, at_least, source)
    return json.dumps(result, indent=2) if output == "json" else text(result)


def _able(cluster: ClusterCache, live: Live, namespace: str | None) -> Iterator[ObservedApp]:
    """The workloads that could sleep and do not."""
    for informer in cluster.workloads.values():
        for each in sorted(informer.values(), key=_id):
            if each.replicas and namespace in (None, each.id.namespace):
                observed = cluster.observe(each.id, live)
                if observed and observed.routes and not observed.obstacles:
                    yield observed


def _id(workload: Workload) -> tuple[str, str]:
    return workload.id.namespace, workload.id.name


def _quiet(app: ObservedApp, idle: timedelta | None, unknown: str = "") -> Quiet:
    workload = app.workload
    return Quiet(workload.id, workload.replicas, workload.requests, idle, app.policy is not None, unknown)


async def _by_prometheus(api: Api, apps: list[ObservedApp], live: Live, within: timedelta) -> list[Quiet]:
    names = sorted({each.controller for app in apps for each in interests(app.as_if_enabled())})
    visited: dict[str, frozenset[SeriesKey]] = {}
    unknown: dict[str, str] = {}
    for name in names:
        adapter = configured_adapter(name, live)
        if adapter is None:
            continue
        try:
            if not history.samples(await history.ask(api, live.prometheus_url, history.known_query(adapter, within))):
                unknown[name] = f"Prometheus has no {adapter.requests.metric} of {format_duration(within)} ago"
                continue
            answer = await history.ask(api, live.prometheus_url, history.visited_query(adapter, within))
            visited[name] = history.keys_of(adapter, answer)
        except ScrapeError as error:
            unknown[name] = str(error)
    return [_counted(app, visited, unknown, within) for app in apps]


def _counted(app: ObservedApp, visited: Visited, unknown: Mapping[str, str], within: timedelta) -> Quiet:
    wanted = interests(app.as_if_enabled())
    why = next((unknown[each.controller] for each in sorted(wanted) if each.controller in unknown), "")
    if why or not wanted:
        return _quiet(app, None, why or "no ingress controller counts them")
    came = any(not visited[each.controller].isdisjoint(each.keys) for each in wanted if each.controller in visited)
    return _quiet(app, timedelta() if came else within)


def _by_service(apps: list[ObservedApp], rows: list[Mapping[str, Any]]) -> Iterator[Quiet]:
    known = {(each["kind"], each["namespace"], each["name"]): each for each in rows}
    for app in apps:
        row = known.get((str(app.workload.id.kind), app.workload.id.namespace, app.workload.id.name))
        if row is None:
            yield _quiet(app, None, NOT_COUNTED)
        elif row["phase"] == Phase.AWAKE and row["idleFor"]:
            yield _quiet(app, parse_floor(row["idleFor"]))
        else:
            yield _quiet(app, None, str(row.get("cause") or row["reason"]))
