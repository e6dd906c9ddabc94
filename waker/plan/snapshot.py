"""All that is known of one app at one moment: what `decide` looks at, and nothing else.

Frozen data. `observe.app.snapshot` is the one place where it is put together.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from waker.plan.model import Policy, Workload
from waker.plan.routes.route import Route, RouteId


@dataclass(frozen=True, slots=True)
class Traffic:
    """When the app was last visited, as far as is known. `unknown` says why it cannot be known now, "" if it is.

    `uncounted`: however long its controllers are read, as they do not count all of its visits.
    """

    visited_at: datetime | None = None
    unknown: str = ""
    lasting: bool = False  # has been visited over connections that are not seen while they last
    lost: bool = field(default=False, compare=False)  # at `visited_at` nobody was seen: visits may have been lost
    uncounted: bool = False


@dataclass(frozen=True, slots=True)
class Certainty:
    """How well an app's traffic is known.

    `until`: visits that ended before it have been read at every controller pod; None: up to now. `doubted_at`: visits just
    before it may have gone uncounted. `loses_counts`: so may visits just before any move of its routes. `ignored_at`: the
    same as `doubted_at`, where the user ignores it: no idle period begins again, and pods stay a while all the same.
    """

    until: datetime | None = None
    doubted_at: datetime | None = None
    loses_counts: bool = False
    ignored_at: datetime | None = None


class Refusal(NamedTuple):
    """The API server does not take what waker wants of an app: its words, when that was, and when it is worth another try."""

    why: str
    at: datetime
    again_at: datetime


class Fact(Enum):
    """A fact of a snapshot that costs questions, so that it is gathered only for a plan that needs it."""

    REACHABLE = "unreachable"  # does every controller pod reach waker at this app's doors?
    FOLLOWED = "followed_since"  # does every controller pod send the swapped routes there?
    FORWARDING = "forwarding"  # how many requests do all replicas of waker forward to it?
    READ = "traffic"  # what have its controllers counted up to this moment?
    CARRIED = "carried_at"  # when has any replica of waker carried a request to it?
    UNSERVED = "unserved"  # behind which of its routes does no pod listen?
    LEAST_REPLICAS = "least_replicas"  # how many pods does it have at least, by its HorizontalPodAutoscaler?


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One app. What cannot be known is given as a reason, never as a default."""

    workload: Workload
    policy: Policy | None  # None: not enabled
    routes: tuple[Route, ...]
    traffic: Traffic
    problems: tuple[str, ...] = ()  # sentences: why this app cannot sleep
    orphans: tuple[RouteId, ...] = ()  # saved entries whose route is gone or was given another backend by its owner
    arrived_at: datetime | None = None  # a request arrived at waker; not yet written down
    leader: bool = False  # holds the Lease
    unreachable: str = ""  # why waker cannot be reached through this app's controllers yet, "" if it can
    followed_since: datetime | None = None  # since when every controller pod sends the swapped routes to waker
    forwarding: int = 0  # requests that this replica is forwarding to the app now; all replicas, if that was gathered
    ready: bool = False  # a ready endpoint behind every routed Service port that had one before the sleep
    probed_ready: bool = False  # a pod passes its own readiness probes, and Kubernetes has not said so yet
    certainty: Certainty = Certainty()
    refusal: Refusal | None = None
    start_failure: str = ""  # what keeps its pods from starting, as far as anybody looks; for its operators
    ready_routes: frozenset[RouteId] = frozenset()  # those with a ready endpoint behind them
    unserved: frozenset[RouteId] = frozenset()  # those behind which no pod listens
    unforeseen: tuple[str, ...] = ()  # sentences, known with `unserved`: ways to its pods that only these show
    strangers: tuple[str, ...] = ()  # hosts of others' pods behind its routes, as far as anybody looks
    least_replicas: int = 1  # of its HorizontalPodAutoscaler; 1 without one
    passes_on: bool = False  # by its last plan waker may pass requests on to its pods
    unfollowed: str = ""  # what showed that some controller pod does not follow, a sentence; "" if nothing did
    carried_at: datetime | None = None  # this replica last carried a request to it; any replica, if gathered
    silent_replica: str = ""  # a replica of waker that does not say whether it carries any; "" if all do
    gathered: frozenset[Fact] = frozenset()  # which of these facts are known
