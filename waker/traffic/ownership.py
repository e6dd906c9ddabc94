"""The ownership check: does a controller pod forward a host and path to waker? It asks that pod itself and wakes nothing.

Called by `observe.controller_pods`. The check is a HEAD request with waker's marker, which waker answers at once with its
own, whatever the host. An answer without it came from somebody else. Where a controller answers by itself (redirect to
https, login), the check shows nothing: UNCLEAR, and the caller waits for the controller's known lag instead. A check that
reached an app is in the app's counters; callers discount it.
"""

import asyncio
from collections.abc import Sequence
from enum import Enum

import aiohttp

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import HttpTarget

TIMEOUT = aiohttp.ClientTimeout(total=2, sock_connect=1)
OWN_ANSWERS = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 429})  # statuses that controllers send by themselves


class Owner(Enum):
    """Who answered an ownership check."""

    WAKER = "waker"
    OTHER = "somebody else"
    UNCLEAR = "the controller itself, or nobody"


def keeper_target(namespace: str) -> HttpTarget:
    """A host and path that only a namespace's keeper routes, and that lead to waker."""
    return HttpTarget(names.keeper_host(namespace), "/")


async def check_owner(session: aiohttp.ClientSession, pod: Address, target: HttpTarget) -> Owner:
    """Who answers at this controller pod. Never raises for a network error."""
    headers = {
        "Host": target.host,
        names.MARKER: names.MARK_OWNERSHIP_CHECK,
        "User-Agent": "kubesleeper-waker",
        # A kept connection would still lead to this pod when another one has its address.
        "Connection": "close",
    }
    try:
        async with session.head(
            f"http://{pod.netloc}{target.path}", headers=headers, allow_redirects=False, timeout=TIMEOUT
        ) as answer:
            if answer.headers.get(names.MARKER, "").startswith(names.MARK_PAGE):
                return Owner.WAKER
            return Owner.UNCLEAR if answer.status in OWN_ANSWERS else Owner.OTHER
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return Owner.UNCLEAR


async def check_owners(session: aiohttp.ClientSession, checks: Sequence[tuple[Address, HttpTarget]]) -> list[Owner]:
    """The answers to all checks, in their order. All are sent at the same time."""
    return await asyncio.gather(*(check_owner(session, pod, target) for pod, target in checks))
