"""Who may read about apps at the private port: the pod itself, and those whom the API server lets.

The pod itself is whoever calls from its loopback address, such as `kubectl port-forward`: the API server has let them in
already. Everybody else shows a bearer token, and `process` passes in who asks the API server about it. Each refusal is a
problem of RFC 9457 that names the missing right and repeats nothing of the request. The subtle thing: a proxy beside waker
in its pod, such as a service mesh's, makes all callers look local, so a request that has passed a proxy is not the pod's.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from waker import names
from waker.errors import ClusterError
from waker.plan.access import Credential, Right, Verdict
from waker.plan.model import Kind

log = logging.getLogger(__name__)

RESOURCES: Final = {str(kind): f"{kind.lower()}s" for kind in Kind}  # Deployment -> deployments
FIXED_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}  # of every answer

Review = Callable[[Credential, Right], Awaitable[Verdict]]

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})  # not all of 127/8: Istio's proxy has 127.0.0.6
PROXIED: Final = ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via")
RETRY_AFTER: Final = "5"  # s


async def nobody(_credential: Credential, _right: Right) -> Verdict:
    """A review that lets nobody in."""
    return Verdict.FORBIDDEN


async def refusal(request: web.Request, right: Right, review: Review) -> web.Response | None:
    """Why this caller gets no answer; None if they have the right."""
    return None if is_the_pod_itself(request) else await refusal_of_credential(request, right, review)


async def refusal_of_credential(request: web.Request, right: Right, review: Review) -> web.Response | None:
    """The same, wherever the caller is: for what a page in somebody's browser might ask for."""
    credential = credential_of(request.headers)
    if credential is None:
        return _unauthorized(f"Send the bearer token of somebody who may {right}. `waker status` does it for you.")
    try:
        verdict = await review(credential, right)
    except ClusterError as error:
        log.warning("a caller could not be reviewed", extra={"error": error})
        return problem(503, "Unavailable", "The API server did not say who you are.", {"Retry-After": RETRY_AFTER})
    match verdict:
        case Verdict.ALLOWED:
            return None
        case Verdict.UNKNOWN_CALLER:
            return _unauthorized(f"The API server does not know this token. Somebody is needed who may {right}.")
    return problem(403, "Forbidden", f"You may not {right}.")


def is_the_pod_itself(request: web.Request) -> bool:
    """Whether the request comes from waker's own pod, and from no proxy in it."""
    return request.remote in LOOPBACK and not any(name in request.headers for name in PROXIED)


def credential_of(headers: Mapping[str, str]) -> Credential | None:
    """The token that a caller shows: one made for waker, or one of the API server's own."""
    if token := headers.get(names.TOKEN_HEADER, "").strip():
        return Credential(token, names.AUDIENCE)
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return Credential(token.strip(), "") if scheme.lower() == "bearer" and token.strip() else None


def _unauthorized(detail: str) -> web.Response:
    return problem(401, "Unauthorized", detail, {"WWW-Authenticate": 'Bearer realm="kubesleeper"'})


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer by RFC 9457."""
    text = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}) + "\n"
    return web.Response(
        status=status, text=text, content_type="application/problem+json", headers=FIXED_HEADERS | dict(headers or {})
    )
