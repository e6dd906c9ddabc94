"""The parts that a reconcile needs, as one value: made in `app`, handed down, never changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waker.cluster.client import Api
from waker.cluster.endpoints import Endpoints
from waker.cluster.events import Recorder
from waker.cluster.pods import Pods
from waker.doors import Doors
from waker.fleet import Fleet
from waker.metrics import Metrics
from waker.plan.model import Address
from waker.queue import Queue
from waker.settings import Live
from waker.traffic.scrape import Scraper
from waker.world import Key, World


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
