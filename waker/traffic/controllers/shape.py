"""What there is to know about an ingress controller: the shape that each file beside this one fills in.

The label values of an app's series are built FORWARD from its Ingress and Service, never parsed back: `a-b`/`c` and
`a`/`b-c` are the same words in Traefik's name. Where a name is not certain, all that it can be are given: a spelling
too many keeps an app awake at worst, one too few calls a visited app idle. Nothing here touches a network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import NamedTuple

from waker.plan.model import Pod
from waker.plan.routes.route import CountedBackend

# Values of `Family.labels`, in that order: what one app's requests are counted under.
SeriesKey = tuple[str, ...]


class Counted(Enum):
    """When a request shows in the counter. At the end: an open WebSocket or download is not seen while it lasts."""

    START = "start"
    END = "end"


class Interest(NamedTuple):
    """What an app is counted under, at one controller. `others`: other spellings of `key`; it is the sum over all."""

    controller: str
    key: SeriesKey
    others: tuple[SeriesKey, ...] = ()

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """All spellings."""
        return (self.key, *self.others)


class Selector(NamedTuple):
    """Labels of a controller's data-plane pods. `namespace` "": everywhere."""

    labels: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.labels} in {self.namespace}" if self.namespace else self.labels


class Port(NamedTuple):
    """A container port: the first of `names` that the pod declares, else `number`."""

    names: tuple[str, ...]
    number: int

    def of(self, pod: Pod) -> int:
        return next((pod.ports[name] for name in self.names if name in pod.ports), self.number)


def unchanged(values: SeriesKey) -> SeriesKey:
    """Most label values are the key."""
    return values


class Family(NamedTuple):
    """A metric and the labels that identify the app; other labels are summed over.

    `read` makes the key of the label values, where only a part of them can be built forward.
    """

    metric: str
    labels: tuple[str, ...]
    read: Callable[[SeriesKey], SeriesKey] = unchanged

    def key(self, labels: Mapping[str, str]) -> SeriesKey:
        """What a sample with these labels counts for."""
        return self.read(tuple([labels.get(label, "") for label in self.labels]))


SAME_START = 2.5  # s; a start time that is computed from the boot time moves when the clock is set


class Process(NamedTuple):
    """A metric that betrays a restart in backend. `sign` +1: a start time, which grows; -1: an uptime, which falls.

    An uptime that has outgrown the one before by the next scrape proves nothing: then only Kubernetes' own count of
    restarts does.

    `slack` in seconds: start times that differ by less are the same.
    `drain`: after a reload the process before goes on for so long with what was open, and is not on the page.
    """

    metric: str
    sign: int
    slack: float = SAME_START
    drain: timedelta = timedelta()


class Access(NamedTuple):
    """How the page is asked for."""

    scheme: str = "http"
    verify: bool = True  # the certificate, if the scheme is https
    ca_file: str = ""  # "": the system's
    server_name: str = ""  # in the certificate; "": the pod's address
    token_file: str = ""  # of a bearer token


PLAIN = Access()


class Values(NamedTuple):
    """A label and some values of it."""

    label: str
    values: frozenset[str]

    def match(self, labels: Mapping[str, str]) -> bool:
        """Whether a sample with these labels has one of them."""
        return labels.get(self.label) in self.values


HEADS = Values("method", frozenset({"HEAD"}))  # monitors send them, and so does waker


@dataclass(frozen=True, slots=True)
class Adapter:
    """All that is special about one ingress controller."""

    name: str  # as settings call it: one of `names.ADAPTERS`
    title: str  # as people call it
    controller: str  # IngressClass.spec.controller; "": there is none of its own, a setting has to name it
    selectors: tuple[Selector, ...]  # alternatives: a pod that matches any is one of its pods
    metrics: Port
    path: str
    requests: Family
    counted: Counted
    spellings: Callable[[CountedBackend], tuple[SeriesKey, ...]]  # the usual one first
    lag: timedelta  # until a change of an Ingress is followed
    enable: str  # what a person does when the page counts nothing
    reloads: str = ""  # a metric that grows when what was not shown yet is lost
    process: Process | None = None  # None: only the pod's own restarts are known
    proxy: Port | None = None  # where it takes HTTP requests; None: not at the pod's address
    uncounted: Callable[[CountedBackend, Mapping[str, str]], tuple[str, ...]] = lambda _backend, _annotations: ()
    query: tuple[tuple[str, str], ...] = ()
    access: Access = PLAIN
    open_requests: Family | None = None
    lists_all: bool = False  # a series stands on the page, at 0, from the moment the controller knows the backend
    names_proven: bool = True  # names and labels were seen on a real one; else an app is known once it has been counted
    any_host: bool = True  # requests are counted whether or not their host stands in an Ingress
    status: str = ""  # the label with the HTTP status, "" if there is none
    not_visits: tuple[Values, ...] = ()  # samples that no visitor is behind
    lasting: Values | None = None  # samples of connections that show only when they end
    blind_to: tuple[str, ...] = ()

    @property
    def proof(self) -> str:
        """Any sample of this metric proves that the pod counts requests at all."""
        return self.requests.metric

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every metric that is read from the page."""
        others = (self.open_requests, self.process)
        reloads = (self.reloads,) if self.reloads else ()
        return (self.requests.metric, *reloads, *(each.metric for each in others if each))

    @property
    def counts_checks(self) -> bool:
        """Whether waker's own checks show as if they were visits."""
        return HEADS not in self.not_visits
