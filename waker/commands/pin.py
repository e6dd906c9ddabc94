"""`waker sleep`, `wake` and `auto`: an annotation on the workload, which the service then follows.

A request for sleep takes the place of one for a wake, and the other way round: no clock decides which of the two is newer.
"""

from collections.abc import Mapping

from waker import names
from waker.cluster.writes import Writes
from waker.commands.target import find_workload
from waker.errors import WakerError
from waker.plan.model import Pin
from waker.plan.times import format_time
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.flags import Settings

Wanted = Mapping[str, str | None]  # annotations; None removes


async def sleep(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Ask for sleep: until the next visitor, or with `pin` until somebody says otherwise."""
    asked: Wanted = {names.SLEEP_REQUESTED_AT: format_time(now()), names.WAKE_REQUESTED_AT: None}
    wanted: Wanted = {names.STATE: str(Pin.ASLEEP)} if pin else asked
    return await annotate(settings, namespace, name, wanted)


async def wake(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Ask for a wake: by traffic again afterwards, or with `pin` awake until somebody says otherwise."""
    asked: Wanted = {names.WAKE_REQUESTED_AT: format_time(now()), names.SLEEP_REQUESTED_AT: None}
    wanted: Wanted = {names.STATE: str(Pin.AWAKE)} if pin else asked
    return await annotate(settings, namespace, name, wanted)


async def auto(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Remove the pin."""
    return await annotate(settings, namespace, name, {names.STATE: None})


async def annotate(settings: Settings, namespace: str, name: str, wanted: Wanted) -> str:
    """Write these on an enabled workload; what was written, as a sentence. Raises WakerError."""
    asks_once = {names.SLEEP_REQUESTED_AT, names.WAKE_REQUESTED_AT} <= wanted.keys()
    async with cluster_cache(settings) as (api, cluster):
        app = find_workload(cluster, namespace, name)
        observed = cluster.observe(app, Live())
        if not observed or not observed.policy:
            raise WakerError(f'{app.kind} {app} is not managed: it has no annotation {names.ENABLED}: "true"')
        if asks_once and observed.policy.pin is not Pin.AUTO:
            raise WakerError(
                f"{app.kind} {app} is pinned {observed.policy.pin}: use --pin, or `waker auto {name}` first"
            )
        await Writes(api, cluster.route_object, now).annotate(app, wanted)
    changes = ", ".join(
        f"{key}={value}" if value else f"{key} removed" for key, value in wanted.items() if value or key == names.STATE
    )
    return f"{app.kind.lower()}/{app.name} in {namespace}: {changes}"
