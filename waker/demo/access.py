"""Access reviews of the embedded API server: whoever asks may do everything but what a test has forbidden.

`server` calls it. Without `forbid` there are no reviews at all, as in a cluster whose authorizer is out of reach (404).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from waker.demo.kinds import Obj
from waker.demo.refusals import bad_request

PREFIX: Final = "/apis/authorization.k8s.io/v1/"
KINDS: Final = {
    f"{PREFIX}selfsubjectaccessreviews": "SelfSubjectAccessReview",
    f"{PREFIX}subjectaccessreviews": "SubjectAccessReview",
}


class ForbiddenAct(NamedTuple):
    """A verb on a resource, as in RBAC: `patch` `deployments`. A subresource is `services/proxy`."""

    verb: str
    resource: str


@dataclass(slots=True)
class ReviewedAccess:
    """What reviews say."""

    answers: bool = False
    _forbidden: set[ForbiddenAct] = field(default_factory=set)

    def forbid(self, *acts: tuple[str, str]) -> None:
        """From now on there are reviews, and these acts are forbidden."""
        self.answers = True
        self._forbidden |= {ForbiddenAct(*each) for each in acts}

    def reviews(self, path: str) -> bool:
        """Whether this path is a review that is answered."""
        return self.answers and path in KINDS

    def reviewed(self, path: str, body: Any) -> Obj:
        """The review with its status. Raises ApiRefusal (400)."""
        attributes = ((body or {}).get("spec") or {}).get("resourceAttributes") if isinstance(body, dict) else None
        if not isinstance(attributes, dict):
            raise bad_request("spec.resourceAttributes: Required value")
        subresource = attributes.get("subresource", "")
        resource = f"{attributes.get('resource', '')}/{subresource}" if subresource else attributes.get("resource", "")
        allowed = ForbiddenAct(attributes.get("verb", ""), resource) not in self._forbidden
        return {"kind": KINDS[path], "apiVersion": "authorization.k8s.io/v1", "status": {"allowed": allowed}}
