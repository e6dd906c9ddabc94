"""Scenario 15: who comes in the very moment in which the pods are taken away is served by new ones.

Kubernetes takes pods away a little after replicas became 0, and calls them ready until then: whoever believed that would
give the routes back to pods that are about to go.
"""

import time

import pytest

from tests.e2e.apps import StageApp
from tests.e2e.cluster import until
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream
from tests.e2e.test_2_stream import clients

DELAYS = (0.0, 0.05, 0.2)  # seconds after replicas became 0


@every_controller
def test_a_visit_just_after_the_pods_were_taken(scene: Scene) -> None:
    check(scene, scene.app("shop", start_delay="1s"))


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_visit_just_after_a_stateful_set_was_taken(scene: Scene, replicas: int) -> None:
    check(scene, scene.app("shop", kind="StatefulSet", replicas=replicas, start_delay="1s"))


def check(scene: Scene, app: StageApp) -> None:
    with Stream(scene.address, clients(app), 0.02) as stream:
        for delay in DELAYS:
            scene.pin(app, "asleep")
            fallen(scene, app, time.monotonic())
            time.sleep(delay)
            scene.pin(app, None)
            scene.awake(app)
            time.sleep(2 * scene.controller.lag)
    stream.check()


def fallen(scene: Scene, app: StageApp, since: float) -> None:
    """Wait, in small steps, until its replicas are 0."""
    until("replicas are 0", lambda: 0 in scene.history.replicas(app.kind, app.name, since), 60, 0.005)
