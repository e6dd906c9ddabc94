"""Two wakers under 200 requests a second: one that leaves costs nobody anything, one that is killed only what nobody can avoid.

Visitors come through all three controllers at once, to apps that are awake, asleep, falling asleep and waking.
"""

import os
import signal
import time

from tests.e2e import doors, town
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE
from tests.e2e.scene import Scene

AFTER = 6.0  # seconds that clients go on when all is as it was
LATE = 9.0  # seconds; more than twice what the slowest controller takes
# ingress-nginx: one change in 3.3 s. Of two that it would follow at the end of a stop, in the same second, its workers miss
# the second one: they compare times in whole seconds.
NOTHING_TO_FOLLOW = 8.0  # seconds after the last change
FOLLOWS = 5.0  # seconds; the slowest controller's, after waker's slices have changed
NOTICED = 2.0  # seconds until Kubernetes and waker have written that a process has ended
# readinessProbe: three times in a row, every 2 s, each for up to 2 s; then Kubernetes and waker write
UNREADY = 3 * 2 + 2 + NOTICED
FROZEN = 20.0  # seconds; longer than the Lease lasts, shorter than the liveness probe is patient

pytestmark = needs_bed("runs all controllers, and faults of waker's processes")


def test_whoever_leaves_costs_no_request(scene: Scene) -> None:
    with town.town(scene) as all_of_it:
        for leave in (rolling_update, leader_deleted, other_evicted, leader_deleted_and_controllers_late):
            with all_of_it.busy(naps=leave is not leader_deleted_and_controllers_late) as streams:
                leave(scene)
                until("as many as wanted", scene.waker.ready, 90)
                time.sleep(AFTER)
            town.check(streams)
        assert all_of_it.naps, "apps fell asleep meanwhile"
        now = {pod["status"]["podIP"] for pod in scene.waker.pods()}
        assert all(hosts == now for hosts in doors.listed(scene.api, scene.namespace).values())


def test_one_that_leaves_alone_goes_on_until_the_next_one_is_there(scene: Scene) -> None:
    """With a single waker, too, nobody is lost in an orderly restart."""
    with town.town(scene, wakers=1) as all_of_it:
        with all_of_it.busy() as streams:
            time.sleep(1)
            leader_deleted(scene)
            until("as many as wanted", scene.waker.ready, 90)
            time.sleep(AFTER)
        town.check(streams)


def rolling_update(scene: Scene) -> None:
    kubectl("rollout", "restart", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}")
    kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", within=180)


def leader_deleted(scene: Scene) -> None:
    kubectl("delete", "pod", "-n", NAMESPACE, scene.waker.leader(), "--wait=true")


def leader_deleted_and_controllers_late(scene: Scene) -> None:
    """They learn of it long after the usual."""
    time.sleep(NOTHING_TO_FOLLOW)
    with town.late_controllers():
        kubectl("delete", "pod", "-n", NAMESPACE, scene.waker.leader(), "--wait=false")
        time.sleep(LATE)


def other_evicted(scene: Scene) -> None:
    """As `kubectl drain` does it."""
    name = scene.waker.follower()["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE}}
    scene.api.call("POST", f"api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction", eviction)
    until("it is gone", lambda: name not in [pod["metadata"]["name"] for pod in scene.waker.pods()], 60)


def test_a_killed_or_frozen_one_costs_what_kubernetes_takes_to_notice(scene: Scene) -> None:
    with town.town(scene) as all_of_it:
        for fault, allowed in ((killed, NOTICED + FOLLOWS), (frozen, UNREADY + FOLLOWS)):
            for of_leader in (True, False):
                process = scene.waker.process(leads=of_leader)
                with all_of_it.busy() as streams:
                    time.sleep(1)
                    began = time.monotonic()
                    fault(process)
                    until("as many as wanted", scene.waker.ready, 90)
                    time.sleep(AFTER)
                town.check(streams, began, allowed)


def killed(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def frozen(process: int) -> None:
    os.kill(process, signal.SIGSTOP)
    time.sleep(FROZEN)
    os.kill(process, signal.SIGCONT)
