"""Which ingress controllers there are, whether each of their pods shows the counter that waker reads, and reaches waker.

Asked by the running service, from where it matters (`probes`), and by the command through the API server (`pages`) when
there is none. The two differ in how a page is read, and in whether the way to waker can be tried.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, NamedTuple

from waker import names
from waker.checks.at_once import a_few_at_once
from waker.checks.findings import CheckLine, ok, problem, unknown
from waker.cluster import manifests
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import CONFIG_MAPS, PODS
from waker.errors import ClusterError, ScrapeError
from waker.explain.fixes import advice
from waker.observe.class_names import with_class
from waker.observe.cluster import ClusterCache
from waker.observe.controller_namespaces import KEY, decode
from waker.plan.codes import Code
from waker.plan.model import Pod
from waker.settings.configmap import Live
from waker.settings.durations import format_duration
from waker.traffic.controllers import Adapter
from waker.traffic.controllers.configured import configured_adapters, controller_name
from waker.traffic.controllers.pod_namespaces import declared_namespaces

AT_ONCE: Final = 4  # pages
NO_CLASS: Final = "controllers"


class PageShows(Enum):
    """What a metrics page has of its controller."""

    COUNTER = "the counter that waker reads"
    OTHERS = "other counters of it, so that its metrics are on"
    NOTHING = "nothing"


class Reach(NamedTuple):
    """Whether a request through a pod arrives at waker. `young`: the age of a new way, which the pod may not have yet."""

    reached: bool
    young: timedelta | None = None


ReadPage = Callable[[Adapter, Pod], Awaitable[PageShows]]  # Raises ScrapeError or ClusterError
TryWay = Callable[[Adapter, Pod], Awaitable[Reach | None]]  # None: that cannot be tried
TryNames = Callable[[Adapter, Pod], Awaitable[bool | None]]


class ReadClass(NamedTuple):
    """An IngressClass and one of the controllers that serve it; None if none is known."""

    name: str
    controller: str
    adapter: Adapter | None

    @property
    def subject(self) -> str:
        """How a line about it begins."""
        return f"controller of class {self.name}"


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads, for the waker of `namespace`. `inside`: in which namespaces a controller's pods are, if that is known.

    `reaches`: whether a request through the pod arrives at waker; `names`: whether the pod has counted that under the name that
    waker builds.
    """

    api: Api
    cluster: ClusterCache
    live: Live
    page: ReadPage
    reaches: TryWay
    names: TryNames
    namespace: str
    inside: Callable[[str], frozenset[str]]


def read_classes(cluster: ClusterCache, live: Live) -> list[ReadClass]:
    """The classes that there are, or that settings speak of."""
    there = {each.name for each in cluster.classes.values()} | set(live.classes)
    found = []
    for each in sorted(cluster.configured_classes(live)):
        adapters: Sequence[Adapter | None] = configured_adapters(each.controller, live) or (None,)
        found += [ReadClass(each.name, each.controller, adapter) for adapter in adapters if each.name in there]
    return found


async def known_namespaces(
    api: Api, namespace: str, cluster: ClusterCache, live: Live
) -> Callable[[str], frozenset[str]]:
    """Where the pods of a controller are: what is declared, else what the waker of `namespace` has written down."""
    try:
        written = (await api.get(CONFIG_MAPS.one(namespace, names.ACTIVITY))).get("data") or {}
    except ClusterError:
        written = {}
    recorded = decode(written.get(KEY, ""))

    def inside(controller: str) -> frozenset[str]:
        said = declared_namespaces(controller, cluster.classes.values(), live).said
        return said or frozenset(filter(None, [recorded.get(controller, "")]))

    return inside


async def lines(reading: Reading) -> list[CheckLine]:
    """About all classes."""
    classes = read_classes(reading.cluster, reading.live)
    if not classes:
        fix = "helm upgrade --install traefik traefik --repo https://traefik.github.io/charts -n traefik --create-namespace"
        return [problem(NO_CLASS, "there is no IngressClass, so no ingress controller that waker could read", fix)]
    found = await asyncio.gather(*(_of_class(reading, each) for each in classes))
    return [line for several in found for line in several]


async def _of_class(reading: Reading, each: ReadClass) -> list[CheckLine]:
    if each.adapter is None:
        spec = controller_name(each.controller) or "nothing that is known"
        patch = f'{{"data":{{"controller.{each.name}.adapter":"NAME"}}}}'
        fix = f"kubectl -n {reading.namespace} patch configmap {names.CONFIG_MAP} --type merge -p '{patch}'"
        return [problem(each.subject, f"waker does not know {spec}, so nothing behind it falls asleep by itself", fix)]
    if not each.adapter.selectors:
        return [ok(each.subject, "activity queries are asked instead of its pods")]
    try:
        pods = await pods_of(reading, each)
    except ClusterError as error:
        return [unknown(each.subject, f"its pods are not known: {error}", "kubectl get pods -A")]
    ready = [pod for pod in pods if pod.ready and pod.address]
    if not ready:
        labels = " or ".join(str(selector) for selector in each.adapter.selectors)
        text = f"no ready pod of {each.adapter.title} was found (labels {labels})"
        first = each.adapter.selectors[0].labels
        return [problem(each.subject, text, f"kubectl get pods -A -l {first}")]
    found = await a_few_at_once((_of_pod(reading, each, each.adapter, pod) for pod in ready), AT_ONCE)
    return [line for several in found for line in several]


