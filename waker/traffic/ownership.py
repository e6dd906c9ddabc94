"""The ownership check: does a controller pod send a host and path to waker? Asked of the pod itself; it wakes nothing.

A HEAD request with waker's marker; waker answers it with the marker, at once, whatever the host. Any other answer came from
somebody else. Where a controller answers by itself (redirect to https, login), nothing can be told from it: UNCLEAR, and
the caller falls back on the controller's known lag. A check that reached an app counts in the app's series: callers
discount it.
"""

import asyncio
from collections.abc import Sequence
from enum import Enum

import aiohttp

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import HttpTarget

TIMEOUT = aiohttp.ClientTimeout(total=2, sock_connect=1)
OWN_ANSWERS = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 429})  # that controllers give by themselves


class Owner(Enum):
    """Who answered an ownership check."""

    WAKER = "waker"
    OTHER = "somebody else"
    UNCLEAR = "the controller itself, or nobody"


def keeper_target(namespace: str) -> HttpTarget:
    """A request that only a namespace's keeper takes, and that leads to waker."""
    return HttpTarget(names.keeper_host(namespace), "/")


async def check_owner(session: aiohttp.ClientSession, pod: Address, target: HttpTarget) -> Owner:
    """Who answers at this controller pod? Never raises for what the network does."""
    headers = {"Host": target.host, names.MARKER: names.MARK_OWNERSHIP_CHECK, "User-Agent": "kubesleeper-waker"}
    try:
        async with session.head(
            f"http://{pod.netloc}{target.path}", headers=headers, allow_redirects=False, timeout=TIMEOUT
        ) as answer:
            if answer.headers.get(names.MARKER, "").startswith(names.MARK_PAGE):
                return Owner.WAKER
            return Owner.UNCLEAR if answer.status in OWN_ANSWERS else Owner.OTHER
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return Owner.UNCLEAR


async def check_owners(session: aiohttp.ClientSession, asked: Sequence[tuple[Address, HttpTarget]]) -> list[Owner]:
    """All answers, in order, asked at the same time."""
    return await asyncio.gather(*(check_owner(session, pod, target) for pod, target in asked))
