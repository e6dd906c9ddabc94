"""The parts that a reconcile needs, as one value: made in `app`, handed down, never changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waker.cluster.app_endpoints import Endpoints
from waker.cluster.app_pods import Pods
from waker.cluster.client import Api
from waker.cluster.events import Recorder
from waker.metrics import Metrics
from waker.observe.cluster import Key, World
from waker.observe.controller_pods import Fleet
from waker.plan.model import Address
from waker.reconcile.queue import Queue
from waker.settings.live import Live
from waker.traffic.scrape import Scraper
from waker.web.registry import Doors


@dataclass(frozen=True, slots=True)
class House:
    """See above."""

    api: Api
    world: World
    queue: Queue[Key]
    doors: Doors
    endpoints: Endpoints
    pods: Pods
    scraper: Scraper
    fleet: Fleet
    recorder: Recorder
    metrics: Metrics
    tasks: asyncio.TaskGroup
    live: Callable[[], Live]
    themed: Callable[[str], bool]  # whether there is such a theme
    leading: Callable[[], bool]
    own_addresses: Callable[[], tuple[Address, ...]]
    clock: Callable[[], datetime]
    dry_run: bool
