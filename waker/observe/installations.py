"""Two wakers in one cluster: each leaves alone what the other manages, namespace by namespace.

Pure. waker's Service in a namespace of apps says whose it is; `cluster` asks for each namespace.
"""

from waker import names
from waker.plan.model import Service


def other_installation(service: Service | None, own_namespace: str) -> str:
    """The namespace of the other waker to which this Service belongs; "" if it is waker's own, or nobody's."""
    if service is None or service.name != names.WAKER_SERVICE or not service.managed:
        return ""
    return "" if service.installation == own_namespace else service.installation


def left_to(other: str) -> str:
    """Why this waker does nothing in a namespace: a sentence."""
    return (
        f"the KubeSleeper in namespace {other} manages the apps of this namespace, so this one leaves them alone; "
        f"if that one is gone, delete the Service {names.WAKER_SERVICE} here"
    )
