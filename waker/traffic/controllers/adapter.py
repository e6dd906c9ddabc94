"""The shape of what is known about an ingress controller; each file beside this one fills it in.

Pure data and small functions, used by all of `traffic`; nothing here touches a network. The label values of an app's
series are built forward from its Ingress and Service, never parsed back: `a-b`/`c` and `a`/`b-c` give the same name in
Traefik. Where a name is not certain, an adapter gives all possible spellings: one too many keeps an app awake at worst, one
too few lets a visited app look idle.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import NamedTuple

from waker.plan.hold_time import NOT_KNOWN, AnswerTimeout
from waker.plan.model import Background, Pod
from waker.plan.routes.route import CountedBackend

# The values of `Family.labels`, in that order: the requests of one app are counted under them.
SeriesKey = tuple[str, ...]


# The options that a pod was started with, without dashes and in small letters: `{"ingress-class": "nginx"}`.
Arguments = Mapping[str, str]


class ClassName(NamedTuple):
    """An ingress class, by what controllers compare. Without `controller` there is no such IngressClass."""

    name: str
    controller: str


class Counted(Enum):
    """When a request is counted. With END, an open WebSocket or download is not seen while it lasts."""

    START = "start"
    END = "end"


class LostCounts(Enum):
    """What a loss of counts means for the idle clocks of the apps behind a controller, whose visits may have gone uncounted."""

    STRICT = "strict"  # each is taken for a visit
    ONCE = "once"  # the first one since the last visit that was counted extends them
    IGNORE = "ignore"  # none does


class Interest(NamedTuple):
    """The series of an app at one controller. `others` are other spellings of `key`; the app is the sum of all."""

    controller: str
    key: SeriesKey
    others: tuple[SeriesKey, ...] = ()

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """All spellings."""
        return (self.key, *self.others)


@cache  # there are a dozen selectors, and each app is compared with all of them in each pass
def _pairs(labels: str) -> tuple[tuple[str, str | None], ...]:
    found = (each.partition("=") for each in labels.split(","))
    return tuple((key, value if equals else None) for key, equals, value in found)


class Selector(NamedTuple):
    """The labels of a controller's data-plane pods: `app=envoy`, or `app` for any value. An empty `namespace` means all."""

    labels: str
    namespace: str = ""

    @property
    def pairs(self) -> tuple[tuple[str, str | None], ...]:
        """The labels, as keys and values; None for any value."""
        return _pairs(self.labels)

    def matches(self, labels: Mapping[str, str], namespace: str) -> bool:
        """Whether a pod with these labels in this namespace is one of them."""
        return self.namespace in ("", namespace) and all(
            key in labels if value is None else labels.get(key) == value for key, value in self.pairs
        )

    def __str__(self) -> str:
        return f"{self.labels} in {self.namespace}" if self.namespace else self.labels


class Port(NamedTuple):
    """A container port: the first of `names` that the pod declares, otherwise `number`."""

    names: tuple[str, ...]
    number: int

    def of(self, pod: Pod) -> int:
        """Its number in this pod."""
        return next((pod.ports[name] for name in self.names if name in pod.ports), self.number)


def unchanged(values: SeriesKey) -> SeriesKey:
    """The label values as they are: what most controllers need."""
    return values


class Family(NamedTuple):
    """A metric and the labels that identify the app. Series that differ in other labels are added up.

    `read` turns label values into the key, where only a part of them can be built forward.
    """

    metric: str
    labels: tuple[str, ...]
    read: Callable[[SeriesKey], SeriesKey] = unchanged

    def key(self, labels: Mapping[str, str]) -> SeriesKey:
        """The key that a sample with these labels counts for."""
        return self.read(tuple([labels.get(label, "") for label in self.labels]))


SAME_START = 2.5  # seconds; a start time that is computed from the boot time moves when the clock is set


class Process(NamedTuple):
    """A metric that shows a restart in place. `sign` +1: a start time, which grows; -1: an uptime, which falls.

    An uptime misses a restart if it is higher again at the next scrape. Then only Kubernetes' count of restarts shows it.

    `slack`: start times that differ by fewer seconds are the same.
    `drain`: how long the old process goes on with its open requests after a reload, without being on the page.
    """

    metric: str
    sign: int
    slack: float = SAME_START
    drain: timedelta = timedelta()


