"""How reading each pod of an ingress controller goes, in one word: for metrics, Events and `waker explain`.

Pure. What each state means for the apps behind the controller is decided in `scraped_controller`.
"""

from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

from waker.traffic.controller_pod import ControllerPod
from waker.traffic.scraped_controller import ScrapedController


class PodState(StrEnum):
    """A pod's state. Also a label of a metric: states are added, never renamed."""

    READ = "read"  # the visits that it counts are known
    UNREAD = "unread"  # they are not, so nothing behind its controller falls asleep
    IGNORED = "ignored"  # they are not, and the setting `unreadable` says that they do not matter any more
    NOT_SERVING = "not_serving"  # visitors do not reach it: not ready since it began, ended, or unready for long


def state_of(controller: ScrapedController, each: ControllerPod, now: datetime, interval: timedelta) -> PodState:
    """The state of one pod."""
    if not each.may_serve(controller.adapter, now):
        return PodState.NOT_SERVING
    if controller.is_read(each, now, interval):
        return PodState.READ
    return PodState.IGNORED if each.pod.uid in controller.ignored(now) else PodState.UNREAD


def count_states(controller: ScrapedController, now: datetime, interval: timedelta) -> Counter[PodState]:
    """How many pods are in each state."""
    return Counter(state_of(controller, each, now, interval) for each in controller.pods.values())
