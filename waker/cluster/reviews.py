"""What the API server says about a caller of waker's own: whose token is this, and may they read this workload?

A TokenReview, then a SubjectAccessReview. A verdict is believed for ten seconds, so a right that is taken away ends that
late. Tokens are not kept, only digests of them. `process` passes `verdict` to the private port. The subtle thing is the
reader, a ServiceAccount without any right: its tokens, made for waker's audience, prove that the API server let somebody
create them. That is how `waker status` comes in, whatever credentials its user has (docs/decisions.md).
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import ACCESS_REVIEWS, TOKEN_REVIEWS, Resource
from waker.errors import Unavailable
from waker.plan.access import Credential, Right, Verdict

BELIEVED_FOR: Final = 10.0  # s
MAX_REMEMBERED: Final = 256  # verdicts
MAX_AT_ONCE: Final = 8  # callers that are being reviewed; nobody may flood the API server through waker

READING: Final = ("get", "list")  # the verbs that the reader is let, and no others

User = dict[str, Any]  # as a TokenReview gives it: username, uid, groups, extra


async def may_serve_ingresses(api: Api, namespace: str, account: str) -> bool:
    """Whether a ServiceAccount may list the Ingresses of all namespaces. Raises ClusterError if the API server does not say."""
    everybody = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    attributes = {"verb": "list", "group": "networking.k8s.io", "version": "v1", "resource": "ingresses"}
    user = f"system:serviceaccount:{namespace}:{account}"
    spec = {"user": user, "groups": everybody, "resourceAttributes": attributes}
    body = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind, "spec": spec}
    status = (await api.create(ACCESS_REVIEWS.everywhere(), body)).get("status")
    return isinstance(status, dict) and status.get("allowed") is True and not status.get("denied")


class Reviews:
    """Asks, and remembers for a moment. `namespace` is waker's own."""

    def __init__(self, api: Api, namespace: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._reader = f"system:serviceaccount:{namespace}:{names.READER}"
        self._clock = clock
        self._verdicts: OrderedDict[tuple[bytes, Right], tuple[Verdict, float]] = OrderedDict()  # and when it expires
        self._under_review = 0

    async def verdict(self, credential: Credential, right: Right) -> Verdict:
        """Whether the caller has the right. Raises ClusterError if the API server does not say."""
        key = hashlib.sha256(repr(credential).encode()).digest(), right
        known = self._verdicts.get(key)
        asked_at = self._clock()
        if known and asked_at < known[1]:
            return known[0]
        if self._under_review >= MAX_AT_ONCE:
            raise Unavailable("too many callers are being reviewed")
        self._under_review += 1
        try:
            verdict = await self._review(credential, right)
        finally:
            self._under_review -= 1
        self._verdicts[key] = verdict, asked_at + BELIEVED_FOR
        self._verdicts.move_to_end(key)
        while len(self._verdicts) > MAX_REMEMBERED:
            self._verdicts.popitem(last=False)
        return verdict

    async def _review(self, credential: Credential, right: Right) -> Verdict:
        user = await self._user(credential)
        if user is None:
            return Verdict.UNKNOWN_CALLER
        if credential.audience == names.AUDIENCE and user["username"] == self._reader and right.verb in READING:
            return Verdict.ALLOWED
        return Verdict.ALLOWED if await self._has(user, right) else Verdict.FORBIDDEN

    async def _user(self, credential: Credential) -> User | None:
        audiences = [credential.audience] if credential.audience else []
        spec = {"token": credential.token} | ({"audiences": audiences} if audiences else {})
        status = await self._ask(TOKEN_REVIEWS, spec)
        user = status.get("user")
        if status.get("authenticated") is not True or not isinstance(user, dict) or not user.get("username"):
            return None
        # An authenticator that knows nothing of audiences names none: then the token may be anybody's.
        return user if set(audiences) <= set(status.get("audiences") or []) else None

    async def _has(self, user: User, right: Right) -> bool:
        attributes = {"verb": right.verb, "group": "apps", "version": "v1", "resource": right.resource}
        attributes |= {"namespace": right.namespace, "name": right.name} if right.namespace else {}
        who = {"user": user["username"]} | {key: user[key] for key in ("uid", "groups", "extra") if user.get(key)}
        status = await self._ask(ACCESS_REVIEWS, who | {"resourceAttributes": attributes})
        return status.get("allowed") is True and not status.get("denied")

    async def _ask(self, resource: Resource, spec: dict[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
        status = (await self._api.create(resource.everywhere(), body)).get("status")
        return status if isinstance(status, dict) else {}