async def pods_of(reading: Reading, each: ReadClass) -> list[Pod]:
    """Those in the namespace that counts, as the running service chooses it. Raises ClusterError."""
    if each.adapter is None:
        return []
    found = {pod.uid: pod for selector in each.adapter.selectors async for pod in _selected(reading.api, *selector)}
    pods = sorted(
        found.values(), key=lambda pod: (pod.created_at is None, str(pod.created_at), pod.namespace, pod.name)
    )
    inside = reading.inside(each.adapter.controller) or {pod.namespace for pod in pods[:1]}
    return [pod for pod in pods if pod.namespace in inside]


async def _selected(api: Api, labels: str, namespace: str) -> AsyncIterator[Pod]:
    path = PODS.collection(namespace) if namespace else PODS.everywhere()
    async for each in listed(api, path, {"labelSelector": labels}):
        yield manifests.pod(each)


async def _of_pod(reading: Reading, each: ReadClass, adapter: Adapter, pod: Pod) -> list[CheckLine]:
    """The way first: what is sent on it is counted, so a page without any visitor shows the counter after it."""
    way = await _way(reading, each, adapter, pod)
    return [await _page(reading, each, adapter, pod), *way]


async def _page(reading: Reading, each: ReadClass, adapter: Adapter, pod: Pod) -> CheckLine:
    who = f"{adapter.title} pod {pod.namespace}/{pod.name}"
    at = f"kubectl get --raw '{page_path(adapter, pod)}'"
    try:
        shown = await reading.page(adapter, pod)
    except ScrapeError as error:
        found = advice(with_class(str(error), each.name), Code.TRAFFIC_UNKNOWN)
        return problem(each.subject, f"{who} {found.text}", found.fix)
    except ClusterError as error:
        return unknown(each.subject, f"whether {who} can be read is not known: {error}", at)
    none_yet = f"{who} shows no {adapter.requests.metric} yet"
    match shown:
        case PageShows.COUNTER:
            return ok(each.subject, f"{who} shows {adapter.requests.metric}")
        case PageShows.OTHERS:
            text = f"{none_yet}, but other metrics: nobody has been counted since it started"
            return unknown(each.subject, text, counted_after_a_visit(adapter.enable))
    return unknown(each.subject, f"{none_yet}: nobody has been counted, or the counter is off", adapter.enable)


def counted_after_a_visit(otherwise: str) -> str:
    """What to do where nobody has been counted yet. `otherwise`: what to do if that is not it."""
    return f"visit an app through it once, then check again; if that stays, {otherwise}"


async def _way(reading: Reading, each: ReadClass, adapter: Adapter, pod: Pod) -> Iterable[CheckLine]:
    who = f"{adapter.title} pod {pod.namespace}/{pod.name}"
    found = await reading.reaches(adapter, pod)
    if found is None:
        return ()
    if found.reached:
        return (ok(each.subject, f"{who} reaches waker"), *await _names(reading, each, adapter, pod))
    if found.young is not None:
        age = format_duration(found.young)
        text = f"{who} does not reach waker, and may not have taken up the route yet ({age} old)"
        return (unknown(each.subject, text, "ask again in a few seconds"),)
    text = f"{who} does not reach waker at its ports {reading.live.door_ports}"
    fix = f"kubectl -n {reading.namespace} get networkpolicies"
    return (problem(each.subject, text, fix),)


async def _names(reading: Reading, each: ReadClass, adapter: Adapter, pod: Pod) -> Iterable[CheckLine]:
    who = f"{adapter.title} pod {pod.namespace}/{pod.name}"
    proved = await reading.names(adapter, pod)
    if proved is None:
        return ()
    if proved:
        return (ok(each.subject, f"{who} counts under the names that waker builds"),)
    text = f"{who} has got a request of waker's own, and does not show it under the name that waker builds"
    return (unknown(each.subject, text, f"kubectl get --raw '{page_path(adapter, pod)}'"),)


def page_path(adapter: Adapter, pod: Pod) -> str:
    """The path of its metrics page through the API server."""
    scheme = "https:" if adapter.access.scheme == "https" else ""
    query = "&".join(f"{key}={value}" for key, value in adapter.query)
    port = adapter.metrics.of(pod)
    return f"{PODS.one(pod.namespace, f'{scheme}{pod.name}:{port}')}/proxy{adapter.path}{f'?{query}' if query else ''}"
