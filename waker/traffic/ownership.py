"""The ownership check: does a controller pod send a request to one door of waker? It asks that pod itself and wakes nothing.

Called by `observe.controller_pods`. The check is a HEAD request with waker's marker and a fresh nonce. Only waker can answer
with the proof for that nonce and that very door; so an old answer, another door's and another waker's prove nothing. An
answer without the proof came from somebody else. Where a controller answers by itself (redirect to https, login), the check
shows nothing: UNCLEAR, and the caller waits for the controller's known lag instead. A check that reached an app is in the
app's counters; callers discount it.
"""

import hmac
import secrets
from collections.abc import Callable
from enum import Enum

import aiohttp

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import HttpTarget

TIMEOUT = aiohttp.ClientTimeout(total=2, sock_connect=1)
OWN_ANSWERS = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 429})  # statuses that controllers send by themselves


class Owner(Enum):
    """Who answered an ownership check."""

    WAKER = "waker, at the door that was asked for"
    OTHER_DOOR = "waker, at another door, or another waker"
    OTHER = "somebody else"
    UNCLEAR = "the controller itself, or nobody"


class OwnershipChecker:
    """Asks controller pods. `proof` is waker's own answer, for a door and a nonce."""

    def __init__(self, session: aiohttp.ClientSession, proof: Callable[[int, str], str]) -> None:
        self._session = session
        self._proof = proof

    async def check(self, pod: Address, target: HttpTarget, door: int) -> Owner:
        """Who answers this request at this controller pod: the door, or who else? Never raises for a network error."""
        nonce = secrets.token_hex(16)
        headers = {
            "Host": target.host,
            names.MARKER: names.MARK_OWNERSHIP_CHECK,
            names.NONCE: nonce,
            "User-Agent": "kubesleeper-waker",
            # A kept connection would still lead to this pod when another one has its address.
            "Connection": "close",
        }
        try:
            async with self._session.head(
                f"http://{pod.netloc}{target.path}", headers=headers, allow_redirects=False, timeout=TIMEOUT
            ) as answer:
                return self._owner(answer, self._proof(door, nonce))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Owner.UNCLEAR

    def _owner(self, answer: aiohttp.ClientResponse, expected: str) -> Owner:
        proof = answer.headers.get(names.PROOF, "")
        if proof and hmac.compare_digest(proof.encode(), expected.encode()):
            return Owner.WAKER
        if answer.headers.get(names.MARKER, "").startswith(names.MARK_PAGE):
            return Owner.OTHER_DOOR
        return Owner.UNCLEAR if answer.status in OWN_ANSWERS else Owner.OTHER
