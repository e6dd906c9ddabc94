"""The stage of a soak: four apps behind two controllers, and an up-to-date list of the controllers' pods."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.e2e import apps, entry_points, load
from tests.e2e.apps import Rule, StageApp
from tests.e2e.cluster import ClusterApi, Json, until
from tests.e2e.controllers import IngressController
from tests.e2e.entry_points import EntryPoint
from tests.e2e.load import Who
from waker import names

NAMESPACE = "soak"
TOUCHED = "touched"  # the Ingress of a Service without pods, which nobody visits
EVERY = 0.25  # seconds between two lists of the controllers' pods
IDLE = (4, 5, 6, 8)  # seconds of idle-after


@dataclass(slots=True)
class SoakWatch:
    """The ready pods of the controllers, which a thread keeps up to date, and when each pod was not ready."""

    api: ClusterApi
    controllers: Sequence[IngressController]
    now: list[EntryPoint] = field(default_factory=list)
    unready: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY):
            self.update()
        self.api.close()

    def update(self) -> None:
        found = [entry for each in self.controllers for entry in entry_points.entry_points(self.api, each)]
        self.now = [each for each in found if each.ready]
        at = time.monotonic()
        for name in {each.name for each in self.now} - self._known:
            self.unready[name] = [(at - EVERY, at)]  # it did not exist until now
            self._known.add(name)
        for name in self._known - {each.name for each in self.now}:
            times = self.unready[name]
            if times[-1][1] > at - 4 * EVERY:
                times[-1] = (times[-1][0], at)
            else:
                times.append((at - EVERY, at))


def build(api: ClusterApi, pair: tuple[str, str], dice: random.Random) -> list[StageApp]:
    """Create one app behind each controller and two behind both, one of them with two pods. All are ready."""
    made = []
    for name, behind in {"left": pair[:1], "right": pair[1:], "both": pair, "twins": pair}.items():
        app = StageApp(
            NAMESPACE,
            name,
            behind[0],
            replicas=2 if name == "twins" else 1,
            annotations={names.IDLE_AFTER: f"{dice.choice(IDLE)}s"},
            ingresses=tuple(f"{name}-{each}" for each in behind),
        )
        for obj in apps.objects(app) + [_ingress(name, each) for each in behind]:
            api.create(obj)
        made.append(app)
    touched = StageApp(NAMESPACE, TOUCHED, pair[0])
    for obj in [apps.service(touched), *(_ingress(TOUCHED, each) for each in pair)]:
        api.create(obj)
    for app in made:
        until(f"{app.name} is ready", partial(_awake, api, app), 60)
    return made


def _awake(api: ClusterApi, app: StageApp) -> bool:
    return not apps.awake(api, app)


def host(ingress: str) -> str:
    """The host of one of the Ingresses."""
    return f"{ingress}.example.org"


def answers_everywhere(stage_apps: Sequence[StageApp], entries: Sequence[EntryPoint]) -> bool:
    """Whether every app answers through every pod of each of its controllers."""
    asked = (
        (entry, app, ingress)
        for app in stage_apps
        for ingress in app.routed_by
        for entry in entries
        if ingress == f"{app.name}-{entry.controller.ingress_class}"
    )
    return all(
        load.ask_now(entry.address, load.curl(host(ingress), app.name), patience=3).who is Who.APP
        for entry, app, ingress in asked
    )


def toucher(api: ClusterApi, pair: tuple[str, str]) -> Callable[[], None]:
    """A function that changes an Ingress which nobody visits, so that each controller loads a new configuration."""
    numbers = itertools.count()

    def touch() -> None:
        path = [{"op": "replace", "path": "/spec/rules/0/http/paths/0/path", "value": f"/{next(numbers)}"}]
        for each in pair:
            api.patch("Ingress", NAMESPACE, f"{TOUCHED}-{each}", path)

    return touch


def _ingress(name: str, ingress_class: str) -> Json:
    full = f"{name}-{ingress_class}"
    return apps.ingress(StageApp(NAMESPACE, name, ingress_class), full, [Rule(host(full), name)])
