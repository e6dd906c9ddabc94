"""`waker wake --wait` and `waker sleep --wait`: watch what was asked for happen, with the stages that visitors see.

The objects show how far it is: notes and routes of the app, and for a wake its pods. Whoever undoes it meanwhile ends the
wait, and so does the time; then the last sentence says what stands in the way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import PODS
from waker.commands.explain import facts_of
from waker.commands.target import find_workload
from waker.commands.terminal import Stages, Terminal
from waker.errors import NotFound, WakerError
from waker.observe.observed_app import ObservedApp
from waker.plan.model import Phase, Workload, label_selector
from waker.plan.progress import Start, Step, progress_of, start_of
from waker.plan.routes.route import is_held
from waker.plan.sleep_due import sleep_requested
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.durations import format_duration, parse_duration
from waker.settings.flags import Settings
from waker.web.languages import DEFAULT, catalogues

LOOK: Final = 0.25  # seconds
FALLING: Final = ("its routes are being pointed at waker", "its routes lead to waker", "its pods are leaving")


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
    """Wait until it is asleep and its pods are gone; a sentence. Raises WakerError."""

    async def look(_api: Api, app: ObservedApp) -> WaitStage:
        workload = app.workload
        if not workload.replicas and workload.notes.saved_replicas is not None:
            return WaitStage(2, FALLING[2]) if not workload.pods_gone else WaitStage(3, "asleep", over=True)
        pinned = app.policy is not None and app.policy.pin == "asleep"
        if not (pinned or sleep_requested(workload.notes)):
            raise WakerError(f"{workload.id} does not fall asleep: somebody has asked for it meanwhile")
        held = bool(app.routes) and all(map(is_held, app.routes))
        return WaitStage(int(held), FALLING[held])

    return await _until(settings, (namespace, name), Awaited("asleep", "falls asleep", 3, look), longest, terminal)


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
        stages = Stages(terminal, f"{app.name} {awaited.title}", awaited.stages)
        with stages.shown():
            while True:
                observed = cluster.observe(app, Live())
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
