"""The faults of a soak: one after another, at random, each undone before the next.

Every fault is noted with its times, whom it hit, and for how long visitors had to put up with it, so that the oracle knows what
nobody can avoid. The code blocks, so it runs in a thread of its own. The API server may be down: what cannot be asked
is asked again.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.soak.oracle import SoakFault
from bench.soak.reverter import Reverter
from tests.e2e import entry_points
from tests.e2e.apps import StageApp
from tests.e2e.cluster import UNANSWERED, ClusterApi, kubectl, until
from tests.e2e.controllers import IngressController
from tests.e2e.entry_points import EntryPoint
from tests.e2e.install import DEPLOYMENT, NAMESPACE, InstalledWaker

PODS = 2  # of each controller
WAKERS = 2
PAUSE = (3.0, 15.0)  # seconds between two faults; some sleeps need time without any
CUT = (1.0, 20.0)  # seconds; from unnoticed to long enough to make the pod unready
FROZEN = (0.5, 18.0)  # seconds; shorter and longer than the Lease lasts
API_FROZEN = (0.5, 12.0)  # seconds; longer than the Lease may go without a renewal
REVERTED = (5.0, 15.0)  # seconds

# What visitors have to put up with, in seconds from the beginning of a fault.
FOLLOWS = 5.0  # the slowest controller, once waker's slices have changed
NOTICED = 2.0  # until Kubernetes and waker have written that a process has ended
UNREADY = 3 * 2 + 2 + NOTICED  # the readiness probe fails three times, every 2 s, each in up to 2 s
STARTS = 10.0  # a controller's process: it starts, is ready, and knows its routes


@dataclass(slots=True)
class SoakFaults:
    """Makes faults and notes them. `touch` changes an Ingress that nobody visits, which makes ingress-nginx reload."""

    api: ClusterApi
    waker: InstalledWaker
    controllers: Sequence[IngressController]
    apps: Sequence[StageApp]
    touch: Callable[[], None]
    dice: random.Random
    done: list[SoakFault] = field(default_factory=list)

    def make(self, stop: threading.Event) -> None:
        """Make faults until `stop` is set."""
        kinds = (self._more, self._fewer, self._delete, self._kill, self._reload, self._cut, self._restart,
                 self._kill_waker, self._freeze_waker, self._cut_waker, self._delete_waker, self._roll_waker,
                 partial(self._kill_part, "kube-apiserver"), partial(self._kill_part, "etcd"),
                 partial(self._kill_part, "kube-controller-manager"), self._freeze_api,
                 self._revert, self._roll_app)  # fmt: skip
        while not stop.wait(self.dice.uniform(*PAUSE)):
            with suppress(
                *UNANSWERED, AssertionError, subprocess.TimeoutExpired
            ):  # undone by the next one, or at the end
                self.dice.choice(kinds)()
        self.api.close()

    # --- a controller's pods ---

    def _more(self) -> None:
        self._scaled("one pod more", PODS + 1)

    def _fewer(self) -> None:
        self._scaled("one pod less", PODS - 1)

    def _scaled(self, kind: str, replicas: int) -> None:
        controller, began = self.dice.choice(self.controllers), time.monotonic()
        before = [each.name for each in entry_points.entry_points(self.api, controller)]
        with suppress(AssertionError):
            entry_points.scale(self.api, controller, replicas)
            time.sleep(self.dice.uniform(0, 8))
        entry_points.scale(self.api, controller, PODS)
        left = set(before) - {each.name for each in entry_points.entry_points(self.api, controller)}
        self._note(kind, controller.ingress_class, began)
        for name in left:  # visitors choose a pod that has just gone
            self._note(kind, name, began, STARTS)

    def _restart(self) -> None:
        controller, began = self.dice.choice(self.controllers), time.monotonic()
        before = entry_points.entry_points(self.api, controller)
        kubectl("rollout", "restart", "-n", controller.namespace, f"deployment/{controller.deployment}")
        kubectl("rollout", "status", "-n", controller.namespace, f"deployment/{controller.deployment}", within=60)
        entry_points.scale(self.api, controller, PODS)
        for each in before:
            self._note("controller restarted", each.name, began, time.monotonic() - began + NOTICED)

    def _delete(self) -> None:
        if entry := self._any_entry():
            began = time.monotonic()
            entry.delete()
            entry_points.scale(self.api, entry.controller, PODS)
            self._note("pod deleted", entry.name, began, STARTS)

    def _kill(self) -> None:
        if entry := self._any_entry():
            began = time.monotonic()
            entry.kill()
            entry_points.scale(self.api, entry.controller, PODS)
            self._note("controller killed", entry.name, began, time.monotonic() - began + STARTS)

    def _reload(self) -> None:
        began = time.monotonic()
        self.touch()
        self._note("nginx reloads", "", began)

    def _cut(self) -> None:
        if entry := self._any_entry():
            began = time.monotonic()
            entry.cut()
            time.sleep(self.dice.uniform(*CUT))
            entry.join()
            self._note("pod cut off", entry.name, began, time.monotonic() - began + STARTS)

    # --- waker ---

    def _kill_waker(self) -> None:
        began = time.monotonic()
        os.kill(self.dice.choice(self.waker.processes()), signal.SIGKILL)
        self._waker_ready()
        self._note("waker killed", "waker", began, NOTICED + FOLLOWS)

    def _freeze_waker(self) -> None:
        began, process = time.monotonic(), self.dice.choice(self.waker.processes())
        os.kill(process, signal.SIGSTOP)
        try:
            time.sleep(self.dice.uniform(*FROZEN))
        finally:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        ended = time.monotonic()
        self._waker_ready()
        self._note("waker frozen", "waker", began, min(ended - began, UNREADY + FOLLOWS))

    def _cut_waker(self) -> None:
        began, pod = time.monotonic(), self.dice.choice(self.waker.pods())
        entry_points.link(pod["status"]["podIP"], "down")
        try:
            time.sleep(self.dice.uniform(*CUT))
        finally:
            entry_points.link(pod["status"]["podIP"], "up")
        ended = time.monotonic()
        self._waker_ready()
        self._note("waker cut off", "waker", began, min(ended - began, UNREADY + FOLLOWS) + NOTICED)

    def _delete_waker(self) -> None:
        began = time.monotonic()
        kubectl(
            "delete", "pod", "-n", NAMESPACE, self.dice.choice(self.waker.pods())["metadata"]["name"], "--wait=true"
        )
        self._waker_ready()
        self._note("waker deleted", "cluster", began)

    def _roll_waker(self) -> None:
        began = time.monotonic()
        kubectl("rollout", "restart", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}")
        kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", within=180)
        self._waker_ready()
        self._note("waker rolled out", "cluster", began)

    # --- the cluster ---

    def _kill_part(self, name: str) -> None:
        began = time.monotonic()
        os.kill(_part(name), signal.SIGKILL)
        time.sleep(2)
        until(f"{name} runs again", self._answers, 30)
        self._note(f"{name} killed", "cluster", began)

    def _freeze_api(self) -> None:
        began, process = time.monotonic(), _part("kube-apiserver")
        os.kill(process, signal.SIGSTOP)
        time.sleep(self.dice.uniform(*API_FROZEN))
        os.kill(process, signal.SIGCONT)
        self._note("API server frozen", "cluster", began)

    def _answers(self) -> bool:
        with suppress(*UNANSWERED):
            return bool(self.waker.pods())
        return False

    # --- users ---

    def _revert(self) -> None:
        app, began = self.dice.choice(self.apps), time.monotonic()
        Reverter(self.api, app).revert(began + self.dice.uniform(*REVERTED))
        self._note("routes reverted", app.name, began)

    def _roll_app(self) -> None:
        """Its old pods end at once: what they were doing, and what controllers send there until they follow, is lost."""
        app, began = self.dice.choice(self.apps), time.monotonic()
        name = f"{app.kind.lower()}/{app.name}"
        kubectl("rollout", "restart", "-n", app.namespace, name)
        with suppress(AssertionError):
            kubectl("rollout", "status", "-n", app.namespace, name, "--timeout=15s")
        self._note("app rolled out", app.name, began, time.monotonic() - began + FOLLOWS)

    # ---

    def _any_entry(self) -> EntryPoint | None:
        found = [
            each for each in entry_points.entry_points(self.api, self.dice.choice(self.controllers)) if each.process
        ]
        return self.dice.choice(found) if found else None

    def _waker_ready(self) -> None:
        until("waker is ready", self._all_ready, 90)  # Kubernetes restarts a container later each time it ends

    def _all_ready(self) -> bool:
        with suppress(*UNANSWERED):
            return self.waker.ready()
        return False

    def _note(self, kind: str, at: str, began: float, allowed: float = 0.0) -> None:
        self.done.append(SoakFault(kind, at, began, time.monotonic(), allowed))


def _part(name: str) -> int:
    """The process of a part of Kubernetes, see ground's README."""
    return int((Path(os.environ["GROUND_DIR"]) / "pids" / name).read_text())
