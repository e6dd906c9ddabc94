"""Every name that KubeSleeper shows to the outside world, in one place.

Annotations, labels, object names, headers and Event reasons. Settings, flags and environment variables are named in
`settings`, metrics in `metrics`. Names only: what an annotation may say is parsed in `plan.policy` and `plan.notes`.
"""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "kubesleeper.io"

# Annotations that users write on Deployments and StatefulSets.
ENABLED: Final = f"{DOMAIN}/enabled"
IDLE_AFTER: Final = f"{DOMAIN}/idle-after"
INGRESS: Final = f"{DOMAIN}/ingress"
MIN_IDLE: Final = f"{DOMAIN}/min-idle"
BACKGROUND: Final = f"{DOMAIN}/background"
SERVICE: Final = f"{DOMAIN}/service"
PAUSED: Final = f"{DOMAIN}/paused"
STATE: Final = f"{DOMAIN}/state"
TITLE: Final = f"{DOMAIN}/title"
THEME: Final = f"{DOMAIN}/theme"
ACCENT: Final = f"{DOMAIN}/accent"
CONTACT: Final = f"{DOMAIN}/contact"
LOGO: Final = f"{DOMAIN}/logo"
PAGE_AFTER: Final = f"{DOMAIN}/page-after"
WHILE_ASLEEP: Final = f"{DOMAIN}/while-asleep"
HOLD_FOR: Final = f"{DOMAIN}/hold-for"
IGNORE_AGENTS: Final = f"{DOMAIN}/ignore-agents"
IGNORE_PATHS: Final = f"{DOMAIN}/ignore-paths"
IGNORE_STATUSES: Final = f"{DOMAIN}/ignore-statuses"
IGNORE_LABELS: Final = f"{DOMAIN}/ignore-labels"
ACTIVITY_QUERY: Final = f"{DOMAIN}/activity-query"
HEALTH_CHECK_RESPONSE: Final = f"{DOMAIN}/health-check-response"

OF_USERS: Final = frozenset({
    ENABLED, IDLE_AFTER, INGRESS, MIN_IDLE, BACKGROUND, SERVICE, PAUSED, STATE, TITLE, THEME, ACCENT, CONTACT, LOGO,
    PAGE_AFTER, WHILE_ASLEEP, HOLD_FOR, IGNORE_AGENTS, IGNORE_PATHS, IGNORE_STATUSES, IGNORE_LABELS, ACTIVITY_QUERY,
    HEALTH_CHECK_RESPONSE,
})  # fmt: skip

# Annotations that KubeSleeper writes on workloads.
SAVED_REPLICAS: Final = f"{DOMAIN}/saved-replicas"  # what spec.replicas was before the sleep
ASLEEP_SINCE: Final = f"{DOMAIN}/asleep-since"  # RFC 3339; when its replicas became 0
WAKE_REQUESTED_AT: Final = f"{DOMAIN}/wake-requested-at"  # RFC 3339; somebody asked for this app
AWAKE_SINCE: Final = f"{DOMAIN}/awake-since"  # RFC 3339; end of the last wake, where the idle clock starts
TYPICAL_WAKE: Final = f"{DOMAIN}/typical-wake"  # a duration; how long wakes take, for the page
SCALED_UP_AT: Final = f"{DOMAIN}/scaled-up-at"  # RFC 3339; waker has set its replicas back, and the wake is not over
TURNED_BACK: Final = f"{DOMAIN}/turned-back"  # tries of its sleep in vain; see plan.turned_back
STOPPED_AT: Final = f"{DOMAIN}/stopped-at"  # RFC 3339; somebody has scaled it to 0 during a wake
SLEEP_REQUESTED_AT: Final = (
    f"{DOMAIN}/sleep-requested-at"  # RFC 3339; an operator asked it to sleep until the next visitor
)

# Annotation that KubeSleeper writes on Ingresses.
SAVED_BACKENDS: Final = f"{DOMAIN}/saved-backends"  # JSON; see plan.originals

