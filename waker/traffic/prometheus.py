"""Visits from Prometheus: one query for all pods of a controller, instead of one scrape of each pod.

Called by `rounds` through the dependencies. The answer is read slice by slice, and the event loop has a turn after each.
Whatever goes wrong is a ScrapeError whose text ends a sentence about a pod: about every pod when Prometheus itself fails.
"""

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
from yarl import URL

from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.targets import PrometheusSample, ScrapesByTarget, query_for
from waker.traffic.vector import Vector, refused

T = TypeVar("T")
Answer = aiohttp.ClientResponse

SLICE: Final = 64 * 1024  # about 1 ms of parsing
TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=3)
LATEST: Final = "20s"  # then Prometheus gives up, before waker does
SHORT: Final = aiohttp.ClientTimeout(total=5, sock_connect=3)  # a query for one app
SOON: Final = "4s"
MOST_NUMBERS: Final = 1000
ERROR: Final = 4096  # bytes that are read of an error's text
UNREAD: Final = "cannot be read from Prometheus"


class Prometheus:
    """Asks Prometheus. The token is read again for each query, as it may have been renewed.

    Flags name both files, not the ConfigMap: whoever may write that must not be able to send any file anywhere.
    """

    def __init__(self, session: aiohttp.ClientSession, token_file: str = "", ca_file: str = "") -> None:
        self._session = session
        self._token_file = token_file
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    async def read(
        self, url: str, adapter: Adapter, pods: Sequence[Pod], keys: frozenset[SeriesKey]
    ) -> Mapping[str, PrometheusSample]:
        """Its samples of these pods, by uid, without the pods that it does not know. Raises ScrapeError."""

        async def read(answer: aiohttp.ClientResponse) -> Mapping[str, PrometheusSample]:
            return await _read_answer(answer.content, ScrapesByTarget(adapter, keys), pods)

        return await self._ask(url, {"query": query_for(adapter), "timeout": LATEST}, TIMEOUT, read)

    async def number(self, url: str, query: str) -> float | None:
        """The highest value that it answers, None for no data. Raises ScrapeError."""
        return await self._ask(url, {"query": query, "timeout": SOON}, SHORT, _read_number)

    async def _ask(
        self,
        url: str,
        question: Mapping[str, str],
        limit: aiohttp.ClientTimeout,
        read: Callable[[Answer], Awaitable[T]],
    ) -> T:
        headers, trust = self._headers(), self._context()
        try:
            at = URL(f"{url}/api/v1/query").with_query(question)
            async with self._session.get(
                at, headers=headers, timeout=limit, allow_redirects=False, ssl=trust
            ) as answer:
                if answer.status >= 300:
                    raise await _refusal(answer)
                return await read(answer)
        except TimeoutError as error:
            raise ScrapeError(f"{UNREAD}, which did not answer in time") from error
        except aiohttp.ClientConnectorError as error:
            where = f"{at.host}:{at.port}"
            raise ScrapeError(f"{UNREAD}, which cannot be reached at {where}; check prometheus-url") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: not every URL can be used
            what = type(error).__name__
            raise ScrapeError(f"{UNREAD}, which gave no complete answer ({what}); check prometheus-url") from error
        except ScrapeError as error:
            raise ScrapeError(f"{UNREAD}, which {error}") from error

    def _headers(self) -> dict[str, str]:
        """They ask for no compression: a chunk would unpack at once and block the event loop. Raises ScrapeError."""
        plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if not self._token_file:
            return plain
        try:
            token = Path(self._token_file).read_text(errors="replace").strip()
        except OSError as error:
            raise ScrapeError(
                f"{UNREAD}: waker cannot read {self._token_file} ({error.strerror}); check --prometheus-token-file"
            ) from error
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ScrapeError(f"{UNREAD}: {self._token_file} holds no token; check --prometheus-token-file")
        return plain | {"Authorization": f"Bearer {token}"}

    def _context(self) -> ssl.SSLContext | bool:
        """The CAs to trust: True for the system's. Raises ScrapeError."""
        if not self._ca_file:
            return True
        try:
            self._tls = self._tls or ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:  # SSLError is one
            raise ScrapeError(
                f"{UNREAD}: waker cannot use {self._ca_file} ({error.strerror}); check --prometheus-ca-file"
            ) from error
        return self._tls


async def _read_answer(
    content: aiohttp.StreamReader, by_target: ScrapesByTarget, pods: Sequence[Pod]
) -> Mapping[str, PrometheusSample]:
    vector = Vector()
    async for chunk in content.iter_any():
        for at in range(0, len(chunk), SLICE):
            by_target.add(vector.feed(chunk[at : at + SLICE]))
            await asyncio.sleep(0)
    vector.finish()
    return by_target.samples(pods)


async def _read_number(answer: aiohttp.ClientResponse) -> float | None:
    """Anybody's query may have any answer: it is read only as far as a number needs."""
    vector, found = Vector(), None
    count = 0
    async for chunk in answer.content.iter_any():
        for at in range(0, len(chunk), SLICE):
            for each in vector.feed(chunk[at : at + SLICE]):
                count += 1
                if count > MOST_NUMBERS:
                    raise ScrapeError(f"answered with more than {MOST_NUMBERS} series; let the query sum them up")
                if math.isnan(each.value):
                    raise ScrapeError("answered that its activity is not a number (NaN)")
                found = each.value if found is None else max(found, each.value)
            await asyncio.sleep(0)
    vector.finish()
    return found


async def _refusal(answer: aiohttp.ClientResponse) -> ScrapeError:
    reason = refused((await answer.content.read(ERROR)).decode(errors="replace"))
    return ScrapeError(f"answered with HTTP {answer.status} and {reason}")
