"""The pods of a simulated ingress controller: they count, restart, reload, come and go, and may be read or not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from waker.errors import ScrapeError
from waker.plan.model import Container, Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.ledger import Scrape, Tally

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
STARTS_IN: Final = 5.0  # seconds until a new pod is ready
STILL_SENT: Final = 1.0  # seconds for which a pod that is to go still gets requests
GOES_IN: Final = 12.0  # seconds from the order to go until a pod is gone
NODE_LOST: Final = 40.0  # seconds until Kubernetes calls the pods of a lost node unready
NODE_GONE: Final = 60.0  # seconds until their objects are gone
BATCH: Final = 1.0  # seconds for which ingress-nginx keeps counts to itself
NOTHING: Final = Tally()

SERVES: Final = frozenset({"metrics", "http", "web"})
Later = Callable[[float, Callable[[], None]], None]


def at(seconds: float) -> datetime:
    """A simulated second as a time."""
    return START + timedelta(seconds=seconds)


@dataclass(slots=True)
class SimulatedPod:
    """One pod. `sent`: it gets requests. `listens`: its page can be read."""

    name: str
    started: float
    sent: bool = False
    listens: bool = False
    ready: bool = False
    terminating: bool = False
    restarts: int = 0
    running: bool = True
    side_restarts: int = 0
    side_running: bool = True
    reloads: int = 0
    counts: dict[SeriesKey, int] = field(default_factory=dict)
    held_back: list[tuple[float, SeriesKey]] = field(default_factory=list)

    def pod(self) -> Pod:
        """As Kubernetes shows it."""
        serves = Container(SERVES, self.restarts, self.running)
        side = Container(frozenset({"9999"}), self.side_restarts, self.side_running)
        return Pod("edge", self.name, self.name, "10.0.0.1", self.ready, {}, (serves, side), self.terminating)


class Fleet:
    """All pods of the controller. `later(seconds, act)` has something done after so many seconds."""

    def __init__(self, adapter: Adapter, rng: Random, later: Later, now: Callable[[], float], pods: int) -> None:
        self.adapter = adapter
        self.changed = False
        self.gone: list[Pod] = []
        self.failed = 0  # requests that reached no pod
        self._rng, self._later, self._now = rng, later, now
        self._names = 0
        self._first_served: set[str] = set()
        self.pods: list[SimulatedPod] = []
        for _ in range(pods):
            self._begin(self._new(-60.0))

    # --- what visitors and waker see ---

    def count(self, key: SeriesKey) -> None:
        """A request for an app, through any pod."""
        pods = [each for each in self.pods if each.sent]
        if not pods:
            self.failed += 1
            return
        pod = self._rng.choice(pods)
        if self.adapter.reloads:
            pod.held_back.append((self._now() + self._rng.uniform(0, BATCH), key))
        else:
            pod.counts[key] = pod.counts.get(key, 0) + 1

    def count_at(self, name: str, key: SeriesKey) -> None:
        """A request of waker's own, through this pod."""
        pod = next((each for each in self.pods if each.name == name), None)
        if pod:
            pod.counts[key] = pod.counts.get(key, 0) + 1

    async def fetch(
        self, _: object, adapter: Adapter, pod: Pod, keys: frozenset[SeriesKey], _size: int
    ) -> tuple[Scrape, int]:
        """What waker's scraper gets instead of a page."""
        source = next((each for each in self.pods if each.name == pod.name), None)
        if source is None or not source.listens:
            raise ScrapeError("cannot be reached")
        self._report(source)
        listed = dict.fromkeys(keys, NOTHING) if adapter.lists_all else {}
        tallies = listed | {key: Tally(count, count) for key, count in source.counts.items() if key in keys}
        process = adapter.process
        started = source.started if process and process.sign > 0 else source.started - self._now()
        return Scrape(
            keys,
            tallies,
            proven=True,
            started=at(source.started).timestamp() if process and process.sign > 0 else started,
            reloads=float(source.reloads) if adapter.reloads else None,
            process=process,
        ), 1000

    def _report(self, pod: SimulatedPod) -> None:
        """ingress-nginx's workers send what they have counted now and then."""
        now = self._now()
        for when, key in pod.held_back:
            if when <= now:
                pod.counts[key] = pod.counts.get(key, 0) + 1
        pod.held_back = [each for each in pod.held_back if each[0] > now]

    # --- what happens to pods ---

    def add(self) -> None:
        """A new pod, ready in some seconds."""
        pod = self._new(self._now() + 1)
        self._later(STARTS_IN, lambda: self._begin(pod))

    def take(self) -> None:
        """A pod is told to go. ingress-nginx shows its page to its end; Traefik closes it with its other ports."""
        pod = self._any()
        if pod:
            self._change(pod, ready=False, terminating=True)
            if not self.adapter.reloads:
                self._later(self._rng.uniform(0, 1), lambda: self._change(pod, listens=False))
            self._later(STILL_SENT, lambda: self._change(pod, sent=False))
            self._later(GOES_IN, lambda: self._remove(pod))

    def lose_node(self) -> None:
        """A pod's node vanishes without a word."""
        pod = self._any()
        if pod:
            self._change(pod, listens=False, sent=False)
            self._later(NODE_LOST, lambda: self._change(pod, ready=False))
            self._later(NODE_GONE, lambda: self._remove(pod))

    def replace_all(self) -> None:
        """A rollout, one pod after the other."""
        for number in range(len(self.pods)):
            self._later(number * 10 + 0.1, self.add)
            self._later(number * 10 + 8, self.take)

    def restart(self) -> None:
        """The container of a pod ends and starts again."""
        pod = self._any()
        if pod:
            self._change(pod, running=False, listens=False, sent=False, ready=False)
            self._later(2, lambda: self._run_again(pod))

    def reload(self, *, anew: bool) -> None:
        """All pods reload. `anew`: they begin to count anew, else they lose what they hold back."""
        for pod in self.pods:
            self._report(pod)
            pod.held_back.clear()
            pod.reloads += 1
            if anew:
                pod.counts.clear()
                pod.started = self._now()

    def crash(self, pod: SimulatedPod) -> None:
        """A pod that never gets ready ends once more, and runs again for some seconds."""
        self._change(pod, restarts=pod.restarts + 1, running=True)
        self._later(10, lambda: self._change(pod, running=False))

    def crash_beside(self) -> None:
        """A container beside the one that serves ends, and the pod is not ready for some seconds."""
        pod = self.pods[0]
        self._change(pod, side_restarts=pod.side_restarts + 1, side_running=False, ready=False, sent=False)
        self._later(10, lambda: self._change(pod, side_running=True, ready=True, sent=True))

    def never_ready(self) -> SimulatedPod:
        """A new pod that crashes whenever it starts."""
        return self._new(0.0)

    def _any(self) -> SimulatedPod | None:
        pods = [each for each in self.pods if each.ready and each.listens]
        return self._rng.choice(pods) if len(pods) > 1 else None

    def _new(self, started: float) -> SimulatedPod:
        self._names += 1
        pod = SimulatedPod(f"c-{self._names}", started)
        self.pods.append(pod)
        self.changed = True
        return pod

    def _begin(self, pod: SimulatedPod) -> None:
        self._first_served.add(pod.name)
        self._change(pod, sent=True, listens=True, ready=True)

    def _run_again(self, pod: SimulatedPod) -> None:
        pod.counts.clear()
        pod.started = self._now()
        self._change(pod, running=True, restarts=pod.restarts + 1)
        self._later(STARTS_IN, lambda: self._begin(pod))

    def _change(self, pod: SimulatedPod, **facts: object) -> None:
        for name, value in facts.items():
            setattr(pod, name, value)
        self.changed = True

    def _remove(self, pod: SimulatedPod) -> None:
        if pod in self.pods:
            self.pods.remove(pod)
            if pod.name in self._first_served:
                self.gone.append(pod.pod())
            self.changed = True
