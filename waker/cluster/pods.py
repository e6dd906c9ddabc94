"""The pods of apps that wake while somebody waits for them: how far each has come.

A cluster has many pods, so there is no watch over all: a waking app has a small one of its own pods, for as long as
`follow` is repeated. Found by the labels of the pod template, so pods of an older template do not count.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from waker.cluster.client import Api
from waker.cluster.reflector import Reflector, Source
from waker.cluster.resources import PODS
from waker.plan.model import AppId, Workload
from waker.plan.progress import Start, start_of


@dataclass(slots=True)
class _Watch:
    labels: Mapping[str, str]
    reflector: Reflector[Start]
    task: asyncio.Task[None]


class Pods:
    """The watches. `changed(app)` is called when a pod of an app has come further, or cannot."""

    def __init__(self, api: Api, changed: Callable[[AppId], None], clock: Callable[[], datetime]) -> None:
        self._api = api
        self._changed = changed
        self._clock = clock
        self._watches: dict[AppId, _Watch] = {}

    def follow(self, workload: Workload, tasks: asyncio.TaskGroup) -> None:
        """Watch the pods of this workload; does nothing if that is so already, or if it has no labels to find them by."""
        app, known = workload.id, self._watches.get(workload.id)
        if not workload.pod_labels or (known and known.labels == workload.pod_labels):
            return
        self.leave(app)
        selector = ",".join(f"{key}={value}" for key, value in sorted(workload.pod_labels.items()))
        source = Source(PODS.collection(app.namespace), {"labelSelector": selector})
        reflector = Reflector(self._api, source, start_of, lambda old, new: self._changed(app), self._clock)
        task = tasks.create_task(reflector.run(), name=f"pods of {app}")
        self._watches[app] = _Watch(workload.pod_labels, reflector, task)

    def leave(self, app: AppId) -> None:
        """Stop watching."""
        known = self._watches.pop(app, None)
        if known:
            known.task.cancel()

    def starts(self, app: AppId) -> list[Start]:
        """How far each of its pods has come; nothing if that is not watched."""
        known = self._watches.get(app)
        return list(known.reflector.values()) if known else []
