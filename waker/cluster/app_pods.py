"""The pods of apps that wake while somebody waits for them: how far each has come, and which answer already.

A cluster has many pods, so there is no watch over all: a waking app has a small one of its own pods, for as long as
`follow` is repeated. Found by the labels of the pod template, so pods of an older template do not count.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.readiness import Passes, ProbedPod, ReadinessProber
from waker.cluster.resources import PODS
from waker.plan.model import AppId, Workload
from waker.plan.progress import Start, Step, start_of
from waker.plan.readiness_probes import pending_probes


class SeenPod(NamedTuple):
    """One pod."""

    start: Start
    probed: ProbedPod


@dataclass(slots=True)
class _PodWatch:
    labels: Mapping[str, str]
    informer: Informer[SeenPod]
    prober: ReadinessProber
    tasks: tuple[asyncio.Task[None], ...]


class AppPods:
    """The watches. `changed(app)` is called when a pod of an app has come further, or cannot."""

    def __init__(
        self, api: Api, changed: Callable[[AppId], None], clock: Callable[[], datetime], passes: Passes
    ) -> None:
        self._api = api
        self._changed = changed
        self._clock = clock
        self._passes = passes
        self._watches: dict[AppId, _PodWatch] = {}

    def watch(self, workload: Workload, tasks: asyncio.TaskGroup) -> None:
        """Watch the pods of this workload; does nothing if that is so already, or if it has no labels to find them by."""
        app, known = workload.id, self._watches.get(workload.id)
        if not workload.pod_labels or (known and known.labels == workload.pod_labels):
            return
        self.unwatch(app)
        selector = ",".join(f"{key}={value}" for key, value in sorted(workload.pod_labels.items()))
        source = Source(PODS.collection(app.namespace), {"labelSelector": selector})

        def moved(_old: SeenPod | None, _new: SeenPod | None) -> None:
            checking.pods_changed()
            self._changed(app)

        reflector = Informer(self._api, source, seen_of, moved, self._clock)
        checking = ReadinessProber(
            lambda: [each.probed for each in reflector.values()],
            lambda: self._changed(app),
            self._passes,
            self._clock,
            lambda: len(self._watches),
        )
        running = (
            tasks.create_task(reflector.run(), name=f"pods of {app}"),
            tasks.create_task(checking.run(), name=f"readiness of {app}"),
        )
        self._watches[app] = _PodWatch(workload.pod_labels, reflector, checking, running)

    def unwatch(self, app: AppId) -> None:
        """Stop watching."""
        known = self._watches.pop(app, None)
        for task in known.tasks if known else ():
            task.cancel()

    def starts(self, app: AppId) -> list[Start]:
        """How far each of its pods has come; nothing if that is not watched."""
        known = self._watches.get(app)
        return [each.start for each in known.informer.values()] if known else []

    def probed_ready(self, app: AppId) -> frozenset[str]:
        """Hosts of pods that waker saw pass their own readiness probes, and that have not fallen back since."""
        known = self._watches.get(app)
        return known.prober.ready_hosts() if known else frozenset()


def seen_of(found: Mapping[str, Any]) -> SeenPod | None:
    """A pod. None if it is on its way out, or has ended."""
    start = start_of(found)
    if start is None:
        return None
    status = found.get("status") or {}
    hosts = tuple(each["ip"] for each in status.get("podIPs") or [{"ip": status.get("podIP", "")}])
    return SeenPod(start, ProbedPod(hosts, pending_probes(found), ready=start.step is Step.READY))
