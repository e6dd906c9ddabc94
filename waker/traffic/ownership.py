"""The ownership check: does a controller pod send a request to one door of waker? It asks that pod itself and wakes nothing.

Called by `observe.following`. The check is a HEAD request with waker's marker and a fresh nonce. Only waker can answer with the
proof for that nonce and that very door; so an old answer, another door's and another waker's prove nothing. Where plain HTTP
is redirected or leads nowhere, the check is sent again over TLS, as its visitors come then. An answer that a controller gives
by itself (a login, a rate limit, no such route) shows nothing of where the route leads. A check that reached an app is in the
app's counters, so callers discount whatever waker did not answer.
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
NO_ROUTE = frozenset({404, 421, 502, 503, 504})  # what they send where they know no way
NO_ANSWER = 0
ASK_OVER_TLS = REDIRECTS | NO_ROUTE | {NO_ANSWER}


class Owner(Enum):
    """Who answered an ownership check."""

    WAKER = "waker, at the door that was asked for"
    OTHER_DOOR = "waker, at another door, or another waker"
    OTHER = "somebody else"
    NO_ROUTE = "the controller, which knows no way, or an app that says the same"
    UNCLEAR = "the controller itself, an app that says the same, or nobody"


class Asked(NamedTuple):
    """Where a controller pod takes requests; `tls` is None if it is not known to take them over TLS."""

    plain: Address
    tls: Address | None = None


class Checked(NamedTuple):
    """Who answered, how many requests somebody else than waker may have counted, and the HTTP status (0: no answer)."""

    owner: Owner
    counted: int = 0
    status: int = 0


class OwnershipChecker:
    """Asks controller pods. `proof` is waker's own answer, for a door and a nonce."""

    def __init__(self, session: aiohttp.ClientSession, proof: Callable[[int, str], str]) -> None:
        self._session = session
        self._proof = proof

    async def check(self, pod: Asked, target: HttpTarget, door: int) -> Checked:
        """Who answers this request at this controller pod: the door, or who else? Never raises for a network error."""
        owner, status = await self._ask("http", pod.plain, target, door)
        if not pod.tls or _is_waker(owner) or status not in ASK_OVER_TLS:
            return Checked(owner, int(not _is_waker(owner)), status)
        over_tls, secure_status = await self._ask("https", pod.tls, target, door)
        if over_tls in (
            Owner.NO_ROUTE,
            Owner.UNCLEAR,
        ):  # perhaps TLS ends elsewhere, and this pod knows no such host there
            return Checked(owner, 2, status)
        return Checked(over_tls, 1 + int(not _is_waker(over_tls)), secure_status)

    async def _ask(self, scheme: str, pod: Address, target: HttpTarget, door: int) -> tuple[Owner, int]:
        """The owner, and the status. The proof makes a certificate unnecessary."""
        nonce = secrets.token_hex(16)
        headers = {
            "Host": target.host,
            names.MARKER: names.MARK_OWNERSHIP_CHECK,
            names.NONCE: nonce,
            "User-Agent": "kubesleeper-waker",
            # A kept connection would still lead to this pod when another one has its address.
            "Connection": "close",
        }
        name = target.host.partition(":")[0] if scheme == "https" else None  # of the server, in TLS
        try:
            async with self._session.head(
                f"{scheme}://{pod.netloc}{target.path}",
                headers=headers,
                allow_redirects=False,
                timeout=TIMEOUT,
                ssl=False,
                server_hostname=name,
            ) as answer:
                return self._owner(answer, self._proof(door, nonce)), answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Owner.UNCLEAR, NO_ANSWER

    def _owner(self, answer: aiohttp.ClientResponse, expected: str) -> Owner:
        proof = answer.headers.get(names.PROOF, "")
        if proof and hmac.compare_digest(proof.encode(), expected.encode()):
            return Owner.WAKER
        if answer.headers.get(names.MARKER, "").startswith(names.MARK_PAGE):
            return Owner.OTHER_DOOR
        if answer.status in NO_ROUTE:
            return Owner.NO_ROUTE
        return Owner.UNCLEAR if answer.status in OWN_ANSWERS else Owner.OTHER


def _is_waker(owner: Owner) -> bool:
    return owner in (Owner.WAKER, Owner.OTHER_DOOR)
