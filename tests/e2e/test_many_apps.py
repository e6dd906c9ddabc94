"""Visitors of several sleeping apps come at the same moment: each wakes its own app, and nobody waits for another's."""

import asyncio
import os
import signal
from pathlib import Path

from tests.e2e import doors, load
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.load import Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.test_3_crowd import gathered, is_go

SLEEPERS = 8
OTHERS = 60  # apps without a process, in the same namespace


@needs_bed("has pods without a process")
@every_controller
def test_all_of_them_wake(scene: Scene) -> None:
    doors.fakes(scene, OTHERS)
    sleepers = asleep(scene)
    visit(scene, sleepers)
    scene.awake(*sleepers)
    for app in sleepers:
        assert scene.history.replicas(app.kind, app.name) == [1, 0, 1]


@needs_bed("kills the API server")
@every_controller
def test_all_of_them_wake_though_everything_is_listed_again(scene: Scene) -> None:
    """The API server was killed, and knows no version of before: so all that waker has seen is listed once more."""
    sleepers = asleep(scene)
    os.kill(int((Path(os.environ["GROUND_DIR"]) / "pids" / "kube-apiserver").read_text()), signal.SIGKILL)
    visit(scene, sleepers)
    until("the API server answers", lambda: answers(scene), 60)
    scene.awake(*sleepers)


def asleep(scene: Scene) -> list[StageApp]:
    """Several apps that sleep."""
    found = [scene.app(f"app-{number}") for number in range(SLEEPERS)]
    scene.sleep(*found)
    return found


def visit(scene: Scene, sleepers: list[StageApp]) -> None:
    """A browser and a program for each of them, all at once; each ends at its app."""
    crowd = [each(app.host, app.name) for app in sleepers for each in (load.browser, load.curl)]
    visits = asyncio.run(gathered(scene.address, crowd))
    seen = [answer for each in visits for answer in each]
    assert all(answer.expected or is_go(answer) for answer in seen), load.summary(seen)
    lost = [each[-1] for each in visits if each[-1].who is not Who.APP]
    assert not lost, f"{len(lost)} never saw their app: {load.summary(lost)}"


def answers(scene: Scene) -> bool:
    try:
        scene.api.list("Deployment", scene.namespace)
    except OSError:
        return False
    return True