class Access(NamedTuple):
    """How the metrics page is requested."""

    scheme: str = "http"
    verify: bool = True  # check the certificate, if the scheme is https
    ca_file: str = ""  # "": the system's CAs
    server_name: str = ""  # the name in the certificate; "": the pod's address
    token_file: str = ""  # holds a bearer token


PLAIN = Access()


class Values(NamedTuple):
    """A label and some values of it."""

    label: str
    values: frozenset[str]

    def match(self, labels: Mapping[str, str]) -> bool:
        """Whether a sample with these labels has one of the values."""
        return labels.get(self.label) in self.values


HEADS = Values("method", frozenset({"HEAD"}))  # monitors send them, and so does waker


@dataclass(frozen=True, slots=True)
class Adapter:
    """All that is special about one ingress controller."""

    name: str  # as settings call it: one of `names.ADAPTERS`
    title: str  # as people call it
    controller: str  # IngressClass.spec.controller; "": it has none of its own, so a setting has to name the adapter
    selectors: tuple[Selector, ...]  # a pod that matches any of them is one of its pods
    metrics: Port
    path: str
    requests: Family
    counted: Counted
    spellings: Callable[[CountedBackend], tuple[SeriesKey, ...]]  # the typical one first
    lag: timedelta  # until the controller follows a change of a route
    enable: str  # what to do when the page counts nothing; completes a sentence
    repeats_ports: bool = False  # each of its backends carries all ports of its Service, see `plan.port_budget`
    spread: timedelta = timedelta()  # how much later one part of a new configuration may count than another
    reloads: str = ""  # a metric that grows when counts that were not shown yet are lost
    reloads_on_move: bool = False  # a route that waker moves makes it begin to count anew
    lost_counts: LostCounts = LostCounts.ONCE  # STRICT where each reload loses an interval of everybody
    excuse_after: timedelta | None = None  # how long a pod that is not ready may still serve; None: as usual
    ignore_labels: tuple[str, ...] = ()  # path=/health*: such samples of an app are nobody
    background: Background | None = None  # requests of an app that are nobody, where that does not say it
    process: Process | None = None  # None: only Kubernetes' count of restarts is known
    proxy: Port | None = None  # where its pods take HTTP requests; None: not at the pod's address
    tls: Port | None = None  # where its pods take HTTPS requests; None: nowhere that is known
    uncounted: Callable[[CountedBackend, Mapping[str, str]], tuple[str, ...]] = lambda _backend, _annotations: ()
    query: tuple[tuple[str, str], ...] = ()
    access: Access = PLAIN
    open_requests: Family | None = None
    lists_all: bool = False  # a series is on the page, at 0, as soon as the controller knows the backend
    names_proven: bool = True  # names and labels were seen on a real one; if not, an app is known after its first visit
    unproved: Callable[[SeriesKey], bool] = lambda _key: (
        False
    )  # if not: which names a request for a keeper does not prove
    any_host: bool = True  # requests are counted whether or not an Ingress names their host
    status: str = ""  # the label with the HTTP status, "" if there is none
    not_visits: tuple[Values, ...] = ()  # samples without a visitor behind them
    lasting: Values | None = None  # samples of connections that show only when they end
    answer_timeout: AnswerTimeout = NOT_KNOWN  # how long it waits for an answer: requests are held for less
    blind_to: tuple[str, ...] = ()  # what it does not count, for docs/controllers.md
    serves: Callable[[Arguments, ClassName], bool] | None = None  # by its arguments; None: they do not tell
    tells_all: bool = False  # it has no other configuration, so that whom its arguments do not name it does not serve
    uncounted_ways: Callable[[Arguments, Mapping[str, str]], tuple[str, ...]] | None = (
        None  # by its arguments, likewise
    )
    class_name: str = ""  # of the class that it serves even if there is no such IngressClass
    instead: str = ""  # what to do where it has no pods any more; ends a sentence
    activity: str = ""  # a template of a query that shows activity of the apps behind it, see `traffic.queries`

    @property
    def proof(self) -> str:
        """The metric of which any sample proves that the pod counts requests."""
        return self.requests.metric

    @property
    def wanted(self) -> tuple[str, ...]:
        """The metrics that are read from the page."""
        others = (self.open_requests, self.process)
        reloads = (self.reloads,) if self.reloads else ()
        return (self.requests.metric, *reloads, *(each.metric for each in others if each))

    @property
    def counts_checks(self) -> bool:
        """Whether waker's own ownership checks are counted like visits."""
        return HEADS not in self.not_visits
