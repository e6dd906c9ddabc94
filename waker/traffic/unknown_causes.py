"""Why an app's visits cannot be known, in one word: for a metric. The sentences are where each is found out."""

from enum import StrEnum


class UnknownCause(StrEnum):
    """Also labels of a metric: causes are added, never renamed."""

    STARTING = "starting"  # waker has only begun to watch it
    NO_ADAPTER = "no_adapter"  # its route names no controller, or one that waker does not know
    NO_PODS = "no_pods"  # no pod of its controller is found
    POD_UNREAD = "pod_unread"  # a pod of its controller cannot be read
    NOT_LISTED = "not_listed"  # what was read does not show this app's counter
    QUERY = "query"  # its query has no answer
