"""The pods of apps that wake while a visitor waits: how far each has started, and which are ready already.

A cluster has many pods, so waker does not watch all of them. A waking app gets a small informer of its own pods and a
`ReadinessProber`, from `watch` until `unwatch`. `reconcile.app` calls both, and reads the rest; this module decides
nothing. The subtle thing: pods are found by the labels of the pod template, so pods of an older template do not count.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.readiness import ProbedPod, ReadinessProber, RunProbe
from waker.cluster.resources import PODS
from waker.plan.model import AppId, Workload, label_selector
from waker.plan.progress import Start, Step, start_of
from waker.plan.readiness_probes import pending_probes


class WatchedPod(NamedTuple):
    """What is kept of a pod: how far it has started, and its pending readiness probes."""

    start: Start
    probed: ProbedPod


@dataclass(slots=True)
class _PodWatch:
    labels: Mapping[str, str]
    informer: Informer[WatchedPod]
    prober: ReadinessProber
    tasks: tuple[asyncio.Task[None], ...]


class AppPods:
    """The watches by app. `on_change(app)` is called when one of an app's pods changes or becomes ready."""

    def __init__(
        self, api: Api, on_change: Callable[[AppId], None], clock: Callable[[], datetime], run_probe: RunProbe
    ) -> None:
        self._api = api
        self._on_change = on_change
        self._clock = clock
        self._run_probe = run_probe
        self._watches: dict[AppId, _PodWatch] = {}

    def watch(self, workload: Workload, tasks: asyncio.TaskGroup) -> None:
        """Watch the pods of this workload. Does nothing if they are watched, or if it has no labels to find them by."""
        app, current = workload.id, self._watches.get(workload.id)
        if not workload.pod_labels or (current and current.labels == workload.pod_labels):
            return
        self.unwatch(app)
        source = Source(PODS.collection(app.namespace), {"labelSelector": label_selector(workload.pod_labels)})

        def pod_changed(_old: WatchedPod | None, _new: WatchedPod | None) -> None:
            prober.pods_changed()
            self._on_change(app)

        informer = Informer(self._api, source, watched_pod, pod_changed, self._clock)
        prober = ReadinessProber(
            lambda: [each.probed for each in informer.values()],
            lambda: self._on_change(app),
            self._run_probe,
            self._clock,
            lambda: len(self._watches),
        )
        running = (
            tasks.create_task(informer.run(), name=f"pods of {app}"),
            tasks.create_task(prober.run(), name=f"readiness of {app}"),
        )
        self._watches[app] = _PodWatch(workload.pod_labels, informer, prober, running)

    def unwatch(self, app: AppId) -> None:
        """Stop watching an app's pods, if they are watched."""
        watch = self._watches.pop(app, None)
        for task in watch.tasks if watch else ():
            task.cancel()

    def starts(self, app: AppId) -> list[Start]:
        """How far each of the app's pods has started; empty if they are not watched."""
        watch = self._watches.get(app)
        return [each.start for each in watch.informer.values()] if watch else []

    def probed_ready(self, app: AppId) -> frozenset[str]:
        """The hosts of pods that passed their readiness probes when waker ran them, and have not become unready since."""
        watch = self._watches.get(app)
        return watch.prober.ready_hosts() if watch else frozenset()


def watched_pod(found: Mapping[str, Any]) -> WatchedPod | None:
    """A pod as JSON -> what is kept of it. None if it is terminating or has ended."""
    start = start_of(found)
    if start is None:
        return None
    status = found.get("status") or {}
    hosts = tuple(each["ip"] for each in status.get("podIPs") or [{"ip": status.get("podIP", "")}])
    return WatchedPod(start, ProbedPod(hosts, pending_probes(found), ready=start.step is Step.READY))
