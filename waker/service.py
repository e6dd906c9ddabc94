"""The parts of the running service, and the few lines that join them. `app` runs it.

Nothing is decided in here: who hears of what, in which order things begin, and where a part finds its neighbour.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import aiohttp

from waker import names
from waker.cluster import manifests
from waker.cluster.app_endpoints import Endpoints
from waker.cluster.app_pods import Pods
from waker.cluster.client import Api
from waker.cluster.events import Recorder, Severity, Subject
from waker.cluster.informer import Reflector, Source
from waker.cluster.lease import Lease
from waker.cluster.readiness import passes
from waker.cluster.resources import ENDPOINT_SLICES
from waker.errors import SettingsError
from waker.explain.facts import Known, Running, explain
from waker.explain.shape import Explained
from waker.explain.status import row
from waker.metrics import Metrics
from waker.observe.activity import Activity
from waker.observe.app import latest, pick
from waker.observe.cluster import Key, Namespace, World, follow
from waker.observe.configmap import Config
from waker.observe.controller_pods import Fleet
from waker.observe.themes import Themes
from waker.plan.model import Address, AppId, Backend, Kind, Phase, Pod
from waker.plan.readiness_probes import Check
from waker.reconcile.app import Reconciler
from waker.reconcile.context import House
from waker.reconcile.namespace import Keeper
from waker.reconcile.queue import Queue
from waker.settings.flags import Settings
from waker.traffic.controllers import Adapter, Interest
from waker.traffic.controllers.configured import fitted
from waker.traffic.dependencies import Ask, Outside
from waker.traffic.prometheus import Prometheus
from waker.traffic.scrape import Scraper
from waker.web.page import Page
from waker.web.registry import Doors

log = logging.getLogger(__name__)

RESYNC = 600  # seconds; a look at everything, in case anything was missed
DEAF = timedelta(minutes=3)  # three bookmarks missed: the stores may be stale

Slices = Mapping[str, tuple[Address, ...]]


def now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


def advertised(text: str) -> Address | None:
    """`--advertise HOST:PORT` as an address, None if it is empty. Raises SettingsError."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"--advertise: {text[:80]!r} is not HOST:PORT")
    return Address(host.strip("[]"), int(port))


