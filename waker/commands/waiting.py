"""`waker wake --wait` and `waker sleep --wait`: watch what was asked for happen, with the stages that visitors see.

The objects show how far it is: notes and routes of the app, and for a wake its pods. Whoever undoes it meanwhile ends the
wait, and so does the time; then the last sentence says what stands in the way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from waker import names
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import PODS
from waker.cluster.writes import Writes
from waker.commands.explain import facts_of
from waker.commands.pin import pause_sentence
from waker.commands.target import find_workload, live_settings
from waker.commands.terminal import Stages, Terminal
from waker.errors import NotFound, WakerError
from waker.explain.fixes import target
from waker.observe.observed_app import ObservedApp
from waker.plan.model import Phase, Pin, Workload, label_selector
from waker.plan.notes import readable
from waker.plan.operator_requests import sleep_once
from waker.plan.progress import Start, Step, progress_of, start_of
from waker.plan.routes.route import is_held
from waker.plan.sleep_due import sleep_requested
from waker.process import cluster_cache
from waker.service import now
from waker.settings.durations import format_duration, parse_duration
from waker.settings.flags import Settings
from waker.web.languages import DEFAULT, catalogues

LOOK: Final = 0.25  # seconds
SEEN_WITHIN: Final = timedelta(seconds=2)  # from a write to the event of it
ASKED: Final = "it is asked to sleep"
MOVING: Final = "its routes are being pointed at waker"
MOVED: Final = "its routes lead to waker"
LEAVING: Final = "its pods are leaving"
GONE_AGAIN: Final = "its request to sleep was removed twice, and nothing says by whom"


class WaitStage(NamedTuple):
    """How far it is: stages that are over, and what is going on. `over`: all of it."""

    done: int
    sentence: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something that was asked for. `look` raises WakerError once it will not happen."""

    what: str  # completes "it is not ..."
    title: str
    stages: int
    look: Callable[[Api, ObservedApp], Awaitable[WaitStage]]


async def until_awake(settings: Settings, namespace: str, name: str, longest: str, terminal: Terminal) -> str:
    """Wait until it is awake and its routes are its own again; a sentence. Raises WakerError."""
    words = catalogues()[DEFAULT]

    async def look(api: Api, app: ObservedApp) -> WaitStage:
        workload = app.workload
        if not workload.replicas:
            return WaitStage(int(Step.KNOCKED), words["step.asked"])
        held = app.is_held or workload.notes.saved_replicas is not None or workload.notes.wake_requested_at is not None
        if not held:
            return WaitStage(int(Step.OPENING), "awake", over=True)
        found = progress_of(Phase.WAKING, await _starts(api, workload), workload.pods_refused)
        following = Step(min(found.step + 1, Step.OPENING))
        sentence = words[f"step.{following.name.lower()}"]
        trouble = f" ({found.trouble}: {found.detail})" if found.trouble else ""
        return WaitStage(int(found.step), sentence + trouble)

    return await _until(
        settings, (namespace, name), Awaited("awake", "wakes", int(Step.OPENING), look), longest, terminal
    )


async def until_asleep(settings: Settings, namespace: str, name: str, longest: str, terminal: Terminal) -> str:
    """Wait until it is asleep and its pods are gone; a sentence. Raises WakerError.

    A request that is gone though nobody has asked for the app is written again, once.
    """
    asked_again: datetime | None = None

    async def look(api: Api, app: ObservedApp) -> WaitStage:
        nonlocal asked_again
        workload = app.workload
        if not workload.replicas and workload.notes.saved_replicas is not None:
            return WaitStage(2, LEAVING) if not workload.pods_gone else WaitStage(3, "asleep", over=True)
        against = _against_sleep(app)
        if not against and _is_gone(app) and asked_again is None:
            asked_again = now()
            await Writes(api, lambda _id: None, now).annotate(workload.id, sleep_once(asked_again))
        elif not against and _is_gone(app) and asked_again and now() > asked_again + SEEN_WITHIN:
            against = GONE_AGAIN
        if against:
            raise WakerError(f"{workload.id} does not fall asleep: {against}")
        held = {is_held(route) for route in app.routes}
        if held == {True}:
            return WaitStage(1, MOVED)
        return WaitStage(0, MOVING if held == {True, False} else ASKED)

    return await _until(settings, (namespace, name), Awaited("asleep", "falls asleep", 3, look), longest, terminal)


def _is_gone(app: ObservedApp) -> bool:
    """Whether nothing says any more that it should sleep."""
    pinned = app.policy is not None and app.policy.pin is Pin.ASLEEP
    return not pinned and not sleep_requested(app.workload.notes)


def _against_sleep(app: ObservedApp) -> str:
    """What stands against its sleep now, and what to do; "" if nothing does."""
    paused = pause_sentence(app, now())
    if paused:
        return paused
    which = target(*app.workload.id)
    if app.policy is None:
        return f"it is no longer enabled; `kubectl annotate {which} {names.ENABLED}=true --overwrite` enables it"
    if app.policy.pin is Pin.AWAKE:
        return f"it is pinned awake; `waker auto {which}` removes the pin"
    if _is_gone(app) and app.workload.notes.wake_requested_at is not None:
        at = readable(app.workload.notes.wake_requested_at)
        when = f" at {at:%H:%M:%S} UTC" if at else ""
        return f"a visitor or `waker wake` asked for it{when}; `waker sleep {which}` asks for its sleep again"
    return ""


async def _until(
    settings: Settings,
    which: tuple[str, str],
    awaited: Awaited,
    longest: str,
    terminal: Terminal,
) -> str:
    within = parse_duration(longest)
    began = now()
    async with cluster_cache(settings) as (api, cluster):
        app = find_workload(cluster, *which)
        live, _ = await live_settings(api, settings)
        stages = Stages(terminal, f"{app.name} {awaited.title}", awaited.stages)
        with stages.shown():
            while True:
                observed = cluster.observe(app, live)
                if observed is None:
                    raise NotFound(f"{app} is gone")
                stage = await awaited.look(api, observed)
                stages.advance(stage.done, stage.sentence)
                if stage.over:
                    break
                if now() >= began + within:
                    answer = (await facts_of(api, settings, app, cluster))["answer"].rstrip(".")
                    raise WakerError(f"{app} is not {awaited.what} after {longest}: {answer}")
                await asyncio.sleep(LOOK)
    return f"{app.kind.lower()}/{app.name} in {app.namespace} is {awaited.what} after {_passed(began)}"


def _passed(began: datetime) -> str:
    passed = now() - began
    return f"{passed.total_seconds():.1f}s" if passed.total_seconds() < 60 else format_duration(passed)


async def _starts(api: Api, workload: Workload) -> list[Start]:
    """How far its pods have come."""
    if not workload.pod_labels:
        return []
    selected = {"labelSelector": label_selector(workload.pod_labels)}
    found = [start_of(each) async for each in listed(api, PODS.collection(workload.id.namespace), selected)]
    return [each for each in found if each is not None]
