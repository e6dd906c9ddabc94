"""The stage of a soak: thirty apps of two tenants behind two controllers, and an up-to-date list of the controllers' pods."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.e2e import apps, entry_points, load
from tests.e2e.apps import Rule, StageApp
from tests.e2e.cluster import UNANSWERED, ClusterApi, Json, until
from tests.e2e.controllers import IngressController
from tests.e2e.entry_points import EntryPoint
from tests.e2e.load import Who
from waker import names

TENANT, ATTACKER = "soak-tenant", "soak-attacker"  # namespaces
TENANTS, ATTACKERS = 22, 8  # apps
TOUCHED = "touched"  # the Ingress of a Service without pods, which nobody visits
BYSTANDER = "soak-bystander"  # an app behind both controllers with which waker has nothing to do
BEGINS = 20.0  # seconds in which a controller's new pod should know its routes
EVERY = 0.5  # seconds between two lists of the controllers' pods
IDLE = (5, 7, 9, 12)  # seconds of idle-after


@dataclass(slots=True)
class SoakWatch:
    """The ready pods of the controllers, which a thread keeps up to date, and when each pod was not ready.

    Kubernetes calls a pod of ingress-nginx ready before it knows its routes. Until the bystander has answered through it, it
    counts as not ready: what fails there fails without waker, too.
    """

    api: ClusterApi
    controllers: Sequence[IngressController]
    bystander: StageApp
    now: list[EntryPoint] = field(default_factory=list)
    unready: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _begins: dict[str, float] = field(default_factory=dict)  # pod -> until when it may do so

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY):
            try:
                self.update()
            except UNANSWERED:
                continue  # the API server is down for a moment
        self.api.close()

    def update(self) -> None:
        found = [entry for each in self.controllers for entry in entry_points.entry_points(self.api, each)]
        self.now = [each for each in found if each.ready]
        at = time.monotonic()
        for name in {each.name for each in self.now} - self._known:
            self.unready[name] = [(at - EVERY, at)]  # it did not exist until now
            self._known.add(name)
            self._begins[name] = at + BEGINS
        for entry in self.now:
            if entry.name in self._begins and (at > self._begins[entry.name] or self._serves(entry)):
                del self._begins[entry.name]
        for name in self._known & self._begins.keys():
            self.unready[name][-1] = (self.unready[name][-1][0], at)
        for name in self._known - {each.name for each in self.now}:
            times = self.unready[name]
            if times[-1][1] > at - 4 * EVERY:
                times[-1] = (times[-1][0], at)
            else:
                times.append((at - EVERY, at))

    def _serves(self, entry: EntryPoint) -> bool:
        request = load.curl(hosts(self.bystander)[entry.controller.ingress_class], self.bystander.name)
        return load.ask_now(entry.address, request, patience=1).who is Who.APP


def bystander(pair: tuple[str, str]) -> StageApp:
    """An app that is not enabled."""
    ingresses = tuple(f"{BYSTANDER}-{each}" for each in pair)
    return StageApp(TENANT, BYSTANDER, pair[0], annotations={names.ENABLED: "false"}, ingresses=ingresses)


def build(api: ClusterApi, pair: tuple[str, str], dice: random.Random) -> list[StageApp]:
    """Create the apps of both tenants, each behind one controller or both. All are ready, and pinned awake so far.

    The bystander is created as well, but it is none of those that are given back.
    """
    made = [
        _app(namespace, f"{namespace}-{number:02}", pair, dice)
        for namespace, count in ((TENANT, TENANTS), (ATTACKER, ATTACKERS))
        for number in range(count)
    ]
    for app in (*made, bystander(pair)):
        for obj in [*apps.objects(app), *(_ingress(app, name) for name in app.ingresses)]:
            api.create(obj)
    touched = StageApp(TENANT, TOUCHED, pair[0], ingresses=tuple(f"{TOUCHED}-{each}" for each in pair))
    for obj in [apps.service(touched), *(_ingress(touched, name) for name in touched.ingresses)]:
        api.create(obj)
    for app in made:
        until(f"{app.name} is ready", partial(_awake, api, app), 120)
    return made


def _app(namespace: str, name: str, pair: tuple[str, str], dice: random.Random) -> StageApp:
    behind = dice.choice([pair[:1], pair[1:], pair])
    return StageApp(
        namespace,
        name,
        behind[0],
        kind=dice.choices(["Deployment", "StatefulSet"], [5, 1])[0],
        replicas=dice.choice([1, 1, 2]),
        annotations={names.STATE: "awake", names.IDLE_AFTER: f"{dice.choice(IDLE)}s", names.TITLE: title(name)},
        ingresses=tuple(f"{name}-{each}" for each in behind),
    )


def release(api: ClusterApi, made: Sequence[StageApp]) -> None:
    """From now on they may sleep."""
    for app in made:
        api.annotate(app.kind, app.namespace, app.name, state=None)


def title(app: str) -> str:
    """What only the waiting page of this app says."""
    return f"title-of-{app}"


def _awake(api: ClusterApi, app: StageApp) -> bool:
    return not apps.awake(api, app)


def host(ingress: str) -> str:
    """The host of one of the Ingresses."""
    return f"{ingress}.example.org"


def hosts(app: StageApp) -> dict[str, str]:
    """Its host at each ingress class."""
    return {each.rpartition("-")[2]: host(each) for each in app.routed_by}


def idle(app: StageApp) -> float:
    """Its idle-after in seconds."""
    return float(app.annotations[names.IDLE_AFTER][:-1])


def answers_everywhere(stage_apps: Sequence[StageApp], entries: Sequence[EntryPoint]) -> bool:
    """Whether every app answers through every pod of each of its controllers."""
    asked = (
        (entry, app, hosts(app)[entry.controller.ingress_class])
        for app in stage_apps
        for entry in entries
        if entry.controller.ingress_class in hosts(app)
    )
    return all(
        load.ask_now(entry.address, load.curl(name, app.name), patience=3).who is Who.APP for entry, app, name in asked
    )


def _ingress(app: StageApp, name: str) -> Json:
    ingress_class = name.rpartition("-")[2]
    of_class = StageApp(app.namespace, app.name, ingress_class)
    return apps.ingress(of_class, name, [Rule(host(name), app.name)])
