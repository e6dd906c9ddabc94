"""One soak: apps on two controllers with two pods each, visitors and faults for some minutes, then the verdict.

The same seed makes the same choices, but the cluster's own timing differs from run to run.
"""

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from bench.soak import oracle, stage, verdict
from bench.soak.faults import PODS, SoakFaults
from bench.soak.oracle import Log, SoakChange
from bench.soak.stage import SoakWatch
from bench.soak.visitors import Visitors
from tests.e2e import controllers, entry_points
from tests.e2e.apps import StageApp, backends
from tests.e2e.cluster import ClusterApi, until
from tests.e2e.controllers import IngressController
from tests.e2e.history import History
from tests.e2e.install import QUICK, InstalledWaker
from waker import names

INTERVALS = (1, 2, 3)  # seconds between two scrapes
ENDS_WITHIN = 60.0  # seconds; a fault that is under way at the end is undone first


class SoakPlan(NamedTuple):
    """What to run. `pair`: the names of two controllers."""

    pair: tuple[str, str]
    minutes: float
    seed: int


class SoakRun(NamedTuple):
    """Everything that exists before the first visitor comes."""

    api: ClusterApi
    waker: InstalledWaker
    controllers: Sequence[IngressController]
    apps: Sequence[StageApp]
    history: History


def run(api: ClusterApi, plan: SoakPlan) -> bool:
    """Run the soak and print the verdict. False if a sleep was wrong or overdue, or a request failed without a reason."""
    dice = random.Random(plan.seed)
    pair = [controllers.ALL[name] for name in plan.pair]
    for each in pair:
        each.install(api)
        entry_points.scale(api, each, PODS)
    interval = dice.choice(INTERVALS)
    waker = InstalledWaker(api, settings=QUICK | {"scrape-interval": f"{interval}s"})
    waker.ensure()
    api.create_namespace(stage.NAMESPACE)
    made = stage.build(api, plan.pair, dice)
    history = History(api.access, stage.NAMESPACE)
    history.start()
    try:
        log = _soak(SoakRun(api, waker, pair, made, history), plan, dice)
    finally:
        history.stop()
    print(f"{' + '.join(plan.pair)}, seed {plan.seed}, {plan.minutes:g} min, scraped every {interval} s", flush=True)
    print(verdict.report(log), flush=True)
    print(verdict.evidence(log), flush=True)
    if not verdict.good(log):
        print(waker.log(3000), flush=True)
    return verdict.good(log)


def _soak(on: SoakRun, plan: SoakPlan, dice: random.Random) -> Log:
    watch = SoakWatch(ClusterApi(on.api.access), on.controllers)
    watch.update()
    until("the apps answer through every pod", lambda: stage.answers_everywhere(on.apps, watch.now), 60)
    faults = SoakFaults(
        ClusterApi(on.api.access), on.waker, on.controllers, stage.toucher(ClusterApi(on.api.access), plan.pair), dice
    )
    stop = threading.Event()
    threads = [threading.Thread(target=each, args=(stop,)) for each in (watch.run, faults.make)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    visitors = [_visitors(app, watch, random.Random(dice.random())) for app in on.apps]
    try:
        asyncio.run(_all(visitors, began + plan.minutes * 60))
    finally:
        stop.set()
        for thread in threads:
            thread.join(ENDS_WITHIN)
    return Log(
        idle={each.app: each.idle for each in visitors},
        began=began,
        ended=began + plan.minutes * 60,
        visits=[visit for each in visitors for visit in each.visits],
        faults=faults.done,
        changes={app.name: changes(on.history, app) for app in on.apps},
        unready=watch.unready,
    )


async def _all(visitors: Sequence[Visitors], until: float) -> None:
    await asyncio.gather(*(each.come(until) for each in visitors))


def _visitors(app: StageApp, watch: SoakWatch, dice: random.Random) -> Visitors:
    hosts = {each.partition("-")[2]: stage.host(each) for each in app.routed_by}
    return Visitors(app.name, hosts, float(app.annotations[names.IDLE_AFTER][:-1]), lambda: watch.now, dice)


def changes(history: History, app: StageApp) -> list[oracle.SoakChange]:
    """When its replicas and its routes changed, from the history of its objects."""
    found: list[SoakChange] = []
    last: dict[str, object] = {}
    for each in list(history.versions):
        if each.kind == app.kind and each.name == app.name:
            state, words = bool(each.obj["spec"]["replicas"]), ("down", "up")
        elif each.kind == "Ingress" and each.name in app.routed_by:
            state, words = names.WAKER_SERVICE in backends(each.obj).values(), ("restored", "swapped")
        else:
            continue
        if last.get(each.name, state) != state or (each.name not in last and words[state] == "down"):
            found.append(SoakChange(each.at, words[state]))
        last[each.name] = state
    return found
