"""`waker sleep`, `wake` and `auto`: an annotation on the workload, which the service then follows."""

from waker import names
from waker.cluster.writes import Writes
from waker.commands.target import find_workload
from waker.errors import WakerError
from waker.plan.model import Pin
from waker.plan.operator_requests import Wanted, asks_once, not_managed, pinned, sleep_once, wake_once
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.flags import Settings


async def sleep(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Ask for sleep: until the next visitor, or with `pin` until somebody says otherwise."""
    wanted = pinned(Pin.ASLEEP) if pin else sleep_once(now())
    return await annotate(settings, namespace, name, wanted)


async def wake(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Ask for a wake: by traffic again afterwards, or with `pin` awake until somebody says otherwise."""
    wanted = pinned(Pin.AWAKE) if pin else wake_once(now())
    return await annotate(settings, namespace, name, wanted)


async def auto(settings: Settings, namespace: str, name: str, *, pin: bool) -> str:
    """Remove the pin."""
    return await annotate(settings, namespace, name, pinned(Pin.AUTO))


async def annotate(settings: Settings, namespace: str, name: str, wanted: Wanted) -> str:
    """Write these on an enabled workload; what was written, as a sentence. Raises WakerError."""
    async with cluster_cache(settings) as (api, cluster):
        app = find_workload(cluster, namespace, name)
        observed = cluster.observe(app, Live())
        if not observed or not observed.policy:
            raise WakerError(not_managed(app))
        if asks_once(wanted) and observed.policy.pin is not Pin.AUTO:
            raise WakerError(
                f"{app.kind} {app} is pinned {observed.policy.pin}: use --pin, or `waker auto {name}` first"
            )
        await Writes(api, cluster.route_object, now).annotate(app, wanted)
    changes = ", ".join(
        f"{key}={value}" if value else f"{key} removed" for key, value in wanted.items() if value or key == names.STATE
    )
    return f"{app.kind.lower()}/{app.name} in {namespace}: {changes}"
