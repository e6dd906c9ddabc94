"""`waker explain NAME` and `--all`: asked of the running service; without it, worked out here as far as that goes.

NAME may be the reference that a waiting page in trouble shows.
"""

import json

from waker.cluster.autoscalers import autoscalers_of
from waker.cluster.client import Api
from waker.commands.target import ask_service, find_reference, find_workload, live_settings
from waker.errors import ClusterError, NotFound
from waker.explain import autoscalers
from waker.explain.facts import ExplainInputs, explain
from waker.explain.shape import Explained
from waker.explain.text import text
from waker.observe.cluster import ClusterCache
from waker.plan.model import AppId
from waker.plan.page_reference import REFERENCE
from waker.process import cluster_cache
from waker.service import now
from waker.settings.flags import Settings


async def explained(settings: Settings, namespace: str, name: str, output: str) -> str:
    """The text to print. Raises WakerError: there is no such workload, or no API server."""
    async with cluster_cache(settings) as (api, cluster):
        app = find_reference(cluster, name) if REFERENCE.fullmatch(name) else find_workload(cluster, namespace, name)
        facts = await facts_of(api, settings, app, cluster)
        facts["notes"] += await _autoscalers(api, app)
    return json.dumps(facts, indent=2) if output == "json" else text(facts)


async def facts_of(api: Api, settings: Settings, app: AppId, cluster: ClusterCache) -> Explained:
    """What the running service says of an app, else what can be worked out here. Raises WakerError."""
    asked: Explained | None = await ask_service(api, settings, f"/apps/{app.namespace}/{app.kind}/{app.name}")
    return asked or await _worked_out(api, settings, app, cluster)


async def explained_all(settings: Settings, namespace: str | None, output: str) -> str:
    """What keeps most apps awake, of all or of one namespace. Raises ClusterError."""
    from waker.commands.status import all_rows  # noqa: PLC0415 only this command needs it
    from waker.explain import causes  # noqa: PLC0415

    async with cluster_cache(settings) as (api, cluster):
        rows = await all_rows(api, settings, cluster)
    found = causes.overview(each for each in rows if namespace in (None, each["namespace"]))
    return json.dumps(found, indent=2) if output == "json" else causes.text(found)


async def _worked_out(api: Api, settings: Settings, app: AppId, cluster: ClusterCache) -> Explained:
    live, written = await live_settings(api, settings)
    facts = explain(app, ExplainInputs(cluster, live, written, now()))
    if facts is None:
        raise NotFound(f"{app} is gone")
    return facts


async def _autoscalers(api: Api, app: AppId) -> list[str]:
    try:
        return list(autoscalers.notes(await autoscalers_of(api, app)))
    except ClusterError:  # a nicety
        return []
