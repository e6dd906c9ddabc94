"""Prometheus's samples of a controller's pods: the query for all of them, and its answer split by pod.

Pure; `prometheus` does the talking. There is one query a controller, whatever the number of apps: every series of its
counters, raw, as `ledger` computes the differences. A pod is one or more *targets* of Prometheus (job and instance); of
several, the one with the newest sample counts. Where the target has a label of the same name, Prometheus renames the
controller's own to `exported_NAME` (`honor_labels: false`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.ledger import Scrape, ScrapeBuilder
from waker.traffic.lines import Sample
from waker.traffic.vector import Element

RENAMED: Final = "exported_"
# A label of waker's own: the value of such an element is the time of a target's newest sample.
SAMPLED: Final = "kubesleeper_sampled"
OF_TARGET: Final = frozenset({"__name__", "job", "instance", "pod", "endpoint", "container", "node"})


class ScrapeTarget(NamedTuple):
    """What Prometheus scrapes, by the labels that are on each of its series."""

    job: str
    instance: str
    pod: str

    @property
    def host(self) -> str:
        """The address in `instance`, if that is an address."""
        return self.instance.rpartition(":")[0].strip("[]")


class PrometheusSample(NamedTuple):
    """What Prometheus has of one pod. Times are those of its newest sample."""

    scrape: Scrape
    age: float  # seconds
    sampled_at: float  # in seconds since 1970, by Prometheus's clock


@dataclass(slots=True)
class TargetScrape:
    """One target's part of the answer. `asked_at`: the time of the query, by Prometheus's clock."""

    builder: ScrapeBuilder
    sampled_at: float = float("-inf")
    asked_at: float = 0.0


def query_for(adapter: Adapter) -> str:
    """PromQL for the counters and gauges, the start time of the same targets, and when each was last sampled.

    A value in the answer carries the time of the query, so the query has to ask for the sample's time as well.
    """
    requests = adapter.requests.metric
    process = adapter.process.metric if adapter.process else ""
    counted = f'{{__name__=~"{"|".join(each for each in adapter.wanted if each != process)}"}}'
    started = [f"{process} and on (job, instance) {requests}"] if process else []
    sampled = f'label_replace(max by (job, instance, pod) (timestamp({requests})), "{SAMPLED}", "yes", "", "")'
    return " or ".join([counted, *started, sampled])


class ScrapesByTarget:
    """Splits an answer by target: elements go in as they arrive."""

    def __init__(self, adapter: Adapter, keys: frozenset[SeriesKey]) -> None:
        self._adapter, self._keys = adapter, keys
        self._parts: dict[ScrapeTarget, TargetScrape] = {}

    def add(self, elements: Iterable[Element]) -> None:
        """Raises ScrapeError for a value that is not a count."""
        for each in elements:
            labels = each.labels
            target = ScrapeTarget(labels.get("job", ""), labels.get("instance", ""), labels.get("pod", ""))
            part = self._parts.get(target) or self._parts.setdefault(
                target, TargetScrape(ScrapeBuilder(self._adapter, self._keys))
            )
            if SAMPLED in labels:
                part.sampled_at, part.asked_at = each.value, each.at
            else:
                part.builder.add([Sample(labels.get("__name__", ""), own_labels(labels), each.value)])

    def samples(self, pods: Sequence[Pod]) -> dict[str, PrometheusSample]:
        """The samples by the pods' uid, without the pods that Prometheus does not know."""
        found: dict[str, PrometheusSample] = {}
        for target, part in self._parts.items():
            pod = pod_of(target, pods)
            scrape = part.builder.scrape()
            if pod and scrape.proven and (pod.uid not in found or found[pod.uid].sampled_at < part.sampled_at):
                found[pod.uid] = PrometheusSample(scrape, max(part.asked_at - part.sampled_at, 0), part.sampled_at)
        return found


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that the controller itself wrote, as far as they can be distinguished from the target's."""
    found = {name: text for name, text in labels.items() if name not in OF_TARGET}
    for name in [name for name in found if name.startswith(RENAMED)]:
        found[name.removeprefix(RENAMED)] = found.pop(name)
    return found


def pod_of(target: ScrapeTarget, pods: Sequence[Pod]) -> Pod | None:
    """The pod by address and name, or by name alone where `instance` is not an address. None if no pod fits, or several."""
    near = [each for each in pods if each.address == target.host and target.pod in ("", each.name)]
    named = near or [each for each in pods if target.pod and each.name == target.pod]
    return named[0] if len(named) == 1 else None
