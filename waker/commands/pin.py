"""`waker sleep`, `wake` and `auto`: an annotation on the workload, which the service then follows.

What the service would not follow is refused: whoever asks learns what stands against it, and which command ends that.
"""

from datetime import datetime

from waker import names
from waker.cluster.writes import Writes
from waker.commands.target import find_workload, live_settings
from waker.errors import WakerError
from waker.explain.fixes import resume, target
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId, Pin
from waker.plan.operator_requests import Wanted, asks_once, not_managed, pinned, sleep_once, wake_once
from waker.process import cluster_cache
from waker.service import now
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
        live, _ = await live_settings(api, settings)
        observed = cluster.observe(app, live)
        if not observed or not observed.policy:
            raise WakerError(not_managed(app))
        if asks_once(wanted) and observed.policy.pin is not Pin.AUTO:
            raise WakerError(_pinned(app, observed.policy.pin, wanted))
        paused = pause_sentence(observed, now()) if _asks_for_sleep(wanted) and observed.workload.replicas else ""
        if paused and asks_once(wanted):
            raise WakerError(f"{app.kind} {app} is not put to sleep: {paused}")
        await Writes(api, cluster.route_object, now).annotate(app, wanted)
    changes = ", ".join(
        f"{key}={value}" if value else f"{key} removed" for key, value in wanted.items() if value or key == names.STATE
    )
    until_then = f" (it stays awake for now: {paused})" if paused else ""
    return f"{app.kind.lower()}/{app.name} in {namespace}: {changes}{until_then}"


def pause_sentence(observed: ObservedApp, at: datetime) -> str:
    """What is paused, and the command that ends that; "" if nothing keeps the app from being put to sleep."""
    pause = observed.policy.pause_at(at) if observed.policy else None
    return f"{pause}; `{resume(pause.scope, observed.workload.id)}` ends that" if pause else ""


def _asks_for_sleep(wanted: Wanted) -> bool:
    return bool(wanted.get(names.SLEEP_REQUESTED_AT)) or wanted.get(names.STATE) == Pin.ASLEEP


def _pinned(app: AppId, pin: Pin, wanted: Wanted) -> str:
    which = target(*app)
    command = f"waker {'sleep' if _asks_for_sleep(wanted) else 'wake'} {which} --pin"
    return f"{app.kind} {app} is pinned {pin}: use `{command}`, or `waker auto {which}` first"
