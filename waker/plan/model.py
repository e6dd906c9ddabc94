"""The words of the plan: what is in the cluster, as far as KubeSleeper looks at it, and what is known about one app.

Frozen data only. `cluster.manifests` makes the first half from Kubernetes objects, `sight` puts a Snapshot together, which
`decide` turns into a Plan (see `actions`). All times are aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds of workload that can sleep."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"


class AppId(NamedTuple):
    """Which app. One workload is one app."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Phase(StrEnum):
    """Where an app is between awake and asleep. Derived from the cluster, never stored."""

    AWAKE = "Awake"  # routes lead to the app, nothing saved
    FALLING_ASLEEP = "FallingAsleep"  # on the way down: routes first, pods later
    ASLEEP = "Asleep"  # routes lead to waker, no pods
    WAKING = "Waking"  # pods are being started
    RESTORING_ROUTES = "RestoringRoutes"  # pods are ready, the routes go back
    STUCK = "Stuck"  # waits for a person, or for something that should have happened long ago
    NOT_MANAGED = "NotManaged"  # not ours: no annotation, or one with a problem


class Pin(StrEnum):
    """What a person has said with the annotation `kubesleeper.io/state`."""

    AUTO = "auto"
    AWAKE = "awake"
    ASLEEP = "asleep"


# --- what is in the cluster ---------------------------------------------------------------------------------------


class Backend(NamedTuple):
    """Where a route leads: a Service and one of its ports, by name or by number, as the user wrote it."""

    service: str
    port: str | int


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet. `annotations` holds only those of kubesleeper.io."""

    id: AppId
    uid: str
    version: str  # metadata.resourceVersion
    replicas: int
    pod_labels: Mapping[str, str]  # of the pod template
    annotations: Mapping[str, str]
    pods_refused: str = ""  # why the API server lets none of its pods be made
    pods_gone: bool = True  # if replicas are 0: Kubernetes has taken its pods away, all that it will take


class ServicePort(NamedTuple):
    """A port of a Service. `name` is "" if it has none; `target` is the pods' port, by number or by name."""

    name: str
    number: int
    target: str | int = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service. An empty selector selects nothing."""

    namespace: str
    name: str
    version: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    external: bool = False  # type ExternalName
    protocols: tuple[str, ...] = ()  # appProtocol of its ports, where set
    managed: bool = False  # made by KubeSleeper


class RouteId(NamedTuple):
    """One path entry of an Ingress. The default backend has no host, no path and path_type ""."""

    namespace: str
    ingress: str
    host: str
    path: str
    path_type: str

    def __str__(self) -> str:
        where = f"{self.host or '*'}{self.path or '/'}" if self.path_type else "default backend"
        return f"{self.ingress}: {where}"


class IngressPath(NamedTuple):
    """A path entry as it stands in an Ingress. `pointer` is the JSON pointer of its backend; None: it is no Service."""

    id: RouteId
    pointer: str
    backend: Backend | None


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress. `annotations` without kubectl's last-applied-configuration."""

    namespace: str
    name: str
    uid: str
    version: str
    class_name: str  # spec.ingressClassName, the old annotation, or "" for the default class
    annotations: Mapping[str, str]
    paths: tuple[IngressPath, ...]
    managed: bool = False  # made by KubeSleeper


class IngressClass(NamedTuple):
    """An IngressClass: `controller` says which program follows it."""

    name: str
    controller: str
    default: bool


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of an ingress controller. `ports` are the named container ports."""

    namespace: str
    name: str
    uid: str
    address: str  # pod IP, "" until it has one
    ready: bool  # Ready and not terminating
    ports: Mapping[str, int]
    restarts: int = 0  # of all its containers


class Address(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """As it stands in a URL: `10.0.0.7:80`, `[fd00::7]:80`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


# --- what is known about one app ----------------------------------------------------------------------------------


class Holder(Enum):
    """Whom a route leads to now."""

    APP = "theirs"
    WAKER = "ours"


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an app. `backend` is the user's own, also while the route leads to waker."""

    id: RouteId
    pointer: str
    backend: Backend
    holder: Holder
    controller: str  # what its class's controller goes by, see `traffic.controllers.fitting`; "" if unknown
    swaps: int = 0  # how often it was pointed at waker in this sleep
    swapped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """When the app was last visited, as far as is known. `unknown` says why it cannot be known now, "" if it is."""

    visited_at: datetime | None = None
    unknown: str = ""
    lasting: bool = False  # has been visited over connections that are not seen while they last


@dataclass(frozen=True, slots=True)
class VisitorPolicy:
    """How visitors are received while the app is not there. Paths may end in `*`; agents are parts of a User-Agent."""

    while_asleep: str = "auto"  # one of settings.AUDIENCES
    hold_for: timedelta = timedelta(seconds=30)
    ignore_paths: tuple[str, ...] = ()
    ignore_agents: tuple[str, ...] = ()
    health_check_response: int = 503


@dataclass(frozen=True, slots=True)
class Certainty:
    """How well an app's traffic is known.

    `until`: visits that ended before it have been read at every controller pod; None: up to now. `doubted_at`: visits just
    before it may have gone uncounted. `forgetful`: so may visits just before any move of its routes.
    """

    until: datetime | None = None
    doubted_at: datetime | None = None
    loses_counts: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user wants for one app: annotations over the ConfigMap's settings."""

    idle_after: timedelta
    wake_timeout: timedelta
    pin: Pin = Pin.AUTO
    title: str = ""
    theme: str = ""  # "" is the page as it comes
    paused: bool = False
    visitors: VisitorPolicy = VisitorPolicy()
    min_idle: timedelta | None = None  # as its user said: longer than its longest connection


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that `decide` looks at. What cannot be known is told as a reason, never as a default."""

    workload: Workload
    policy: Policy | None  # None: not enabled
    routes: tuple[Route, ...]
    traffic: Traffic
    problems: tuple[str, ...] = ()  # sentences: why this app cannot sleep
    orphans: tuple[RouteId, ...] = ()  # saved entries whose route is gone or was given another backend by its owner
    knocked_at: datetime | None = None  # a request arrived at waker; not yet written down
    leader: bool = False  # holds the Lease
    unreachable: str = ""  # why waker cannot be reached through this app's controllers yet, "" if it can
    followed_since: datetime | None = None  # since when every controller pod sends the swapped routes to waker
    passing: int = 0  # requests that waker is passing on to the app at this moment
    ready: bool = False  # a ready endpoint behind every routed Service port
    probed_ready: bool = False  # a pod passes its own readiness probes, and Kubernetes has not said so yet
    certainty: Certainty = Certainty()
    start_failure: str = ""  # what keeps its pods from starting, as far as anybody looks; for its operators
