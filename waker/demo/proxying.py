"""The API server's proxy to pods and Services, for GET: `/api/v1/namespaces/NAMESPACE/pods/NAME:PORT/proxy/PATH`.

`server` calls it. Where a Service leads is said by `ApiServer.services`. Whoever may use it reaches each port of each pod
without a way into the pods' network.
"""

import re
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from waker.demo.kinds import PODS, Key, field_of
from waker.demo.refusals import ApiRefusal
from waker.demo.verbs import Verbs

PROXIED: Final = re.compile(r"/api/v1/namespaces/([^/]+)/(pods|services)/(?:(https?):)?([^/:]+):(\w+)/proxy(/.*)?")
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


def is_proxied(path: str) -> bool:
    """Whether a path leads to a pod or a Service."""
    return PROXIED.fullmatch(path) is not None


async def answer(verbs: Verbs, services: Mapping[str, str], path: str, query: str) -> web.Response:
    """What the pod or the Service answers. Raises ApiRefusal: 404, and 503 if it cannot be reached."""
    found = PROXIED.fullmatch(path)
    namespace, kind, scheme, name, port, below = found.groups() if found else ("",) * 6
    if kind == "pods":
        host = field_of(verbs.get(PODS, Key(namespace, name)), "status.podIP")
        at = f"{scheme or 'http'}://{host}:{port}"
    else:
        at = services.get(f"{namespace}/{name}:{port}", "")
        if not at:
            raise ApiRefusal(503, "ServiceUnavailable", f'no endpoints available for service "{name}"')
    url = URL(f"{at}{below or '/'}{f'?{query}' if query else ''}", encoded=True)
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.get(url) as response:
            kind = response.headers.get("Content-Type", "text/plain").partition(";")[0]
            return web.Response(status=response.status, body=await response.read(), content_type=kind)
    except (aiohttp.ClientError, OSError) as error:
        raise ApiRefusal(503, "ServiceUnavailable", f"error trying to reach service: {error}") from error
