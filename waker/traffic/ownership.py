"""The ownership check: does a controller pod send a request to one door of waker? It asks that pod itself and wakes nothing.

Called by `observe.controller_pods`. The check is a HEAD request with waker's marker and a fresh nonce. Only waker can answer
with the proof for that nonce and that very door; so an old answer, another door's and another waker's prove nothing. An
answer without the proof came from somebody else. Where the controller redirects to https, the check is sent again over TLS.
Where it answers by itself (a login, a rate limit), the check shows nothing: UNCLEAR, and the caller waits for the
controller's known lag instead. A check that reached an app is in the app's counters; callers discount it.
"""

import hmac
import secrets
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import aiohttp

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import HttpTarget

TIMEOUT = aiohttp.ClientTimeout(total=2, sock_connect=1)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OWN_ANSWERS = REDIRECTS | frozenset({401, 403, 407, 429})  # statuses that controllers send by themselves

NO_ROUTE = frozenset({404, 421, 503})


class Owner(Enum):
    """Who answered an ownership check."""

    WAKER = "waker, at the door that was asked for"
    OTHER_DOOR = "waker, at another door, or another waker"
    OTHER = "somebody else"
    UNCLEAR = "the controller itself, or nobody"


class Asked(NamedTuple):
    """Where a controller pod takes requests; `tls` is None if it is not known to take them over TLS."""

    plain: Address
    tls: Address | None = None


class OwnershipChecker:
    """Asks controller pods. `proof` is waker's own answer, for a door and a nonce."""

    def __init__(self, session: aiohttp.ClientSession, proof: Callable[[int, str], str]) -> None:
        self._session = session
        self._proof = proof

    async def check(self, pod: Asked, target: HttpTarget, door: int) -> Owner:
        """Who answers this request at this controller pod: the door, or who else? Never raises for a network error.

        Where the controller redirects plain HTTP, the request is sent again over TLS, as its visitors come then.
        """
        nonce = secrets.token_hex(16)
        try:
            owner, status = await self._ask(f"http://{pod.plain.netloc}{target.path}", target.host, door, nonce)
            if status in REDIRECTS and pod.tls:
                owner, status = await self._ask(f"https://{pod.tls.netloc}{target.path}", target.host, door, nonce)
                if status in NO_ROUTE and owner is Owner.OTHER:
                    return Owner.UNCLEAR  # TLS ends elsewhere, and this pod knows no such host there
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Owner.UNCLEAR
        return owner

    async def _ask(self, url: str, host: str, door: int, nonce: str) -> tuple[Owner, int]:
        """The owner, and the status. The proof makes a certificate unnecessary."""
        headers = {
            "Host": host,
            names.MARKER: names.MARK_OWNERSHIP_CHECK,
            names.NONCE: nonce,
            "User-Agent": "kubesleeper-waker",
            # A kept connection would still lead to this pod when another one has its address.
            "Connection": "close",
        }
        async with self._session.head(
            url, headers=headers, allow_redirects=False, timeout=TIMEOUT, ssl=False, server_hostname=_name(url, host)
        ) as answer:
            return self._owner(answer, self._proof(door, nonce)), answer.status

    def _owner(self, answer: aiohttp.ClientResponse, expected: str) -> Owner:
        proof = answer.headers.get(names.PROOF, "")
        if proof and hmac.compare_digest(proof.encode(), expected.encode()):
            return Owner.WAKER
        if answer.headers.get(names.MARKER, "").startswith(names.MARK_PAGE):
            return Owner.OTHER_DOOR
        return Owner.UNCLEAR if answer.status in OWN_ANSWERS else Owner.OTHER


def _name(url: str, host: str) -> str | None:
    """The server name of TLS: of the host that is asked for, without its port."""
    return host.partition(":")[0] if url.startswith("https:") else None
