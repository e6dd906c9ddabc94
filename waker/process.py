"""The process: one task group in which everything runs, so that any crash ends the process with its reason.

`run` is the service: it opens the ports and ends on a signal (cli and the demo call it). `cluster_cache` gives the
one-shot commands the same view of the cluster for as long as they need it. What the service does is wired in `service`.
The subtle thing is the order of leaving on SIGTERM, see `_shut_down_on_signal`.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from waker import __version__
from waker.cluster.client import Api, connect
from waker.cluster.informer import Source
from waker.cluster.kubeconfig import Person
from waker.cluster.reviews import Reviews
from waker.errors import ClusterError, Refused
from waker.leaving import Leaving
from waker.metrics import Metrics
from waker.observe.cluster import ClusterCache, start
from waker.observe.keys import Key
from waker.observe.own_pod import refuse_host_network
from waker.service import Waker, now
from waker.settings.flags import Settings
from waker.traffic.prometheus import Prometheus
from waker.web import connections, forward, private_port, public_port
from waker.web.doors import DoorListeners, listening_socket, raise_open_files
from waker.web.public_port import PublicPort

if TYPE_CHECKING:
    from waker.checks.probes import Probes

log = logging.getLogger(__name__)

LOOK = 0.1  # seconds between two looks whether somebody is left
ANSWERED = 0.5  # seconds, for the answers to those who wait in vain
UNLIST = 2.0  # seconds, at most, for the last one who leaves


class Shutdown(Exception):
    """Raised in a task group to end it. Nothing has failed."""


@contextmanager
def ending_on_shutdown() -> Iterator[None]:
    """Swallow a Shutdown, alone or in a group. All other exceptions go on."""
    try:
        yield
    except* Shutdown:
        pass


def person(settings: Settings, acts_for: str = "") -> AbstractAsyncContextManager[Api]:
    """A connection of whoever runs a command. `acts_for`: in whose name, if not in the one that they have said."""
    who = Person(settings.context, acts_for or settings.acts_for)
    return connect(settings.kubeconfig, person=who)


@asynccontextmanager
async def cluster_cache(
    settings: Settings, on_change: Callable[[Key], None] = lambda key: None
) -> AsyncIterator[tuple[Api, ClusterCache]]:
    """The cluster as a one-shot command needs it: fully listed, and followed until the command is done."""
    with ending_on_shutdown():
        async with person(settings) as api, asyncio.TaskGroup() as tasks:
            cache = ClusterCache(api, on_change, now, settings.own_namespace)
            await _refused_once(api, cache)
            await start(cache, tasks)
            yield api, cache
            raise Shutdown


async def _refused_once(api: Api, cache: ClusterCache) -> None:
    """Raises Refused for what may not be listed, Unavailable if nobody answers: an informer would wait for that for ever."""

    async def ask(source: Source) -> None:
        for left in (1, 0):
            try:
                await api.get(source.path, {**source.params, "limit": "1"})
            except Refused:
                raise
            except ClusterError as error:
                if not error.status and not left:  # nobody answers there
                    raise
                log.debug("%s: %s", source.path, error)
            else:
                return
            await asyncio.sleep(LOOK)

    await asyncio.gather(*(ask(each.source) for each in cache.informers))


async def run(settings: Settings, on_start: Callable[[Waker], None] = lambda waker: None) -> None:
    """Run the service until SIGTERM or SIGINT. Raises whatever crashed, in an ExceptionGroup."""
    metrics = Metrics(__version__)
    raise_open_files()

    def on_call(verb: str, status: int) -> None:
        metrics.api_requests.labels(verb, str(status)).inc()

    with ending_on_shutdown():
        async with (
            connect(settings.kubeconfig, on_call) as api,
            forward.client() as session,
            asyncio.TaskGroup() as tasks,
        ):
            waker = Waker(settings, api, session, metrics)
            port = waker.public()
            review = Reviews(api, settings.own_namespace).verdict
            reports = private_port.ServiceReports(
                waker.unready,
                waker.status_rows,
                waker.explain,
                lambda: _savings(waker),
                partial(_dashboard, waker),
                _buttons(waker) if settings.dashboard_actions else None,
                waker.listeners.report,
                lambda number: waker.runtime.forwarding(waker.doors.at(number)),
                _check(waker, api, session),
                waker.readiness.knows_all_apps,
            )
            private = private_port.private_port(metrics, reports, review)
            public = connections.runner(public_port.public_port(port))
            tasks.create_task(_serve(public, settings, settings.public_port, waker.listeners), name="public port")
            tasks.create_task(port.connections.watch(public), name="connections")
            tasks.create_task(
                _serve(private_port.runner(private), settings, settings.private_port), name="private port"
            )
            tasks.create_task(_shut_down_on_signal(waker, port), name="signals")
            on_start(waker)
            await refuse_host_network(api, settings.own_namespace, settings.identity)
            await waker.run(tasks)


def _savings(waker: Waker) -> Mapping[str, Any]:
    """For `waker savings`."""
    from waker.explain import savings  # noqa: PLC0415 not before somebody asks

    return savings.report(waker.runtime, waker.config.live, waker.metrics.settle)


def _dashboard(waker: Waker, words: str, tile: str) -> Mapping[str, Any]:
    """For the page for operators."""
    from waker.explain import dashboard  # noqa: PLC0415 likewise

    parts = waker.cluster, waker.runtime, waker.config.live, waker.metrics, waker.settings.identity
    return dashboard.state(dashboard.DashboardInputs(*parts, now()), words, tile)


def _buttons(waker: Waker) -> private_port.Act:
    from waker.reconcile.by_hand import ByHand  # noqa: PLC0415 only with a flag

    refuses = "waker runs with --dry-run" if waker.settings.dry_run else ""
    return ByHand(waker.cluster, waker.writes, lambda: waker.config.live, now, refuses).act


def _check(waker: Waker, api: Api, session: aiohttp.ClientSession) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    """Whether controllers can be read and reach waker, for `waker check`. Nothing is loaded before somebody asks."""

    @cache
    def probes() -> "Probes":
        from waker.checks.probes import ProbeNeeds, Probes  # noqa: PLC0415 nobody may ever ask

        files = waker.settings.prometheus_token_file, waker.settings.prometheus_ca_file
        prometheus = Prometheus(session, *files)
        parts = waker.cluster, waker.config, waker.controllers, prometheus, waker.following.prime, waker.leading
        return Probes(ProbeNeeds(api, session, *parts, now, waker.settings.own_namespace))

    async def check() -> Mapping[str, Any]:
        return await probes().report()

    return check


async def _serve(runner: web.AppRunner, settings: Settings, port: int, doors: DoorListeners | None = None) -> None:
    """Serve at a port, and at all doors, until the end."""
    await runner.setup()
    try:
        await web.SockSite(runner, listening_socket(port, settings.bind_address)).start()
        if doors and runner.server:
            await doors.run(runner.server)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


async def _shut_down_on_signal(waker: Waker, port: PublicPort) -> None:
    """SIGTERM: become unready, release the Lease, serve until `leaving` says so, end. SIGINT, or a second signal: end at once.

    Who is held meanwhile gets the app if it is ready in time, and an answer in any case. Who leaves alone takes its address
    out of the apps' namespaces: another pod may get it.
    """
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for each in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(each, signals.put_nowait, each)
    first = await signals.get()
    waker.leaving = True
    log.info("shutting down", extra={"signal": first.name})
    if first is signal.SIGTERM:
        waker.lease.release()
        now = loop.time()
        port.leaving = True
        ready = set() if waker.settings.advertise else set(waker.replicas.hosts())  # this one among them
        leaving = Leaving(
            began=now,
            is_busy=lambda: bool(port.held.taken),
            is_listed=lambda: _is_listed(waker, ready),
            arrived_at=lambda: port.arrived_at,
            listed_at=now,
        )
        while not leaving.is_over(loop.time()):
            await _unless_signalled(signals, LOOK)
        waker.registry.give_up()
        if port.held.taken:
            await _unless_signalled(signals, ANSWERED)
        with suppress(TimeoutError):
            async with asyncio.timeout(UNLIST):
                await waker.leave()
    raise Shutdown


def _is_listed(waker: Waker, ready: Set[str]) -> bool:
    """Whether controllers may still send visitors here. `ready`: the hosts of ready replicas when this one began to leave."""
    hosts = set(waker.replicas.hosts())
    if ready and hosts == ready:  # its own address is still among those that seem to stay
        return True
    return waker.readiness.is_needed(hosts)


async def _unless_signalled(signals: "asyncio.Queue[signal.Signals]", seconds: float) -> None:
    """Wait. Raises Shutdown if another signal comes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await signals.get()
            raise Shutdown
