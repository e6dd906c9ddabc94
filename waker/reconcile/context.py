"""The parts that reconciling needs, as one value: made by `service`, handed down, never changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waker.cluster.app_endpoints import AppEndpoints
from waker.cluster.app_pods import AppPods
from waker.cluster.events import Recorder
from waker.cluster.served_ports import ServedPorts
from waker.cluster.writes import Writes
from waker.metrics import Metrics
from waker.observe.cluster import ClusterCache
from waker.observe.controller_pods import ControllerPods
from waker.observe.doors import Doors
from waker.observe.following import Following
from waker.observe.keys import Key
from waker.observe.replicas import Replicas
from waker.observe.runtime import Runtime
from waker.reconcile.queue import WorkQueue
from waker.settings.configmap import Live
from waker.traffic.visits import VisitSources
from waker.web.registry import AppRegistry


@dataclass(frozen=True, slots=True)
class Context:
    """What `AppReconciler`, `NamespaceReconciler` and `Reporter` work with."""

    writes: Writes
    cluster: ClusterCache
    queue: WorkQueue[Key]
    registry: AppRegistry
    runtime: Runtime
    endpoints: AppEndpoints
    served_ports: ServedPorts
    app_pods: AppPods
    visits: VisitSources
    controller_pods: ControllerPods
    following: Following
    recorder: Recorder
    metrics: Metrics
    tasks: asyncio.TaskGroup
    live: Callable[[], Live]
    theme_exists: Callable[[str], bool]  # whether there is such a theme
    leading: Callable[[], bool]
    doors: Doors
    replicas: Replicas
    namespace: str  # waker's own
    clock: Callable[[], datetime]
    dry_run: bool
