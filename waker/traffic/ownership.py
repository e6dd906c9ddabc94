"""The ownership check: does a controller pod send a request to one door of waker? It asks that pod itself and wakes nothing.

Called by `observe.following`. The check is a HEAD request with waker's marker and a fresh nonce. Only waker can answer with the
proof for that nonce and that very door; so an old answer, another door's and another waker's prove nothing. Where plain HTTP
is redirected or leads nowhere, the check is sent again over TLS, as its visitors come then. An answer that a controller may
give by itself shows nothing of where the route leads: that is every one but a success, for besides redirects, logins, limits
and missing routes there are firewalls, client certificates, services that are asked who may come in, and plugins. A check that
reached an app is in the app's counters, so callers discount whatever waker did not answer.
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
NO_ROUTE = frozenset({404, 421, 500, 502, 503, 504})  # what controllers send where they know no way
NO_ANSWER = 0
# 400: it takes TLS alone at this port; 426: Kong's word for it.
ASK_OVER_TLS = frozenset({301, 302, 303, 307, 308, 400, 426, NO_ANSWER}) | NO_ROUTE
SUCCESS = range(200, 300)


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
    status: int = NO_ANSWER


class OwnershipChecker:
    """Asks controller pods. `proof` is waker's own answer, for a door and a nonce."""

    def __init__(self, session: aiohttp.ClientSession, proof: Callable[[int, str], str]) -> None:
        self._session = session
        self._proof = proof

    async def check(self, pod: Asked, target: HttpTarget, door: int) -> Checked:
        """Who answers this request at this controller pod: the door, or who else? Never raises for a network error."""
        plain = await self._ask("http", pod.plain, target, door)
        if not pod.tls or _is_waker(plain.owner) or plain.status not in ASK_OVER_TLS:
            return plain
        over_tls = await self._ask("https", pod.tls, target, door)
        if over_tls.owner is Owner.WAKER:
            return over_tls  # so it was the controller itself that sent the first one here
        counted = plain.counted + over_tls.counted
        if over_tls.owner in (Owner.NO_ROUTE, Owner.UNCLEAR):
            return plain._replace(counted=counted)  # perhaps TLS ends elsewhere, and this pod knows no such host there
        return over_tls._replace(counted=counted)

    async def _ask(self, scheme: str, pod: Address, target: HttpTarget, door: int) -> Checked:
        """One request. The proof makes a certificate unnecessary."""
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
                owner = self._owner(answer, self._proof(door, nonce))
                return Checked(owner, int(not _is_waker(owner)), answer.status)
        except TimeoutError:
            return Checked(Owner.UNCLEAR, 1)  # an app may be slow
        except (aiohttp.ClientError, OSError, ValueError):
            return Checked(Owner.UNCLEAR)  # whoever wants the PROXY protocol, say, has passed nothing on

    def _owner(self, answer: aiohttp.ClientResponse, expected: str) -> Owner:
        proof = answer.headers.get(names.PROOF, "")
        if proof and hmac.compare_digest(proof.encode(), expected.encode()):
            return Owner.WAKER
        if answer.headers.get(names.MARKER, "").startswith(names.MARK_PAGE):
            return Owner.OTHER_DOOR
        if answer.status in NO_ROUTE:
            return Owner.NO_ROUTE
        return Owner.OTHER if answer.status in SUCCESS else Owner.UNCLEAR


def _is_waker(owner: Owner) -> bool:
    return owner in (Owner.WAKER, Owner.OTHER_DOOR)