# Objects that KubeSleeper owns in the namespaces of apps.
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "kubesleeper"
INSTALLATION: Final = f"{DOMAIN}/installation"  # a label; waker's own namespace
WAKER_SERVICE: Final = "kubesleeper-waker"  # a port for each door
KEEPER: Final = "kubesleeper-keeper"  # followed by -<ingress class>
KEEPER_DOMAIN: Final = "kubesleeper.invalid"  # RFC 2606: never resolves
SLICE_MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
SLICE_SERVICE: Final = "kubernetes.io/service-name"

# In waker's own namespace.
CONFIG_MAP: Final = "kubesleeper"
ACTIVITY: Final = "kubesleeper-activity"  # a ConfigMap; see observe.activity, observe.controller_namespaces
THEMES_MAP: Final = "kubesleeper-themes"
DOORS_MAP: Final = "kubesleeper-doors"  # see plan.doors
LEASE: Final = "kubesleeper-waker"
OWN_SERVICE: Final = "waker"
OWN_DEPLOYMENT: Final = "waker"
OWN_PRIVATE_PORT: Final = "metrics"  # also where replicas ask each other; the wait host's is `http`
READER: Final = "waker-reader"  # a ServiceAccount without rights; see cluster.reviews
AUDIENCE: Final = "kubesleeper"  # of its tokens; the API server does not accept them as its own
FIELD_MANAGER: Final = "kubesleeper-waker"

# How settings call the ingress controllers that are known, see `traffic.controllers`.
ADAPTERS: Final = (
    "ingress-nginx", "traefik", "haproxy-ingress", "haproxytech", "contour", "cilium", "istio", "kong",
    "nginx", "nginx-plus", "skipper",
)  # fmt: skip


class EventReason(StrEnum):
    """The `reason` of each Event. The first seven are the phases of an app: one word for both."""

    AWAKE = "Awake"
    FALLING_ASLEEP = "FallingAsleep"
    ASLEEP = "Asleep"
    WAKING = "Waking"
    RESTORING_ROUTES = "RestoringRoutes"
    STUCK = "Stuck"
    NOT_MANAGED = "NotManaged"
    CANNOT_SLEEP = "CannotSleep"
    TRAFFIC_UNKNOWN = "TrafficUnknown"
    NO_WAIT_HOST = "NoWaitHost"
    CANNOT_START = "CannotStart"
    GUESSED_REPLICAS = "GuessedReplicas"
    OTHERS_ANSWER = "OthersAnswer"
    UNKNOWN_THEME = "UnknownTheme"
    UNKNOWN_ANNOTATION = "UnknownAnnotation"
    BAD_SETTING = "BadSetting"
    IGNORED_PODS = "IgnoredPods"
    CONTROLLER_UNREAD = "ControllerUnread"
    NO_DOOR = "NoDoor"
    WRITE_FAILED = "WriteFailed"
    INTERNAL_ERROR = "InternalError"


# HTTP. The marker is on each answer that is waker's own; a request that carries it never wakes anything.
MARKER: Final = "X-Kubesleeper"
MARK_OWNERSHIP_CHECK: Final = "ownership-check"  # request: asked by waker itself; is it waker who answers?
NONCE: Final = "X-Kubesleeper-Nonce"  # request: of an ownership check; never seen before
PROOF: Final = "X-Kubesleeper-Proof"  # answer: that waker answers at this very door, for this very nonce
MARK_POLL: Final = "poll"  # request: asked by the waiting page
MARK_PAGE: Final = "waiting"  # answer: waker's own
# Request to the private port: a token that is made for waker. The API server's proxy removes Authorization.
TOKEN_HEADER: Final = "X-Kubesleeper-Token"  # noqa: S105 a name
PSEUDONYM: Final = "kubesleeper-waker"  # in Via, see RFC 9110, section 7.6.3
PAGE_PROTOCOL: Final = "kubesleeper.page"  # subprotocol of the waiting page's own WebSocket; no app's
