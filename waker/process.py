"""The process: one task group in which everything runs, so that any crash ends it with a reason.

`run` is the service. `cluster_cache` gives the one-shot commands the same view of the cluster, for as long as they need it.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from waker import __version__
from waker.cluster.client import Api, connect
from waker.metrics import Metrics
from waker.observe.cluster import ClusterCache, Key, start
from waker.service import Waker, now
from waker.settings.flags import Settings
from waker.web import connections, forward, private_port, public_port

log = logging.getLogger(__name__)

BACKLOG = 1024  # connections that wait to be taken: a crowd at the door comes all at once
DRAIN = 4.0  # seconds between "not ready" and the end: controllers stop sending here meanwhile


class StopError(Exception):
    """Everything was done; the task group may end."""


@asynccontextmanager
async def cluster_cache(
    settings: Settings, changed: Callable[[Key], None] = lambda key: None
) -> AsyncIterator[tuple[Api, ClusterCache]]:
    """The cluster as a one-shot command needs it: known once, and followed until the command is done."""
    with suppress_stop():
        async with connect(settings.kubeconfig) as api, asyncio.TaskGroup() as tasks:
            world = ClusterCache(api, changed, now)
            await start(world, tasks)
            yield api, world
            raise StopError


class suppress_stop:  # noqa: N801 reads as a word
    """Swallow a StopError, alone or as the only kind in a group; let everything else out."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, BaseExceptionGroup):
            rest = error.split(StopError)[1]
            if rest is not None:
                raise rest
            return True
        return isinstance(error, StopError)


async def run(settings: Settings, started: Callable[[Waker], None] = lambda service: None) -> None:
    """The service, until SIGTERM or SIGINT. Raises whatever crashed, in an ExceptionGroup."""
    metrics = Metrics(__version__)

    def told(verb: str, status: int) -> None:
        metrics.api_requests.labels(verb, str(status)).inc()

    with suppress_stop():
        async with connect(settings.kubeconfig, told) as api, forward.client() as session, asyncio.TaskGroup() as tasks:
            service = Waker(settings, api, session, metrics)
            door = public_port.PublicPort(
                service.registry, service.page, session, metrics, lambda: service.config.live, now
            )
            private = private_port.private_port(metrics, service.unready, service.status_rows, service.explain)
            public = connections.runner(public_port.public_port(door))
            tasks.create_task(_serve(public, settings.public_port), name="public port")
            tasks.create_task(door.connections.watch(public), name="connections")
            tasks.create_task(_serve(private_port.runner(private), settings.private_port), name="private port")
            tasks.create_task(_until_told(service), name="signals")
            started(service)
            await service.run(tasks)


async def _serve(runner: web.AppRunner, port: int) -> None:
    await runner.setup()
    try:
        await web.SockSite(runner, listening(port)).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def listening(port: int) -> socket.socket:
    """A socket for IPv6 and IPv4 where there are both. Made here, as asyncio would ask a thread what no address means."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
    return socket.create_server(("", port), backlog=BACKLOG)


async def _until_told(service: Waker) -> None:
    """SIGTERM: not ready, put nothing to sleep any more, go on serving for a moment, leave. SIGINT: leave."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for each in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(each, told.put_nowait, each)
    first = await told.get()
    service.leaving = True
    log.info("told to leave (%s)", first.name)
    if first is signal.SIGTERM:
        service.lease.release()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await told.get()
    raise StopError
