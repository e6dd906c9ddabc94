"""Runs the readiness probes of starting pods from here, more often than the kubelet does, while a visitor waits.

The first probes follow each other closely. The longer a start takes, the rarer they become: the visitor then waits at
most 5 % longer than necessary, and the app soon gets no more than a few probes a second. If many apps start at once, each
is probed less often, so that the total cost stays the same.
Knows nothing of watches: `app_pods` runs one prober for each waking app. The subtle thing: success is forgotten as soon
as the pod is gone, restarts, or was ready and no longer is.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from yarl import URL

from waker.cluster.app_endpoints import accepts
from waker.plan.readiness_probes import ReadinessProbe

SHORTEST_PAUSE, LONGEST_PAUSE = 0.03, 1.0  # seconds between two rounds of probes
PAUSE_SHARE = 0.05  # of the time for which the app has been probed
APPS_AT_FULL_RATE = 5  # more apps than this share their rate
PODS_AT_ONCE = 3  # of one app; one that is ready is enough
USER_AGENT = "kube-probe/1 (kubesleeper-waker)"  # apps recognise the kubelet's probes by how this begins

RunProbe = Callable[[ReadinessProbe], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ProbedPod:
    """A pod with its addresses and the probes that it has to pass. `ready`: Kubernetes calls it ready already."""

    hosts: tuple[str, ...]
    probes: tuple[ReadinessProbe, ...] = ()
    ready: bool = False


class ReadinessProber:
    """Probes the pods of one app. `pods` returns them as they are now, `apps_probed` how many apps are probed now.

    `on_ready` is called when a further pod passes all its probes.
    """

    def __init__(
        self,
        pods: Callable[[], Iterable[ProbedPod]],
        on_ready: Callable[[], None],
        run_probe: RunProbe,
        clock: Callable[[], datetime],
        apps_probed: Callable[[], int] = lambda: 1,
    ) -> None:
        self._pods = pods
        self._on_ready = on_ready
        self._run_probe = run_probe
        self._clock = clock
        self._apps_probed = apps_probed
        self._successes: Counter[ReadinessProbe] = Counter()  # in a row
        self._ready_hosts: set[str] = set()
        self._changed = asyncio.Event()

    def pods_changed(self) -> None:
        """A pod has come, gone or changed: forget the successes of probes that are no longer pending."""
        pending = {probe for pod in self._pods() for probe in pod.probes}
        for stale in self._successes.keys() - pending:
            del self._successes[stale]
        self._ready_hosts &= {host for pod in self._pods() if pod.ready or self._passed(pod) for host in pod.hosts}
        self._changed.set()

    def ready_hosts(self) -> frozenset[str]:
        """The hosts of pods that have passed all their probes, and have not become unready since."""
        return frozenset(self._ready_hosts)

    async def run(self) -> None:
        """Probe for ever, as long as there are pods with pending probes."""
        clock = asyncio.get_running_loop().time
        started: float | None = None
        while True:
            self._changed.clear()
            waiting = [pod for pod in self._pods() if pod.probes and not self._passed(pod)]
            if not waiting:
                started = None
                await self._changed.wait()
                continue
            started = clock() if started is None else started
            chosen = random.sample(waiting, min(PODS_AT_ONCE, len(waiting)))
            await asyncio.gather(*(self._probe(pod) for pod in chosen))
            await asyncio.sleep(pause(clock() - started, self._apps_probed()))

    async def _probe(self, pod: ProbedPod) -> None:
        for probe in pod.probes:
            if probe.after and self._clock() < probe.after:
                return
            self._successes[probe] = self._successes[probe] + 1 if await self._run_probe(probe) else 0
        if self._passed(pod) and pod in self._pods():
            self._ready_hosts.update(pod.hosts)
            self._on_ready()

    def _passed(self, pod: ProbedPod) -> bool:
        return bool(pod.probes) and all(self._successes[probe] >= probe.successes for probe in pod.probes)


def pause(probed_for: float, apps: int = 1) -> float:
    """Seconds until an app is probed again that has been probed for so many seconds, as one of so many apps."""
    own_pause = min(max(SHORTEST_PAUSE, PAUSE_SHARE * probed_for), LONGEST_PAUSE)
    return max(SHORTEST_PAUSE * apps / APPS_AT_FULL_RATE, own_pause)


async def probe_passes(session: aiohttp.ClientSession, probe: ReadinessProbe) -> bool:
    """Run a probe once. A redirect does not pass: its target may not be ready. Network errors are never raised."""
    if probe.path is None:
        return await accepts(probe.address, probe.timeout)
    try:
        async with asyncio.timeout(probe.timeout):
            return await _http_get_succeeds(session, probe, probe.path)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False


async def _http_get_succeeds(session: aiohttp.ClientSession, probe: ReadinessProbe, path: str) -> bool:
    url = URL(f"{'https' if probe.https else 'http'}://{probe.address.netloc}{path}", encoded=True)
    headers = {"User-Agent": USER_AGENT, **dict(probe.headers), "Connection": "close"}
    async with session.get(url, headers=headers, allow_redirects=False, ssl=False) as response:
        return 200 <= response.status < 300
