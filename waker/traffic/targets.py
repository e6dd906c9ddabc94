"""The pages of a controller's pods as Prometheus has them: the query for all of them, and the answer parted by pod.

Pure. One query an adapter, whatever the number of apps: every series of its counters, raw, for the deltas are `counters`'s
business. A pod is one or more *targets* of Prometheus (job and instance); of several the one with the newest sample counts.
Where Prometheus has renamed a label because the target has one of that name (`honor_labels: false`), `exported_NAME` is it.
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
SAMPLED: Final = (
    "kubesleeper_sampled"  # a label of our own: this element's value is the time of a target's newest sample
)
OF_TARGET: Final = frozenset({"__name__", "job", "instance", "pod", "endpoint", "container", "node"})


class ScrapeTarget(NamedTuple):
    """What Prometheus scrapes; the labels are on each of its series."""

    job: str
    instance: str
    pod: str

    @property
    def host(self) -> str:
        """The address in `instance`, if it is one."""
        return self.instance.rpartition(":")[0].strip("[]")


class PrometheusSample(NamedTuple):
    """A pod's page. `age` in seconds, of its newest sample; `sampled` is that sample's time by Prometheus's clock."""

    scrape: Scrape
    age: float
    sampled: float


@dataclass(slots=True)
class TargetScrape:
    """One target's part of the answer."""

    sums: ScrapeBuilder
    sampled: float = float("-inf")
    asked: float = 0.0


def query_for(adapter: Adapter) -> str:
    """PromQL: the counters and gauges, the restart betrayer of the same targets, and when each target was last sampled.

    A value in the answer carries the time of the question, so the time of the sample has to be asked for.
    """
    requests = adapter.requests.metric
    process = adapter.process.metric if adapter.process else ""
    counted = f'{{__name__=~"{"|".join(each for each in adapter.wanted if each != process)}"}}'
    started = [f"{process} and on (job, instance) {requests}"] if process else []
    sampled = f'label_replace(max by (job, instance, pod) (timestamp({requests})), "{SAMPLED}", "yes", "", "")'
    return " or ".join([counted, *started, sampled])


class ScrapesByTarget:
    """An answer in the making: elements go in as they come."""

    def __init__(self, adapter: Adapter, keys: frozenset[SeriesKey]) -> None:
        self._adapter, self._keys = adapter, keys
        self._parts: dict[ScrapeTarget, TargetScrape] = {}

    def add(self, elements: Iterable[Element]) -> None:
        """Raises ScrapeError for a value that cannot be counted with."""
        for each in elements:
            labels = each.labels
            target = ScrapeTarget(labels.get("job", ""), labels.get("instance", ""), labels.get("pod", ""))
            part = self._parts.get(target) or self._parts.setdefault(
                target, TargetScrape(ScrapeBuilder(self._adapter, self._keys))
            )
            if SAMPLED in labels:
                part.sampled, part.asked = each.value, each.at
            else:
                part.sums.add([Sample(labels.get("__name__", ""), own_labels(labels), each.value)])

    def readings(self, pods: Sequence[Pod]) -> dict[str, PrometheusSample]:
        """By the pods' uid; a pod that Prometheus does not know is not in it."""
        found: dict[str, PrometheusSample] = {}
        for target, part in self._parts.items():
            pod = pod_of(target, pods)
            page = part.sums.scrape()
            if pod and page.proven and (pod.uid not in found or found[pod.uid].sampled < part.sampled):
                found[pod.uid] = PrometheusSample(page, max(part.asked - part.sampled, 0), part.sampled)
        return found


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that the controller itself wrote, as far as they can be told from those of the target."""
    found = {name: text for name, text in labels.items() if name not in OF_TARGET}
    for name in [name for name in found if name.startswith(RENAMED)]:
        found[name.removeprefix(RENAMED)] = found.pop(name)
    return found


def pod_of(target: ScrapeTarget, pods: Sequence[Pod]) -> Pod | None:
    """By address and name; by name alone where `instance` is no address. None if it is none of them, or not for sure."""
    near = [each for each in pods if each.address == target.host and target.pod in ("", each.name)]
    named = near or [each for each in pods if target.pod and each.name == target.pod]
    return named[0] if len(named) == 1 else None
