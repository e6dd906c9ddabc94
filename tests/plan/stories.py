"""Two idle apps, and what happens to them: stopped, visited or edited at any tick, and looked after at each.

They share the Ingress `front`; the shop has a second one, `www`. A tick is the beginning of a look, or the moment before a
write. Each tick checks what must be true in between; a story only ends where somebody says it should.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.plan.small_cluster import (
    AT_REST,
    Killed,
    SmallCluster,
    SmallWaker,
    Visits,
    deployment,
    ingress,
    led_to,
    paths_of,
    service,
    waker_backend,
)
from waker import names
from waker.plan.actions import Plan
from waker.plan.model import Phase

STEP = timedelta(seconds=1)
RESTART = timedelta(seconds=3)
APPS = ("shop", "api")
MANY = 400  # passes; no story needs half of them

Edit = Callable[[SmallCluster], None]


def nothing(cluster: SmallCluster) -> None:
    """No edit."""


@dataclass
class Story:
    """Two idle apps, and what happens to them."""

    dies_at: int = 0  # ticks; 0 is never
    edited_at: int = 0
    edit: Edit = nothing
    ticks: int = 0
    tampered: bool = False  # a user's edit may lead a route to where no pods are
    visits: Visits = field(default_factory=Visits)
    waiting: bool = False  # there is a visitor of the shop
    asked: bool = False  # and waker has heard of it
    promised: bool = False  # while the shop had pods, so that it keeps them
    phases: dict[str, list[Phase]] = field(default_factory=lambda: {name: [] for name in APPS})

    def __post_init__(self) -> None:
        self.cluster = SmallCluster(
            deployments=[deployment("shop", 3), deployment("api", 1)],
            services=[service("shop"), service("api"), service("other")],
            ingresses=[ingress("front", shop="/", api="/api"), ingress("www", shop="/")],
        )
        self.waker = self._begin()

    def _begin(self) -> SmallWaker:
        return SmallWaker(self.cluster, self.visits, self._tick)

    def _tick(self) -> None:
        self.ticks += 1
        self._check()
        if self.ticks == self.edited_at:
            self.edit(self.cluster)
        if self.ticks == self.dies_at:
            raise Killed

    def run(self, until: Callable[[], bool]) -> None:
        """Let time pass until then; who dies is started again, with nothing in mind."""
        for _ in range(MANY):
            try:
                plans = [self._look(app) for app in APPS]
            except Killed:
                self.cluster.now += RESTART
                self.waker, self.asked, self.promised = self._begin(), False, False
                continue
            if until():
                return
            self.cluster.now += STEP if self.waiting else _pause(plans)
            self._visit()
        pytest.fail(f"it never came to that: {self.phases}")

    def _look(self, app: str) -> Plan:
        plan = self.waker.look(app)
        if self.phases[app][-1:] != [plan.phase]:
            self.phases[app].append(plan.phase)
        return plan

    def _visit(self) -> None:
        """A visitor asks once, and again only if the connection breaks: waker's death, or not at all."""
        if not self.waiting:
            return
        if list(led_to(self.cluster, "shop")) and self.cluster.ready("shop"):
            self.waiting, self.promised, self.visits.at["shop"] = False, False, self.cluster.now
        elif not self.asked:
            self.waker.knocks["shop"] = self.cluster.now
            self.asked, self.promised = True, self.cluster.replicas("shop") > 0

    def _check(self) -> None:
        for name in APPS:
            wanted = self.cluster.written["Deployment", name]["spec"]["replicas"]
            notes = self.cluster.annotations("Deployment", name)
            asleep = self.cluster.replicas(name) == 0
            assert notes.get(names.SAVED_REPLICAS) == str(wanted) if asleep else self.cluster.replicas(name) == wanted
            led = bool(list(led_to(self.cluster, name)))
            assert self.tampered or not led or self.cluster.ready(name), "a route to nowhere"
        assert not self.promised or self.cluster.replicas("shop"), "a knock lost to a sleeper"
        for name in ("front", "www"):
            self._check_backends(name)

    def _check_backends(self, name: str) -> None:
        saved = json.loads(self.cluster.annotations("Ingress", name).get(names.SAVED_BACKENDS, '{"routes": []}'))
        originals = {entry["path"]: entry["backend"] for entry in saved["routes"]}
        now, written = (each["Ingress", name] for each in (self.cluster.objects, self.cluster.written))
        for path, wanted in zip(paths_of(now), paths_of(written), strict=True):
            held = path["backend"]["service"]["name"] == names.WAKER_SERVICE
            original = originals[path["path"]] if held else path["backend"]
            assert original == wanted["backend"]
            assert not held or path["backend"] == waker_backend(original["service"]["name"]), "at another app's door"

    # --- how it may end ---

    def asleep(self, *apps: str) -> bool:
        """These apps have no pods, all their routes lead to waker, and there is nothing left to do."""
        return all(
            self.phases[app][-1] is Phase.ASLEEP and self.cluster.replicas(app) == 0 and not self._leads_to(app)
            for app in apps
        )

    def awake(self, app: str) -> bool:
        """The app stands as its user wrote it, but for the notes when it woke up and how long that took."""
        notes = self.cluster.annotations("Deployment", app)
        for kept in (names.AWAKE_SINCE, names.TYPICAL_WAKE):
            notes.pop(kept, None)
        now, written = (each["Deployment", app] for each in (self.cluster.objects, self.cluster.written))
        return (
            self.phases[app][-1] in (Phase.AWAKE, Phase.NOT_MANAGED)
            and notes == written["metadata"]["annotations"]
            and now["spec"] == written["spec"]
            and not any(_saved_backend(self.cluster, name, app) for name in ("front", "www"))
        )

    def _leads_to(self, app: str) -> bool:
        every = (path for each in self.cluster.all("Ingress") for path in paths_of(each))
        return any(path["backend"]["service"]["name"] == app for path in every)


def _saved_backend(cluster: SmallCluster, name: str, app: str) -> bool:
    return f'"name":"{app}"' in cluster.annotations("Ingress", name).get(names.SAVED_BACKENDS, "")


def _pause(plans: list[Plan]) -> timedelta:
    """Until something is to be done by the clock."""
    resting = all(plan.phase in AT_REST and not plan.actions for plan in plans)
    again = [plan.requeue_after for plan in plans if plan.requeue_after]
    return max(STEP, min(again)) if resting and again else STEP


def sleep(story: Story) -> Story:
    """Both apps fall asleep."""
    story.run(lambda: story.asleep(*APPS))
    return story


def sleep_and_wake(story: Story) -> Story:
    """Both apps fall asleep; the shop is visited, and wakes up."""
    sleep(story)
    story.waiting = True
    story.run(lambda: not story.waiting and story.awake("shop"))
    return story
