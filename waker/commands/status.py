"""`waker status`: one line an app, asked of the running service; without it, worked out here as far as that goes."""

import json
from typing import Any

from waker.cluster.client import Api
from waker.commands.target import ask_service
from waker.errors import NotFound
from waker.explain.status import row, table
from waker.observe.app import RuntimeFacts, snapshot
from waker.observe.cluster import ClusterCache
from waker.plan.decide import decide
from waker.plan.model import AppId
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.flags import Settings


async def status(settings: Settings, namespace: str | None, output: str) -> str:
    """The text to print: all apps, or those of one namespace. Raises ClusterError."""
    async with cluster_cache(settings) as (api, cluster):
        rows = await all_rows(api, settings, cluster)
    rows = [each for each in rows if namespace in (None, each["namespace"])]
    return json.dumps(rows, indent=2) if output == "json" else table(rows)


async def all_rows(api: Api, settings: Settings, cluster: ClusterCache) -> list[dict[str, Any]]:
    """One row an app, from the running service, else worked out here."""
    asked: list[dict[str, Any]] | None = await ask_service(api, settings, "/apps")
    return [_row(cluster, app) for app in sorted(cluster.apps())] if asked is None else asked


def _row(cluster: ClusterCache, app: AppId) -> dict[str, Any]:
    observed = cluster.observe(app, Live())
    if observed is None:
        raise NotFound(f"{app} is gone")
    plan = decide(snapshot(observed, RuntimeFacts()), now())
    return row(observed.workload, plan, None, now())
