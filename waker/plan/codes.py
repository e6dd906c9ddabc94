"""The code of a plan: one word for what is done with an app, or for what stands in the way.

Stable, as alerts and scripts go by them: sentences are for people and may change, codes are only added. In the CamelCase of
Kubernetes' own reasons. The table in the docs is generated from here.
"""

from enum import StrEnum


class Code(StrEnum):
    """`meaning` completes "The app ...", for the docs."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Code":
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    # Nothing to do.
    IN_USE = "InUse", "was visited within its idle period"
    PINNED_AWAKE = "PinnedAwake", "is to stay awake: `kubesleeper.io/state: awake`"
    PAUSED = "Paused", "is left as it is: KubeSleeper, its namespace or it itself is paused"
    NOT_ENABLED = "NotEnabled", "is not managed"
    SCALED_TO_ZERO = "ScaledToZero", "was scaled to 0 by its owner"
    ASLEEP = "Asleep", "is asleep until somebody comes"
    PINNED_ASLEEP = "PinnedAsleep", "is to sleep, whoever comes: `kubesleeper.io/state: asleep`"

    # It stays awake, and its user may want to know why.
    CANNOT_SLEEP = "CannotSleep", "has an annotation or routes with which it cannot sleep"
    TRAFFIC_UNKNOWN = "TrafficUnknown", "may be visited: some controller pod could not be read"
    NOT_OBSERVED = "NotObserved", "has not been observed yet"
    SCRAPES_BEHIND = (
        "ScrapesBehind",
        "is idle as far as known; its controllers have yet to be read for the last moments",
    )
    WAKER_UNREACHABLE = "WakerUnreachable", "should sleep, but its ingress controllers do not reach waker"
    REPLICA_SILENT = (
        "ReplicaSilent",
        "should sleep, but a replica of waker does not say whether it carries requests to it",
    )
    SLEEP_PUT_OFF = (
        "SleepPutOff",
        "has turned back on its way down twice or more though nobody came, and is tried again some hours later",
    )
    WRITE_REFUSED = "WriteRefused", "should sleep, but the API server refuses a write that this needs"

    # On the way down.
    IDLE = "Idle", "was not visited for its idle period"
    SLEEP_REQUESTED = "SleepRequested", "was asked to sleep: `waker sleep`"
    MOVING_ROUTES = "MovingRoutes", "falls asleep: its routes are pointed at waker"
    AWAITING_CONTROLLERS = "AwaitingControllers", "falls asleep when every ingress controller pod follows its routes"
    LETTING_REQUESTS_END = "LettingRequestsEnd", "falls asleep when the requests that are under way have ended"
    KEEPING_PODS = "KeepingPods", "keeps its pods a while, as its controller may have lost the count of a last visit"
    READING_ONCE_MORE = "ReadingOnceMore", "falls asleep when its controllers have been read once more"
    SCALING_DOWN = "ScalingDown", "falls asleep: its replicas are set to 0"
    TURNING_BACK = "TurningBack", "was on its way down, and turns back"
    CONTROLLERS_DO_NOT_FOLLOW = (
        "ControllersDoNotFollow",
        "is pinned asleep, but some controller pod does not follow its routes",
    )
    OTHER_REPLICA = "OtherReplica", "is put to sleep by the replica of waker that holds the Lease"

    # On the way up.
    PODS_LEAVING = "PodsLeaving", "wakes when its pods of before are gone"
    SCALING_UP = "ScalingUp", "wakes: its replicas are set to what they were"
    WAKING = "Waking", "is on its way up"
    AWAITING_PODS = "AwaitingPods", "wakes when its pods are ready"
    NOT_READY_IN_TIME = "NotReadyInTime", "has not become ready within `wake-timeout`"
    RETURNING_ROUTES = "ReturningRoutes", "is ready: its routes are given back"
    ENDING_WAKE = "EndingWake", "is awake: waker's notes on it are removed"

    # Somebody else has changed it.
    ROUTE_ADDED = "RouteAdded", "has a new route, which is pointed at waker"
    ROUTE_CHANGED = "RouteChanged", "has a route that its owner has changed, and that is the owner's again"
    ROUTE_POINTED_BACK = "RoutePointedBack", "sleeps, and somebody has pointed a route of it back"
    ROUTE_KEPT_BACK = "RouteKeptBack", "cannot sleep: somebody keeps pointing a route of it back"
    ROUTE_ASTRAY = "RouteAstray", "has a route that leads to another door of waker than its own"
    SCALED_UP = "ScaledUp", "was scaled up by somebody else while it slept, which counts as a wake"
    WAKE_STOPPED = "WakeStopped", "was scaled to 0 by somebody while it woke, and stays so for `wake-timeout`"
    REPLICAS_LOST = "ReplicasLost", "is at 0 replicas, and how many it had is lost"
    REPLICAS_GUESSED = (
        "ReplicasGuessed",
        "wakes; how many replicas it had is lost, so its autoscaler's minimum or 1 has to do",
    )
