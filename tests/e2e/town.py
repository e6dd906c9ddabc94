"""Apps behind all controllers at once, and steady clients for every app: what a fault of waker costs visitors.

Behind each controller one app stays awake, one stays asleep, and one is put to sleep and woken all the time. The clients are
an open loop, `PACE` requests a second in all; each answer is judged by itself.
"""

import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.e2e import apps, controllers, doors, load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, until
from tests.e2e.controllers import IngressController
from tests.e2e.load import LoadAnswer, Request, VisitorAddress
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream

PACE = 200  # requests a second, to all controllers together
NAP = 1.5  # seconds that an app stays asleep, and as long awake


class Street(NamedTuple):
    """The apps behind one controller."""

    controller: IngressController
    address: VisitorAddress
    awake: StageApp
    asleep: StageApp
    napper: StageApp


@dataclass(slots=True)
class Town:
    """All streets. `naps`: how often the nappers have fallen asleep."""

    scene: Scene
    streets: Sequence[Street]
    naps: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def busy(self, *, naps: bool = True) -> Iterator[list[Stream]]:
        """Clients come, and nappers sleep and wake, while the context is open; a stream for each street."""
        napping = threading.Thread(target=self._nap if naps else self._stop.wait, name="naps")
        streams = [Stream(each.address, requests(each), len(self.streets) / PACE) for each in self.streets]
        self._stop.clear()
        with ExitStack() as stack:
            for each in streams:
                stack.enter_context(each)
            napping.start()
            try:
                yield streams
            finally:
                self._stop.set()
                napping.join()

    def _nap(self) -> None:
        api = ClusterApi(self.scene.api.access)
        for state in itertools.cycle(["asleep", None]):
            if self._stop.wait(NAP) and state:
                break
            for each in self.streets:
                api.annotate(each.napper.kind, each.napper.namespace, each.napper.name, state=state)
            wanted = apps.asleep if state else apps.awake
            end = time.monotonic() + 30
            while any(wanted(api, each.napper) for each in self.streets) and time.monotonic() < end:
                time.sleep(0.2)
            self.naps += bool(state)
        api.close()


@contextmanager
def town(scene: Scene, wakers: int = 2) -> Iterator[Town]:
    """So many wakers, and a street behind each controller, settled."""
    with doors.replicas(scene, wakers):
        streets = [_street(scene, each) for each in controllers.ALL.values()]
        for each in streets:
            until(f"{each.controller.ingress_class} answers", lambda each=each: _answers(each), 60)  # type: ignore[misc]
            scene.pin(each.asleep, "asleep")
        scene.asleep(*(each.asleep for each in streets))
        yield Town(scene, streets)


def _street(scene: Scene, controller: IngressController) -> Street:
    address = controller.address(scene.api) if _installed(scene, controller) else controller.install(scene.api)
    assert address, "a ready pod"
    some = [
        StageApp(scene.namespace, f"{controller.ingress_class}-{name}", controller.ingress_class)
        for name in ("awake", "asleep", "napper")
    ]
    for each in some:
        scene.create(*apps.objects(each))
    return Street(controller, address, *some)


def _installed(scene: Scene, controller: IngressController) -> bool:
    return bool(scene.api.list("Pod", controller.namespace, controller.pods))


def _answers(street: Street) -> bool:
    asked = (load.ask_now(street.address, load.curl(each.host, each.name), 3) for each in street[2:])
    return all(each.kind == "app 200" for each in asked)


@contextmanager
def late_controllers() -> Iterator[None]:
    """Contour and ingress-nginx go on with what they know, and learn nothing new while the context is open.

    Nothing may nap meanwhile: a controller that is stopped in the middle of a change loses requests by itself. What they
    serve with, Envoy and the workers of nginx, are other processes. Traefik is one process: it cannot be late.
    """
    found = [int(each) for name in ("contour serve", "^[^ ]*nginx-ingress-controller ") for each in _processes(name)]
    assert len(found) == 2, found
    for process in found:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in found:
            os.kill(process, signal.SIGCONT)


def _processes(command: str) -> list[str]:
    done = subprocess.run(["pgrep", "-f", command], capture_output=True, text=True, check=False)
    return done.stdout.split()


def requests(street: Street) -> list[Request]:
    """One round of the clients; labels name the app."""
    found = []
    for app in (street.awake, street.asleep, street.napper):
        client = load.curl(app.host, app.name)
        for each in (
            client,
            load.browser(app.host, app.name),
            replace(client, label="post", method="POST", body=b"x" * 500),
        ):
            found.append(replace(each, label=f"{each.label} {app.name}"))
    return found


def wrong(streams: Iterable[Stream], began: float = 0.0, allowed: float = 0.0) -> list[LoadAnswer]:
    """The answers that no visitor may get.

    Within `allowed` seconds of `began` whoever came to an app that is not awake may have got anything.
    """
    return [
        answer
        for stream in streams
        for answer in stream.answers
        if not answer.expected
        and (answer.label.endswith("-awake") or answer.ended < began or answer.began > began + allowed)
    ]


def check(streams: Sequence[Stream], began: float = 0.0, allowed: float = 0.0) -> None:
    """Fails if anybody got such an answer. The message has times since the first request."""
    found, first = sorted(wrong(streams, began, allowed), key=lambda each: each.ended), streams[0].began
    lines = (
        f"{each.began - first:8.3f} .. {each.ended - first:8.3f} {each.label} {each.kind} {each.body[:80]!r}"
        for each in found
    )
    total = sum(len(each.answers) for each in streams)
    when = f"; the fault was at {began - first:.3f}" if began else ""
    assert not found, "\n".join(
        [f"{len(found)} of {total}: {load.summary(found)}{when}", *itertools.islice(lines, 100)]
    )
