"""What goes wrong during a soak: one thing after another, at random, each undone before the next.

Every fault is written down with its times and whom it hit, so that the oracle knows what a visitor had to bear. Blocking:
it runs in a thread of its own.
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
PAUSE = (6.0, 30.0)  # s between two faults; some sleeps need a calm time
CUT = (1.0, 20.0)  # s; from one that nobody notices to one that makes the pod unready
FROZEN = (0.5, 12.0)  # s; short of and beyond the Lease


@dataclass(slots=True)
class SoakFaults:
    """`touch` changes an Ingress that nobody visits, which has ingress-nginx reload."""

    api: ClusterApi
    waker: InstalledWaker
    controllers: Sequence[IngressController]
    touch: Callable[[], None]
    dice: random.Random
    done: list[SoakFault] = field(default_factory=list)

    def make(self, stop: threading.Event) -> None:
        """Until told to stop."""
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
        self._whole(controller)
        self._note(kind, controller.ingress_class, began)

    def _delete(self) -> None:
        if door := self._any():
            began = time.monotonic()
            door.delete()
            self._whole(door.controller)
            self._note("pod deleted", door.name, began)

    def _kill(self) -> None:
        if door := self._any():
            began = time.monotonic()
            door.kill()
            self._whole(door.controller)
            self._note("controller killed", door.name, began)

    def _reload(self) -> None:
        began = time.monotonic()
        self.touch()
        self._note("nginx reloads", "", began)

    def _cut(self) -> None:
        if door := self._any():
            began = time.monotonic()
            door.cut()
            time.sleep(self.dice.uniform(*CUT))
            door.join()
            self._note("pod cut off", door.name, began)

    def _kill_waker(self) -> None:
        began = time.monotonic()
        for process in self.waker.processes():
            os.kill(process, signal.SIGKILL)
        time.sleep(1)
        self._waker_ready()
        self._note("waker killed", "waker", began)

    def _freeze_waker(self) -> None:
        began, some = time.monotonic(), self.waker.processes()
        for process in some:
            os.kill(process, signal.SIGSTOP)
        time.sleep(self.dice.uniform(*FROZEN))
        for process in some:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self._waker_ready()
        self._note("waker frozen", "waker", began)

    def _any(self) -> EntryPoint | None:
        found = [
            each for each in entry_points.entry_points(self.api, self.dice.choice(self.controllers)) if each.process
        ]
        return self.dice.choice(found) if found else None

    def _whole(self, controller: IngressController) -> None:
        with suppress(AssertionError):
            entry_points.scale(self.api, controller, PODS)

    def _waker_ready(self) -> None:
        end = time.monotonic() + 60  # Kubernetes lets one that ends often wait longer each time
        while time.monotonic() < end and not self.waker.ready():
            time.sleep(0.2)

    def _note(self, kind: str, at: str, began: float) -> None:
        self.done.append(SoakFault(kind, at, began, time.monotonic()))