class Service:
    """The parts of the running service, and the few lines that join them."""

    def __init__(self, settings: Settings, api: Api, session: aiohttp.ClientSession, metrics: Metrics) -> None:
        self.settings = settings
        self.leaving = False
        self.metrics = metrics
        self.queue: Queue[Key] = Queue()
        self.own: Reflector[Slices] = Reflector(
            api, _own_slices(settings.own_namespace), manifests.endpoints, self._own_changed, now
        )
        self.recorder = Recorder(api, settings.identity, now)
        self.lease = Lease(api, settings.own_namespace, settings.identity, self._all_changed)
        self.world = World(api, self.queue.add, now)
        self.endpoints = Endpoints(api, self.queue.add, now)
        self.pods = Pods(api, self.queue.add, now, self._passes)
        self.doors = Doors(self._pick, self.queue.add, now)
        self.page = Page()
        self.themes = Themes(api, settings.own_namespace, self.page, self._complained, now)
        self.themes.read(settings.themes)
        self.config = Config(api, settings.own_namespace, self._all_changed, self._complained, now)
        self.fleet = Fleet(api, session, self._discount, now, self._adapter)
        self.scraper = Scraper(
            session,
            Outside(
                clock=now,
                pods=self.fleet.pods,
                left=self.fleet.left,
                interval=lambda: self.config.live.scrape_interval,
                on_visit=self._visited,
                prime=self._prime,
                on_page=self._page,
                prometheus=self._ask,
                staff=self._staff,
                adapter=self._adapter,
            ),
        )
        self.prometheus = Prometheus(session, settings.prometheus_token_file, settings.prometheus_ca_file)
        self.activity = Activity(api, settings.own_namespace, self.doors.knocked_at, self._writing, now)
        self._advertised = advertised(settings.advertise)
        self._api = api
        self._session = session
        metrics.leader.set_function(lambda: float(self.lease.held))

    def house(self, tasks: asyncio.TaskGroup) -> House:
        """What reconciling needs."""
        return House(
            api=self._api,
            world=self.world,
            queue=self.queue,
            doors=self.doors,
            endpoints=self.endpoints,
            pods=self.pods,
            scraper=self.scraper,
            fleet=self.fleet,
            recorder=self.recorder,
            metrics=self.metrics,
            tasks=tasks,
            live=lambda: self.config.live,
            themed=self.page.knows,
            leading=self.leading,
            own_addresses=self.own_addresses,
            clock=now,
            dry_run=self.settings.dry_run,
        )

    def leading(self) -> bool:
        """Whether this replica may put apps to sleep."""
        return (self.lease.held or self.settings.dry_run) and not self.leaving

    def own_addresses(self) -> tuple[Address, ...]:
        """Where waker's own ready pods listen for visitors."""
        if self._advertised:
            return (self._advertised,)
        found = {address for each in self.own.values() for address in each.get(names.WAKER_PORT, ())}
        return tuple(sorted(found))

    def unready(self) -> list[str]:
        """Why this replica should get no visitors."""
        reasons = ["leaving"] if self.leaving else []
        reasons += [f"{each.source.path}: not listed yet" for each in self.world.reflectors if not each.synced.is_set()]
        deaf = [each for each in self.world.reflectors if each.heard_at and now() - each.heard_at > DEAF]
        return reasons + [f"{each.source.path}: nothing heard since {each.heard_at}" for each in deaf]

    def rows(self) -> list[dict[str, Any]]:
        """All apps, for `waker status`."""
        found = []
        for shown in sorted(self.doors.all(), key=lambda each: (each.app.namespace, each.app.name)):
            workload = self.world.workloads[shown.app.kind].within(shown.app.namespace).get(shown.app.name)
            if workload:
                visited = latest([self.scraper.traffic(shown.app).visited_at, self.doors.knocked_at(shown.app)])
                found.append(row(workload, shown.plan, visited, now()))
        return found

    def explained(self, namespace: str, kind: str, name: str) -> Explained | None:
        """One app, for `waker explain`; None if there is no such workload."""
        known_kind = next((each for each in Kind if each == kind), None)
        if known_kind is None:
            return None
        running = Running(self.scraper, self.doors, self.leading(), self.settings.dry_run)
        known = Known(self.world, self.config.live, self.config.written(), now(), running)
        return explain(AppId(known_kind, namespace, name), known)

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with what must be known, then with what acts on it."""
        tasks.create_task(self.config.reflector.run(), name="reflector of the ConfigMap")
        tasks.create_task(self.themes.reflector.run(), name="reflector of the themes")
        tasks.create_task(self.own.run(), name="reflector of waker's own pods")
        tasks.create_task(self.recorder.run(dry=self.settings.dry_run), name="events")
        if not self.settings.dry_run:
            tasks.create_task(self.lease.run(), name="lease")
        await self.config.reflector.synced.wait()
        self.scraper.recall(await self.activity.read())
        await follow(self.world, tasks)
        house = self.house(tasks)
        reconciler, keeper = Reconciler(house), Keeper(house)

        async def look(key: Key) -> float | None:
            return await (keeper.look(key) if isinstance(key, Namespace) else reconciler.look(key))

        tasks.create_task(self.scraper.run(), name="scraper")
        tasks.create_task(self.activity.run(self.scraper.record), name="activity")
        tasks.create_task(self.queue.run(look), name="queue")
        tasks.create_task(self._resync(), name="resync")
        log.info("everything is known: %d apps", sum(1 for _ in self.world.apps()))

    async def _resync(self) -> None:
        while True:
            self._all_changed()
            await asyncio.sleep(RESYNC)

    def _all_changed(self) -> None:
        self._check_theme()
        if self.world.known:
            for app in self.world.apps():
                self.queue.add(app)
            for namespace in self.world.namespaces():
                self.queue.add(Namespace(namespace))

    def _check_theme(self) -> None:
        """That the setting names a theme that there is. The annotation of an app is looked at with the app."""
        theme = self.config.live.theme
        if self.themes.reflector.synced.is_set() and not self.page.knows(theme):
            for subject, _ in self.config.reflector.values():
                self._complained(subject, f"theme: there is no theme {theme[:60]!r}; the page looks as it comes")

    def _own_changed(self, old: Slices | None, new: Slices | None) -> None:
        self._all_changed()

    def _complained(self, subject: Subject, problem: str) -> None:
        self.recorder.tell(subject, Severity.WARNING, "BadSetting", problem)

    def _visited(self, app: AppId) -> None:
        """Only who is on the way down must hear of it at once; the others ask when their time has come."""
        shown = self.doors.shown(app)
        if shown and shown.plan.phase is Phase.FALLING:
            self.queue.add(app)

    def _pick(self, app: AppId, backend: Backend) -> Address | None:
        services = self.world.services.within(app.namespace)
        return pick(app, backend, services, self.endpoints, self.pods.answering(app))

    async def _passes(self, check: Check) -> bool:
        return self.config.live.ask_readiness and await passes(self._session, check)

    def _ask(self) -> Ask | None:
        url = self.config.live.prometheus_url
        return partial(self.prometheus.read, url) if url else None

    def _staff(self, adapter: Adapter) -> str:
        return repr([self.world.staff(each.labels, each.namespace) for each in adapter.selectors])

    def _writing(self) -> bool:
        return self.lease.held and not self.leaving and not self.settings.dry_run

    def _page(self, controller: str, read_at: datetime | None) -> None:
        self.metrics.scrapes.labels(controller).inc()
        if read_at:
            self.metrics.scraped_at.labels(controller).set(read_at.timestamp())
        else:
            self.metrics.scrape_failures.labels(controller).inc()

    def _adapter(self, controller: str) -> Adapter | None:
        return fitted(controller, self.config.live)

    def _discount(self, pod: Pod, interest: Interest) -> None:
        self.scraper.discount(pod, interest)

    async def _prime(self, adapter: Adapter, pod: Pod) -> None:
        namespace = next((name for name in sorted(self.world.namespaces()) if self.world.present(name)), "")
        if namespace:
            await self.fleet.prime(adapter, pod, namespace)


def _own_slices(namespace: str) -> Source:
    selector = f"{names.SLICE_SERVICE}={names.OWN_SERVICE}"
    return Source(ENDPOINT_SLICES.collection(namespace), {"labelSelector": selector})
