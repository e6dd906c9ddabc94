"""Idle clocks survive a restart of waker: with a full idle period behind it an app sleeps, though nobody watched all of it."""

import json
import os
import signal
import time

import pytest

from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.scene import SETTLED, Scene
from waker import names

IDLE = 40.0  # seconds
KILLED = 30.0  # seconds after the last visit
LATE = 12.0  # seconds: scrapes, the swap, the last requests, and a busy machine


@needs_bed("kills waker's process")
def test_an_app_sleeps_when_it_would_have_without_the_restart(scene: Scene) -> None:
    begin(scene)
    app = scene.app("shop", annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    visited = time.monotonic()
    scene.visit(app)
    until("its idle clock is written down", lambda: written(scene, app.name), within=25)

    time.sleep(max(0.0, visited + KILLED - time.monotonic()))
    scene.waker.kill()
    scene.asleep(app)

    assert IDLE <= time.monotonic() - visited < IDLE + LATE
    assert scene.history.replicas(app.kind, app.name) == [1, 0]


@needs_bed("freezes waker's process")
@pytest.mark.parametrize("controller", ["traefik", "nginx"], indirect=True)
def test_a_visit_that_no_waker_saw_counts(scene: Scene) -> None:
    begin(scene)
    app = scene.app("shop", annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    until("its idle clock is written down", lambda: written(scene, app.name), within=25)

    (process,) = scene.waker.processes()
    os.kill(process, signal.SIGSTOP)  # it sees nothing more, and writes nothing more
    visited = time.monotonic()
    scene.visit(app)
    os.kill(process, signal.SIGKILL)
    scene.asleep(app, within=2 * IDLE + SETTLED)  # behind ingress-nginx its pods stay for as long again

    (slept,) = [each.at for each in scene.history.of(app.kind, app.name) if not each.obj["spec"]["replicas"]][:1]
    assert slept - visited >= IDLE


def begin(scene: Scene) -> None:
    """A waker that has nothing to go by, and may write at once: nothing was written in this minute."""
    scene.api.patch("ConfigMap", "kubesleeper", names.ACTIVITY, {"data": None})
    scene.waker.renew()


def written(scene: Scene, name: str) -> bool:
    """Whether an app is in what waker has written about visits."""
    data = scene.api.get("ConfigMap", "kubesleeper", names.ACTIVITY).get("data") or {}
    return f"Deployment/{scene.namespace}/{name}" in json.loads(data.get("activity", '{"apps": {}}'))["apps"]
