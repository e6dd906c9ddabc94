"""The faults of a soak: one after another, at random, each undone before the next.

Every fault is noted with its times and the pod it hit, so that the oracle knows what a visitor had to put up with. The code
blocks, so it runs in a thread of its own.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.soak.oracle import SoakFault
from tests.e2e import entry_points
from tests.e2e.cluster import ClusterApi
from tests.e2e.controllers import IngressController
from tests.e2e.entry_points import EntryPoint
from tests.e2e.install import InstalledWaker

PODS = 2  # of each controller
PAUSE = (6.0, 30.0)  # seconds between two faults; some sleeps need time without any
CUT = (1.0, 20.0)  # seconds; from unnoticed to long enough to make the pod unready
FROZEN = (0.5, 12.0)  # seconds; shorter and longer than the Lease lasts


@dataclass(slots=True)
class SoakFaults:
    """Makes faults and notes them. `touch` changes an Ingress that nobody visits, which makes ingress-nginx reload."""

    api: ClusterApi
    waker: InstalledWaker
    controllers: Sequence[IngressController]
    touch: Callable[[], None]
    dice: random.Random
    done: list[SoakFault] = field(default_factory=list)

    def make(self, stop: threading.Event) -> None:
        """Make faults until `stop` is set."""
        kinds = (self._more, self._fewer, self._delete, self._kill, self._reload, self._reload, self._cut, self._cut,
                 self._kill_waker, self._freeze_waker)  # fmt: skip
        while not stop.wait(self.dice.uniform(*PAUSE)):
            self.dice.choice(kinds)()

    def _more(self) -> None:
        self._scaled("one pod more", PODS + 1)

    def _fewer(self) -> None:
        self._scaled("one pod less", PODS - 1)

    def _scaled(self, kind: str, replicas: int) -> None:
        controller, began = self.dice.choice(self.controllers), time.monotonic()
        with suppress(AssertionError):
            entry_points.scale(self.api, controller, replicas)
            time.sleep(self.dice.uniform(0, 8))
        entry_points.begin_scale(controller, PODS)
        self._restore_pods(controller)
        self._note(kind, controller.ingress_class, began)

    def _delete(self) -> None:
        if entry := self._any_entry():
            began = time.monotonic()
            entry.delete()
            self._restore_pods(entry.controller)
            self._note("pod deleted", entry.name, began)

    def _kill(self) -> None:
        if entry := self._any_entry():
            began = time.monotonic()
            entry.kill()
            self._restore_pods(entry.controller)
            self._note("controller killed", entry.name, began)

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
            self._note("pod cut off", entry.name, began)

    def _kill_waker(self) -> None:
        began = time.monotonic()
        for process in self.waker.processes():
            os.kill(process, signal.SIGKILL)
        time.sleep(1)
        self._waker_ready()
        self._note("waker killed", "waker", began)

    def _freeze_waker(self) -> None:
        began, processes = time.monotonic(), self.waker.processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        time.sleep(self.dice.uniform(*FROZEN))
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self._waker_ready()
        self._note("waker frozen", "waker", began)

    def _any_entry(self) -> EntryPoint | None:
        found = [
            each for each in entry_points.entry_points(self.api, self.dice.choice(self.controllers)) if each.process
        ]
        return self.dice.choice(found) if found else None

    def _restore_pods(self, controller: IngressController) -> None:
        with suppress(AssertionError):
            entry_points.scale(self.api, controller, PODS)

    def _waker_ready(self) -> None:
        end = time.monotonic() + 60  # Kubernetes restarts a container later each time it ends
        while time.monotonic() < end and not self.waker.ready():
            time.sleep(0.2)

    def _note(self, kind: str, at: str, began: float) -> None:
        self.done.append(SoakFault(kind, at, began, time.monotonic()))
