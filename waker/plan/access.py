"""Who asks for what is known of apps, and which right in the cluster they need for it.

The words that the private port and the API server's reviews share. A caller needs no right of waker's own making: who may
get a workload may read what waker knows of it.
"""

from enum import Enum
from typing import NamedTuple


class Credential(NamedTuple):
    """A bearer token, and whom it was made for: an audience, or "" for the API server itself."""

    token: str
    audience: str


class Right(NamedTuple):
    """A verb on Deployments or StatefulSets (`resource`, in the plural). Without a namespace: in all of them."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.apps in {'its namespace' if self.namespace else 'all namespaces'}"


class Verdict(Enum):
    """What the API server says about a caller."""

    ALLOWED = "allowed"
    UNKNOWN_CALLER = "unknown caller"  # nobody's token, or expired, or made for somebody else
    FORBIDDEN = "forbidden"
