"""One soak: thirty apps of two tenants behind two controllers with two pods each, two wakers, visitors, an attacker and faults.

After the given minutes all faults are over, and every app of the tenant that does not attack must be as its user wrote it. The
same seed makes the same choices, but the cluster's own timing differs from run to run.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from bench.soak import oracle, stage, verdict
from bench.soak.attacker import Attacker
from bench.soak.faults import PODS, WAKERS, SoakFaults
from bench.soak.oracle import Log, SoakChange
from bench.soak.reverter import toucher
from bench.soak.stage import SoakWatch
from bench.soak.visitors import Visitors
from tests.e2e import apps, controllers, entry_points
from tests.e2e.apps import StageApp, annotations, backends
from tests.e2e.cluster import UNANSWERED, ClusterApi, until
from tests.e2e.controllers import NGINX, IngressController
from tests.e2e.history import History, Version
from tests.e2e.install import DEPLOYMENT, NAMESPACE, QUICK, InstalledWaker
from waker import names

INTERVALS = (1, 2, 3)  # seconds between two scrapes
ENDS_WITHIN = 120.0  # seconds; a fault that is under way at the end is undone first
WHOLE_WITHIN = 120.0  # seconds until every app is as it was, when all is over


class SoakPlan(NamedTuple):
    """What to run. `pair`: the names of two controllers; the seed chooses them if there are none."""

    minutes: float
    seed: int
    pair: tuple[str, str] | None = None


class SoakRun(NamedTuple):
    """Everything that exists before the first visitor comes."""

    api: ClusterApi
    waker: InstalledWaker
    controllers: Sequence[IngressController]
    apps: Sequence[StageApp]
    history: History

    @property
    def tenants(self) -> list[StageApp]:
        """The apps of the tenant that does not attack."""
        return [each for each in self.apps if each.namespace == stage.TENANT]


def run(api: ClusterApi, plan: SoakPlan) -> bool:
    """Run the soak and print the verdict. False if anything was wrong."""
    dice = random.Random(plan.seed)
    first, second, *_ = dice.sample(sorted(controllers.ALL), 2)
    pair = plan.pair or (first, second)
    interval = dice.choice(INTERVALS)
    print(
        f"soak: --seed {plan.seed} --minutes {plan.minutes:g}, {' + '.join(pair)}, scraped every {interval} s",
        flush=True,
    )
    chosen = [controllers.ALL[name] for name in pair]
    waker = InstalledWaker(api, settings=QUICK | {"scrape-interval": f"{interval}s"})
    with ExitStack() as stack:
        for each in chosen:
            each.install(api)
            entry_points.scale(api, each, PODS)
            stack.callback(entry_points.scale, api, each, 1)
        waker.ensure()
        stack.callback(waker_replicas, waker, 1)
        waker_replicas(waker, WAKERS)
        for namespace in (stage.TENANT, stage.ATTACKER):
            api.create_namespace(namespace)
            stack.callback(api.delete_namespace, namespace)
        made = stage.build(api, pair, dice)
        history = History(api.access, stage.TENANT)
        history.start()
        stack.callback(history.stop)
        log = _soak(SoakRun(api, waker, chosen, made, history), plan, dice)
        print(verdict.report(log), flush=True)
        print(verdict.evidence(log), flush=True)
        if not verdict.good(log):
            print(waker.log(3000), flush=True)
        return verdict.good(log)


def waker_replicas(waker: InstalledWaker, count: int) -> None:
    """So many wakers, all of them ready."""
    waker.api.patch("Deployment", NAMESPACE, DEPLOYMENT, {"spec": {"replicas": count}})
    until(f"{count} wakers are ready", waker.ready, 90)


def _soak(on: SoakRun, plan: SoakPlan, dice: random.Random) -> Log:
    pair = (on.controllers[0].ingress_class, on.controllers[1].ingress_class)
    watch = SoakWatch(ClusterApi(on.api.access), on.controllers, stage.bystander(pair))
    watch.update()
    asked = [*on.apps, watch.bystander]
    until("the apps answer through every pod", lambda: stage.answers_everywhere(asked, watch.now), 120)
    stage.release(on.api, on.apps)
    own_api = ClusterApi(on.api.access)
    faults = SoakFaults(
        own_api,
        InstalledWaker(own_api),
        on.controllers,
        on.tenants,
        toucher(own_api, pair),
        random.Random(dice.random()),
    )
    attackers = [each for each in on.apps if each.namespace == stage.ATTACKER]
    attacker = Attacker(
        ClusterApi(on.api.access), attackers, on.tenants, lambda: watch.now, random.Random(dice.random())
    )
    stop = threading.Event()
    threads = [threading.Thread(target=each, args=(stop,)) for each in (watch.run, faults.make, attacker.run)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    visitors = [_visitors(app, watch, random.Random(dice.random())) for app in on.tenants]
    try:
        asyncio.run(_all(visitors, began + plan.minutes * 60))
    finally:
        ended = time.monotonic()
        stop.set()
        for thread in threads:
            thread.join(ENDS_WITHIN)
    return Log(
        idle={each.app: each.idle for each in visitors},
        began=began,
        ended=ended,
        visits=[visit for each in visitors for visit in each.visits],
        faults=faults.done,
        changes={app.name: changes(on.history, app) for app in on.tenants},
        unready=watch.unready,
        unpunctual=frozenset(each.name for each in on.tenants if NGINX.ingress_class in stage.hosts(each)),
        lost=[*_lost_on_the_way(on), *_lost_at_the_end(on)],
        stolen=attacker.stolen,
        tricks=attacker.done,
    )


async def _all(visitors: Sequence[Visitors], until: float) -> None:
    await asyncio.gather(*(each.come(until) for each in visitors))


def _visitors(app: StageApp, watch: SoakWatch, dice: random.Random) -> Visitors:
    return Visitors(app.name, stage.hosts(app), stage.idle(app), lambda: watch.now, dice)


def _lost_on_the_way(on: SoakRun) -> list[str]:
    """Versions of objects from which nobody could restore what their user wrote."""
    by_name = {name: app for app in on.tenants for name in (app.name, *app.routed_by)}
    return [
        each.line(on.history.began)
        for each in list(on.history.versions)
        if each.name in by_name and not restorable(each, by_name[each.name])
    ]


def restorable(seen: Version, app: StageApp) -> bool:
    """Whether nothing of the user's is lost in this version of an object."""
    found = annotations(seen.obj)
    if seen.kind == "Ingress":
        ours = names.WAKER_SERVICE in backends(seen.obj).values()
        return not ours or app.name in json.dumps(found.get(names.SAVED_BACKENDS, ""))
    return (seen.obj["spec"]["replicas"] or int(found.get(names.SAVED_REPLICAS, "0"))) == app.replicas


def _lost_at_the_end(on: SoakRun) -> list[str]:
    """The apps that do not come back as they were when all is over and they are pinned awake."""
    until("all wakers are ready", on.waker.ready, 90)
    for app in on.tenants:
        on.api.annotate(app.kind, app.namespace, app.name, state="awake")
    end = time.monotonic() + WHOLE_WITHIN
    missing = {app.name: "not looked at" for app in on.tenants}
    while missing and time.monotonic() < end:
        time.sleep(1)
        missing = {app.name: wrong for app in on.tenants if (wrong := _missing(on.api, app))}
    return [f"{name}, at the end: {wrong}" for name, wrong in missing.items()]


def _missing(api: ClusterApi, app: StageApp) -> str:
    try:
        return apps.awake(api, app)
    except UNANSWERED as error:
        return f"the API server does not answer: {error}"


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
