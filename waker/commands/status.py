"""`waker status`: one line an app, asked of the running service; without it, worked out here as far as that goes."""

import json
from typing import Any

from waker.commands.target import service_path
from waker.errors import ClusterError, NotFound
from waker.explain.status import row, table
from waker.observe.cluster import ClusterCache
from waker.plan.decide import decide
from waker.plan.model import AppId, Snapshot, Traffic
from waker.process import cluster_cache
from waker.service import now
from waker.settings.flags import Settings
from waker.settings.live import Live

NOT_TOLD = "the service waker cannot be asked"


async def status(settings: Settings, namespace: str | None, output: str) -> str:
    """All apps. Asked of the running service; if that is not there, worked out here, without traffic."""
    async with cluster_cache(settings) as (api, world):
        try:
            rows: list[dict[str, Any]] = await api.get(service_path(settings) + "/proxy/apps")  # type: ignore[assignment]
        except ClusterError:
            rows = [_row(world, app) for app in sorted(world.apps())]
    rows = [each for each in rows if namespace in (None, each["namespace"])]
    return json.dumps(rows, indent=2) if output == "json" else table(rows)


def _row(world: ClusterCache, app: AppId) -> dict[str, Any]:
    sight = world.observe(app, Live())
    if sight is None:
        raise NotFound(f"{app} is gone")
    problems = sight.reading.problems + (sight.discovery.problems if sight.reading.policy else ())
    traffic = Traffic(unknown=NOT_TOLD)
    seen = Snapshot(
        sight.workload, sight.reading.policy, sight.discovery.routes, traffic, problems, sight.discovery.orphans
    )
    return row(sight.workload, decide(seen, now()), None, now())
