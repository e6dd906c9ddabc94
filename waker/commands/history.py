"""`waker history NAME`: the story of one app, from the Events about it and waker's notes on it."""

import json

from waker.cluster.listing import listed
from waker.cluster.resources import EVENTS
from waker.commands.target import find_workload
from waker.errors import NotFound
from waker.explain.story import story, text
from waker.process import cluster_cache
from waker.settings.flags import Settings


async def history(settings: Settings, namespace: str, name: str, output: str) -> str:
    """The text to print. Raises WakerError: there is no such workload, or its Events may not be read."""
    async with cluster_cache(settings) as (api, cluster):
        app = find_workload(cluster, namespace, name)
        workload = cluster.workload(app)
        if workload is None:
            raise NotFound(f"{app} is gone")
        about = f"involvedObject.kind={app.kind},involvedObject.name={app.name},involvedObject.uid={workload.uid}"
        events = [each async for each in listed(api, EVENTS.collection(namespace), {"fieldSelector": about})]
    found = story(events, workload.notes)
    return json.dumps(found, indent=2) if output == "json" else text(str(app), found)
