"""The words of the plan for what is in the cluster, as far as KubeSleeper looks at it, and for what users want.

Frozen data only. `cluster.manifests` makes the first half from Kubernetes objects, `plan.policy` the second from
annotations and settings. Routes have a room of their own, `plan.routes`; all of it meets in `plan.snapshot`. Times are
aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from waker.plan.notes import NONE, Notes, Unreadable
from waker.plan.pod_requests import NO_REQUESTS, PodRequests
from waker.settings.pauses import FOREVER, Pause, PauseScope

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # of an object that does not say when it was made


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
    """Where an app is between awake and asleep. Derived from the cluster, never stored. Also the reasons of its Events."""

    AWAKE = "Awake"  # routes lead to the app, nothing saved
    FALLING_ASLEEP = "FallingAsleep"  # on the way down: routes first, pods later
    ASLEEP = "Asleep"  # routes lead to waker, no pods
    WAKING = "Waking"  # pods are being started
    RESTORING_ROUTES = "RestoringRoutes"  # pods are ready, the routes go back
    STUCK = "Stuck"  # waits for a person, or for something that should have happened long ago
    NOT_MANAGED = "NotManaged"  # not enabled, or it cannot sleep


class Pin(StrEnum):
    """What a person has said with the annotation `kubesleeper.io/state`."""

    AUTO = "auto"
    AWAKE = "awake"
    ASLEEP = "asleep"


# --- what is in the cluster ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet. `annotations` are those of kubesleeper.io that users write; `notes` are waker's own."""

    id: AppId
    uid: str
    version: str  # metadata.resourceVersion
    replicas: int
    pod_labels: Mapping[str, str]  # of the pod template
    annotations: Mapping[str, str]
    notes: Notes = NONE
    pods_refused: str = ""  # why the API server lets none of its pods be created
    pods_gone: bool = True  # if replicas are 0: Kubernetes has taken away all pods that it will take
    logo: str | Unreadable = ""  # what is known of its picture, which is not kept; "" if it has none
    requests: PodRequests = NO_REQUESTS  # what each of its pods reserves
    loses_claims: bool = False  # at 0 replicas Kubernetes deletes its PersistentVolumeClaims


def label_selector(labels: Mapping[str, str]) -> str:
    """The objects with all of these labels, as a query parameter of the API."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


class ServicePort(NamedTuple):
    """A port of a Service. `name` is "" if it has none; `target` is the pods' port, by number or by name."""

    name: str
    number: int
    target: str | int = ""
    protocol: str = ""  # appProtocol, or what an annotation of its Service says of it


@dataclass(frozen=True, slots=True)
class Service:
    """A Service. An empty selector selects nothing."""

    namespace: str
    name: str
    version: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    protocols: tuple[str, ...] = ()  # those of its ports, where set, and what it says of all of them
    managed: bool = False  # made by KubeSleeper
    made_at: datetime = LONG_AGO
    installation: str = ""  # by which: the namespace of its waker
    external: str = ""  # the name for which an ExternalName stands, in lower case and without a dot at its end
    cluster_ips: tuple[str, ...] = ()

    @property
    def label_selector(self) -> str:
        """Its selector as a query parameter of the API."""
        return label_selector(self.selector)


class IngressClass(NamedTuple):
    """An IngressClass: `controller` says which program serves it, `release_namespace` where Helm has installed that."""

    name: str
    controller: str
    default: bool
    release_namespace: str = ""


class Container(NamedTuple):
    """A container of a pod. `ports`: their names, and their numbers as text."""

    ports: frozenset[str] = frozenset()
    restarts: int = 0
    running: bool = True


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of an ingress controller. `ports` are the named container ports."""

    namespace: str
    name: str
    uid: str
    address: str  # pod IP, "" until it has one, and once all its containers have ended for good
    ready: bool  # Ready and not terminating
    ports: Mapping[str, int]
    containers: tuple[Container, ...] = ()
    terminating: bool = False
    on_node: bool = False  # its node's own address leads to it, whether or not it is ready
    created_at: datetime | None = None
    service_account: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)  # see `traffic.controllers.Arguments`
    ready_after: int | None = None  # how often its containers had restarted when it was last ready; None: it never was

    @property
    def restarts(self) -> int:
        """How often its containers have restarted, together."""
        return sum(each.restarts for each in self.containers)


class Address(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """As it stands in a URL: `10.0.0.7:80`, `[fd00::7]:80`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


# --- what users want ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VisitorPolicy:
    """How visitors are served while the app sleeps. Paths may end in `*`; agents are parts of a User-Agent.

    `page_after`: an app whose wakes typically take less shows browsers no page.
    """

    while_asleep: str = "auto"  # one of settings.configmap.WHILE_ASLEEP
    hold_for: timedelta = timedelta(seconds=30)
    ignore_paths: tuple[str, ...] = ()
    ignore_agents: tuple[str, ...] = ()
    health_check_response: int = 503
    page_after: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PageLook:
    """The app's own face on its waiting page. `settings.page_values` says what is allowed."""

    accent: str = ""  # #rrggbb
    contact: str = ""  # mailto:... or https://...


class Background(NamedTuple):
    """So many requests of an app in a sliding window are nobody's visit."""

    requests: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user wants for one app: its annotations over the ConfigMap's settings."""

    idle_after: timedelta
    wake_timeout: timedelta
    pin: Pin = Pin.AUTO
    title: str = ""
    theme: str = ""  # "" is the built-in page
    look: PageLook = PageLook()
    paused: bool = False  # by the setting that also has waker leave the namespaces of apps
    pause: Pause | None = None  # the longest of its own, its namespace's and everybody's
    visitors: VisitorPolicy = VisitorPolicy()
    min_idle: timedelta | None = None  # as its user said: longer than its longest connection
    background: Background | None = None
    ignore_statuses: tuple[str, ...] = ()  # 404, 4xx: such answers were no visits
    ignore_labels: tuple[str, ...] = ()  # path=/health*: nor were these
    activity_query: str = ""  # shows whether it is in use

    def pause_at(self, now: datetime) -> Pause | None:
        """What is paused at that time; None if nothing keeps the app from being put to sleep."""
        pause = Pause(FOREVER, PauseScope.ALL) if self.paused else self.pause
        return pause if pause and pause.until > now else None
