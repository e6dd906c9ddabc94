"""The parts of the running service, and how they are wired. `process` runs it.

Nothing is decided in here: only who hears of what, in which order things begin, and where a part finds its neighbour.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from waker import names
from waker.cluster import collector
from waker.cluster.app_endpoints import AppEndpoints
from waker.cluster.app_pods import AppPods
from waker.cluster.client import Api
from waker.cluster.event_correlation import Severity, Subject
from waker.cluster.events import Recorder
from waker.cluster.informer import Informer, Source
from waker.cluster.lease import Lease
from waker.cluster.owned_objects import unlist_all
from waker.cluster.pod_addresses import is_never_an_apps
from waker.cluster.readiness import probe_passes
from waker.cluster.resources import ENDPOINT_SLICES
from waker.cluster.served_ports import ServedPorts
from waker.cluster.writes import Writes
from waker.explain.facts import ExplainInputs, RunningService, explain
from waker.explain.shape import Explained
from waker.explain.status import rows
from waker.metrics import Metrics
from waker.observe.activity import ActivityStore
from waker.observe.app import pick_address
from waker.observe.cluster import ClusterCache, start
from waker.observe.controllers import ControllerNeeds, IngressControllers
from waker.observe.doors import Doors
from waker.observe.following import Discounting, Following
from waker.observe.keys import DoorsKey, Key, NamespaceKey, namespace_of
from waker.observe.live_settings import LiveConfig
from waker.observe.logos import Logos
from waker.observe.own_readiness import OwnReadiness
from waker.observe.refusals import Refusals
from waker.observe.replicas import Replicas, Slices, parse_slices
from waker.observe.route_lookup import RouteLookup
from waker.observe.runtime import Runtime
from waker.observe.scraping import Scraping
from waker.observe.themes import Themes, no_theme
from waker.plan.doors import DoorKey
from waker.plan.model import Address, AppId, Kind, Phase, Pod
from waker.plan.readiness_probes import ReadinessProbe
from waker.plan.routes.route import Backend
from waker.reconcile.context import Context
from waker.reconcile.dispatch import Dispatcher
from waker.reconcile.queue import WorkQueue
from waker.settings.flags import Settings
from waker.traffic.controllers import Interest
from waker.traffic.ownership import OwnershipChecker
from waker.traffic.prometheus import Prometheus
from waker.traffic.queries import ActivityQueries
from waker.traffic.scrape import Scraper
from waker.traffic.visits import VisitSources
from waker.web.doors import DoorListeners
from waker.web.page import WaitingPage
from waker.web.public_port import PublicPort
from waker.web.registry import AppRegistry

log = logging.getLogger(__name__)

RESYNC = 600  # seconds; reconciles everything, in case anything was missed


def now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


class Waker:
    """The running service."""

    def __init__(self, settings: Settings, api: Api, session: aiohttp.ClientSession, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.leaving = False
        self.queue: WorkQueue[Key] = WorkQueue(self._is_urgent, namespace_of)
        selector = f"{names.SLICE_SERVICE}={names.OWN_SERVICE}"
        own = Source(ENDPOINT_SLICES.collection(settings.own_namespace), {"labelSelector": selector})
        self.own_slices: Informer[Slices] = Informer(api, own, parse_slices, self._own_changed, now)
        self.recorder = Recorder(api, settings.identity, now)
        self.lease = Lease(api, settings.own_namespace, settings.identity, self._all_changed)
        self.doors = Doors(api, settings.own_namespace, self._doors_changed, self._is_wanted, now)
        self.listeners = DoorListeners(lambda: self.doors.book, self._listening, settings.bind_address)
        self.replicas = Replicas(
            session, self.own_slices, self.listeners.report, lambda: self.doors.book, settings.advertise
        )
        self.config = LiveConfig(api, settings.own_namespace, self._all_changed, self._report_bad_setting, now)
        self.cluster = ClusterCache(api, self.queue.add, now, settings.own_namespace, self.doors.number)
        self.cluster.observing = settings.observe
        needs = ControllerNeeds(
            self.cluster.classes.values, self.cluster.claims_changed, self._may_record, self._report_setting, now
        )
        self.controllers = IngressControllers(api, settings.own_namespace, self.config, needs)
        self.cluster.claims = self.controllers.claims.of
        self.writes = Writes(api, self.cluster.route_object, now, settings.own_namespace)
        self.endpoints = AppEndpoints(api, self.queue.add, now, self._is_never_an_apps)
        self.app_pods = AppPods(api, self.queue.add, now, self._passes)
        self.registry = AppRegistry(self._pick, self.queue.add, now, self._may_be_an_app)
        self.lookup = RouteLookup(api, self.registry)
        self.readiness = OwnReadiness(self.cluster, self.doors, self.listeners, self.registry, now)
        self.page = WaitingPage()
        self.themes = Themes(api, settings.own_namespace, self.page, self._report_bad_setting, now)
        self.themes.read_folder(settings.themes)
        checker = OwnershipChecker(session, self._proof)
        self.following = Following(self.controllers.pods, checker, self._asking, now)
        self.scraping = Scraping(
            self.cluster, self.config, metrics, self.controllers, self.following.prime, self._report_setting, self.leading,
        )  # fmt: skip
        prometheus = Prometheus(session, settings.prometheus_token_file, settings.prometheus_ca_file)
        self.scraper = Scraper(session, self.scraping.dependencies(prometheus, self._visited, self.queue.add, now))
        self.activity = ActivityStore(api, settings.own_namespace, self.registry.knocked_at, self._may_record, now)
        self.queries = ActivityQueries(self.scraping.queries(prometheus, self._visited, self.queue.add, now))
        self.visits = VisitSources(self.scraper, self.queries)
        self.runtime = Runtime(
            self.visits, self.registry, self.endpoints, self.app_pods, Refusals(), self.leading, self.controllers.pods
        )
        self._api, self._session = api, session
        metrics.leader.set_function(lambda: float(self.lease.held))
        metrics.doors.set_function(lambda: len(self.doors.book.doors))
        metrics.doors_failed.set_function(lambda: len(self.listeners.failed))

    def context(self, tasks: asyncio.TaskGroup) -> Context:
        """What reconciling needs."""
        return Context(
            writes=self.writes,
            cluster=self.cluster,
            queue=self.queue,
            registry=self.registry,
            runtime=self.runtime,
            endpoints=self.endpoints,
            served_ports=ServedPorts(self._api, self._is_never_an_apps),
            app_pods=self.app_pods,
            visits=self.visits,
            controller_pods=self.controllers.pods,
            following=self.following,
            recorder=self.recorder,
            metrics=self.metrics,
            tasks=tasks,
            live=lambda: self.config.live,
            theme_exists=self.page.has_theme,
            leading=self.leading,
            doors=self.doors,
            replicas=self.replicas,
            namespace=self.settings.own_namespace,
            clock=now,
            dry_run=self.settings.dry_run,
        )

    def leading(self) -> bool:
        """Whether this replica may put apps to sleep."""
        return (self.lease.held or self.settings.dry_run) and not self.leaving

    def public(self) -> PublicPort:
        """What the public port and the doors need to answer."""
        return PublicPort(
            self.registry,
            self.page,
            self._session,
            self.metrics,
            lambda: self.config.live,
            now,
            door=self.doors.at,
            door_named=self.doors.named,
            proof=self._proof,
            route_leads_to=self.lookup.leads_to,
            logo=Logos(self._api).read,
        )

    def _is_never_an_apps(self, address: Address) -> bool:
        return is_never_an_apps(address, self.replicas.hosts(), self._is_own_port)

    def _may_be_an_app(self, app: AppId) -> bool:
        """Whether this is an app of this waker's; while not everything is listed, any may be."""
        theirs = self.cluster.other_installation(app.namespace)
        return not self.cluster.is_synced or (app in self.cluster.apps_in(app.namespace) and not theirs)

    def _is_own_port(self, port: int) -> bool:
        return port in (self.settings.public_port, self.settings.private_port) or self.doors.at(port) is not None

    def unready(self) -> list[str]:
        """Why this replica should get no visitors."""
        return ["leaving"] if self.leaving else self.readiness.reasons()

    def status_rows(self) -> list[dict[str, Any]]:
        """All apps, for `waker status`."""
        return rows(self.cluster, self.runtime, self.config.live, now())

    def explain(self, namespace: str, kind: str, name: str) -> Explained | None:
        """One app, for `waker explain`; None if there is no such workload. The private port lets no other kind through."""
        running = RunningService(self.runtime, self.settings.dry_run, self.controllers.pods.ignored, self.following.how)
        sources = ExplainInputs(self.cluster, self.config.live, self.config.written_keys(), now(), running)
        return explain(AppId(Kind(kind), namespace, name), sources)

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with what must be known, then with what acts on it."""
        tasks.create_task(self.config.informer.run(), name="informer of the ConfigMap")
        tasks.create_task(self.themes.informer.run(), name="informer of the themes")
        tasks.create_task(self.own_slices.run(), name="informer of waker's own pods")
        tasks.create_task(self.doors.informer.run(), name="informer of the doors")
        tasks.create_task(self.recorder.run(dry=self.settings.dry_run), name="events")
        if not self.settings.dry_run:
            tasks.create_task(self.lease.run(), name="lease")
        await self.config.informer.synced.wait()
        self.scraper.recall(await self.activity.read())
        await self.controllers.start(tasks)
        with collector.relaxed():
            await start(self.cluster, tasks)
        context = self.context(tasks)
        dispatcher = Dispatcher(context)
        self._api.on_recovery = dispatcher.apps.api_answers_again
        tasks.create_task(self.scraper.run(), name="scraper")
        tasks.create_task(self.queries.run(), name="queries")
        tasks.create_task(self.activity.run(self.scraper.record), name="activity")
        tasks.create_task(self.queue.run(dispatcher.reconcile, tasks), name="queue")
        tasks.create_task(self._resync(), name="resync")
        tasks.create_task(self.replicas.run(dispatcher.namespaces.replicas_reported), name="replicas")
        log.info("everything is known: %d apps", sum(1 for _ in self.cluster.apps()))

    async def leave(self) -> None:
        """The last thing before the end: if no replica is ready, none stays listed. Never raises."""
        if not (self.settings.dry_run or self.replicas.hosts()):
            await unlist_all(self.writes, self.cluster.slices.values())

    async def _resync(self) -> None:
        while True:
            self._all_changed()
            await asyncio.sleep(RESYNC)

    def _all_changed(self) -> None:
        self._check_theme()
        if self.cluster.is_synced:
            keys: Iterable[Key] = (*self.cluster.apps(), *map(NamespaceKey, self.cluster.namespaces()), DoorsKey())
            for key in keys:
                self.queue.add(key)

    def _doors_changed(self, changed: Iterable[DoorKey]) -> None:
        self.listeners.follow()
        self.replicas.follow()
        if not self.cluster.is_synced:
            return
        self.queue.add(DoorsKey())
        for key in changed:
            self.queue.add(key.app)
            self.queue.add(NamespaceKey(key.app.namespace))

    def _is_wanted(self, door: DoorKey) -> bool:
        return self.registry.wants(door, paused=self.config.live.paused)

    def _listening(self) -> None:
        self.replicas.follow()

    def _proof(self, number: int, nonce: str) -> str:
        return self.doors.book.proof(number, nonce)

    def _is_urgent(self, key: Key) -> bool:
        """Whether somebody waits for it: a visitor, or whoever has asked for a wake."""
        if not isinstance(key, AppId):
            return False
        workload = self.cluster.workload(key)
        return self.registry.is_wanted(key) or (workload is not None and workload.notes.wake_requested_at is not None)

    def _check_theme(self) -> None:
        """That the setting names a theme that exists. The annotation of an app is checked with the app."""
        theme = self.config.live.theme
        if self.themes.informer.synced.is_set() and not self.page.has_theme(theme):
            self._report_setting(names.EventReason.BAD_SETTING, f"theme: {no_theme(theme)}")

    def _own_changed(self, old: Slices | None, new: Slices | None) -> None:
        self.replicas.follow()
        self._all_changed()

    def _report_bad_setting(self, subject: Subject, problem: str) -> None:
        self.recorder.record(subject, Severity.WARNING, names.EventReason.BAD_SETTING, problem)

    def _report_setting(self, reason: names.EventReason, problem: str) -> None:
        for subject, _ in self.config.informer.values():
            self.recorder.record(subject, Severity.WARNING, reason, problem)

    def _visited(self, app: AppId) -> None:
        """Only who is on the way down must hear of it at once; the others ask when their time has come."""
        registered = self.registry.get(app)
        if registered and registered.plan.phase is Phase.FALLING_ASLEEP:
            self.queue.add(app)

    def _pick(self, app: AppId, backend: Backend) -> Address | None:
        services = self.cluster.services.in_namespace(app.namespace)
        probed, turn = self.app_pods.probed_ready(app), self.registry.turn(app, backend)
        return pick_address(DoorKey(app, backend), services, self.endpoints, probed, turn)

    async def _passes(self, probe: ReadinessProbe) -> bool:
        return self.config.live.early_readiness and await probe_passes(self._session, probe)

    def _may_record(self) -> bool:
        return self.lease.held and not self.leaving and not self.settings.dry_run

    def _asking(self, pod: Pod, interests: Sequence[Interest]) -> Discounting:
        return self.scraper.asking(pod, interests)
