"""Asks starting pods what their own readiness probes ask, more often than kubelet does, for as long as somebody waits.

The first asks follow each other closely; a start that takes long is asked less and less often, so that the wait grows by
a small share at most and an app is soon troubled by a few asks a second only. Where many apps start at once each of them
is asked less often, so that all together cost the same.
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

FIRST, LAST = 0.03, 1.0  # seconds between two asks
SHARE = 0.05  # of how long it has been asked
FEW = 5  # apps that may be asked as often at once
AT_ONCE = 3  # pods of one app; one that answers is enough
USER_AGENT = "kube-probe/1 (kubesleeper-waker)"  # apps that treat probes apart look at how it begins

Passes = Callable[[ReadinessProbe], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ProbedPod:
    """A pod that may be asked: all its addresses, and all that it has to answer. `ready`: Kubernetes says so by now."""

    hosts: tuple[str, ...]
    probes: tuple[ReadinessProbe, ...] = ()
    ready: bool = False


class ReadinessProber:
    """The pods of one app. `pods`: as they are now. `told` is called when one more of them passes all its checks.

    `crowd`: how many apps are asked at this time.
    """

    def __init__(
        self,
        pods: Callable[[], Iterable[ProbedPod]],
        told: Callable[[], None],
        probe_passes: Passes,
        clock: Callable[[], datetime],
        crowd: Callable[[], int] = lambda: 1,
    ) -> None:
        self._pods = pods
        self._on_ready = told
        self._passes = probe_passes
        self._clock = clock
        self._crowd = crowd
        self._in_a_row: Counter[ReadinessProbe] = Counter()
        self._passed: set[str] = set()
        self._news = asyncio.Event()

    def pods_changed(self) -> None:
        """A pod has come further, or fallen back: what is not asked for any more has to be said again."""
        asked = {check for pod in self._pods() for check in pod.probes}
        for gone in self._in_a_row.keys() - asked:
            del self._in_a_row[gone]
        self._passed &= {host for pod in self._pods() if pod.ready or self._good(pod) for host in pod.hosts}
        self._news.set()

    def ready_hosts(self) -> frozenset[str]:
        """Where pods are that have passed, and not fallen back since."""
        return frozenset(self._passed)

    async def run(self) -> None:
        """For ever."""
        clock = asyncio.get_running_loop().time
        began: float | None = None
        while True:
            self._news.clear()
            wanted = [pod for pod in self._pods() if pod.probes and not self._good(pod)]
            if not wanted:
                began = None
                await self._news.wait()
                continue
            began = clock() if began is None else began
            some = random.sample(wanted, min(AT_ONCE, len(wanted)))
            await asyncio.gather(*(self._ask(pod) for pod in some))
            await asyncio.sleep(pause(clock() - began, self._crowd()))

    async def _ask(self, pod: ProbedPod) -> None:
        for check in pod.probes:
            if check.after and self._clock() < check.after:
                return
            self._in_a_row[check] = self._in_a_row[check] + 1 if await self._passes(check) else 0
        if self._good(pod) and pod in self._pods():
            self._passed.update(pod.hosts)
            self._on_ready()

    def _good(self, pod: ProbedPod) -> bool:
        return bool(pod.probes) and all(self._in_a_row[check] >= check.successes for check in pod.probes)


def pause(asked_for: float, crowd: int = 1) -> float:
    """Seconds until the next ask of an app that has been asked for so many seconds, as one of so many."""
    return max(FIRST * crowd / FEW, min(max(FIRST, SHARE * asked_for), LAST))


async def probe_passes(session: aiohttp.ClientSession, check: ReadinessProbe) -> bool:
    """One try of a probe. A redirect is no yes: where it leads may say no. Never raises for what the network does."""
    if check.path is None:
        return await accepts(check.address, check.timeout)
    try:
        async with asyncio.timeout(check.timeout):
            return await _answers(session, check, check.path)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False


async def _answers(session: aiohttp.ClientSession, check: ReadinessProbe, path: str) -> bool:
    url = URL(f"{'https' if check.https else 'http'}://{check.address.netloc}{path}", encoded=True)
    headers = {"User-Agent": USER_AGENT, **dict(check.headers), "Connection": "close"}
    async with session.get(url, headers=headers, allow_redirects=False, ssl=False) as answer:
        return 200 <= answer.status < 300
