"""What `waker explain -o json` prints: the shape, field by field. docs/explain.md repeats it for users.

Stable: fields are added, never renamed, and never change their type. All times are RFC 3339 in UTC, durations as in
settings (`1h30m`); null is "not known" or "there is none". Plain dicts, for they come over HTTP from the running service.
"""

from typing import TypedDict


class ExplainedApp(TypedDict):
    """Which workload."""

    kind: str
    namespace: str
    name: str


class Reason(TypedDict):
    """One thing that keeps the app awake or forbids its sleep. `kind` is one word of `reasons.KINDS`.

    `fix`: what to do, a command or a sentence; "" if it passes by itself.
    """

    kind: str
    text: str
    fix: str


class Setting(TypedDict):
    """A value in effect, and where it comes from: `annotation`, `ConfigMap` or `default`."""

    name: str
    value: str
    source: str


class ServiceFacts(TypedDict):
    """A Service through which routes reach the pods. `ports` as `http 80 -> 8080`."""

    name: str
    ports: list[str]


class RouteFacts(TypedDict):
    """One way in. `leadsTo` is `app` or `waker`; `title` is how people call the controller, "" if waker cannot read it."""

    ingress: str
    host: str
    path: str
    pathType: str
    ingressClass: str
    controller: str
    title: str
    backend: str
    leadsTo: str
    since: str | None


class PodFacts(TypedDict):
    """A pod of an ingress controller. `problem` is "" if its last page was good; `bytes` is the size of that page.

    `state`: one of `traffic.pod_states`. `namesProved`: it is known to count under the names
    that waker builds: it has counted a request of waker's own there, or lists the app at 0.
    """

    controller: str
    pod: str
    ready: bool
    readAt: str | None
    bytes: int
    problem: str
    state: str
    namesProved: bool


class Value(TypedDict):
    """What a pod's last page says. `requests` is null if the series is not on it; `open`: requests are open right now."""

    pod: str
    requests: float | None
    open: bool


class Spelling(TypedDict):
    """One way in which its controller writes the app's name, as far as a page has it: the labels, and the sum of all pods."""

    labels: dict[str, str]
    requests: float


class SeriesFacts(TypedDict):
    """What the app is counted under. Series that differ in other labels only are summed up, and so are all `spellings`."""

    controller: str
    metric: str
    labels: dict[str, str]
    values: list[Value]
    spellings: list[Spelling]


class Sign(TypedDict):
    """A sign of life."""

    at: str
    what: str


class Unknown(TypedDict):
    """An annotation of its workload that waker does not know: a sentence, and what to do."""

    text: str
    fix: str


class Explained(TypedDict):
    """One app. `against` is empty if it may sleep; `activity` has the newest sign first.

    `fromService`: the running service answered; else the facts were worked out without it, and nothing is known of visits.
    `code`: of the plan, one of `plan.codes`.
    `sleepsAt`: the idle period after the newest sign ends then; null if visits are not known.
    """

    app: ExplainedApp
    at: str
    answer: str
    fromService: bool
    enabled: bool
    phase: str
    code: str
    reason: str
    replicas: int
    saved: int | None
    against: list[Reason]
    settings: list[Setting]
    services: list[ServiceFacts]
    routes: list[RouteFacts]
    pods: list[PodFacts]
    series: list[SeriesFacts]
    activity: list[Sign]
    sleepsAt: str | None
    notes: list[str]
    unknownAnnotations: list[Unknown]
