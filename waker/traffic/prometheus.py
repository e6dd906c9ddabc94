"""Visits as Prometheus has read them: one query for all pods of a controller, instead of reading each pod's page.

Called by `scrape`. The answer is read slice by slice, with a turn for the event loop after each. Whatever goes wrong is a
ScrapeError whose text ends a sentence about a pod: of all pods when Prometheus itself cannot be asked.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.targets import PrometheusSample, ScrapesByTarget, query_for
from waker.traffic.vector import Vector, refused

SLICE: Final = 64 * 1024  # about 1 ms of parsing
TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=3)
LATEST: Final = "20s"  # Prometheus gives up by itself, before we do
ERROR: Final = 4096  # bytes of a refusal that are looked at


class Prometheus:
    """How to ask it. The token is read anew each time, for it may be renewed; both files are named by flags, not by the
    ConfigMap: who may write that must not be able to have any file sent anywhere."""

    def __init__(self, session: aiohttp.ClientSession, token_file: str = "", ca_file: str = "") -> None:
        self._session = session
        self._token_file = token_file
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    async def read(
        self, url: str, adapter: Adapter, pods: Sequence[Pod], keys: frozenset[SeriesKey]
    ) -> Mapping[str, PrometheusSample]:
        """What it has of these pods, by uid; those it does not know are left out. Raises ScrapeError."""
        try:
            at = URL(f"{url}/api/v1/query").with_query(query=query_for(adapter), timeout=LATEST)
            async with self._session.get(
                at, headers=self._headers(), timeout=TIMEOUT, allow_redirects=False, ssl=self._context()
            ) as answer:
                if answer.status >= 300:
                    raise await _refusal(answer)
                return await _parted(answer.content, ScrapesByTarget(adapter, keys), pods)
        except TimeoutError as error:
            raise ScrapeError("is not known, for Prometheus did not answer in time") from error
        except aiohttp.ClientConnectorError as error:
            raise ScrapeError(f"is not known, for Prometheus cannot be reached at {at.host}:{at.port}") from error
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as error:  # ValueError: not every URL is one that can be asked
            raise ScrapeError(f"is not known, for Prometheus broke off: {type(error).__name__}") from error
        except ScrapeError as error:
            raise ScrapeError(f"is not known: {error}") from error

    def _headers(self) -> dict[str, str]:
        """Unpacked: a packed chunk would unfold at once, and block everybody meanwhile. Raises ScrapeError."""
        plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if not self._token_file:
            return plain
        try:
            token = Path(self._token_file).read_text(errors="replace").strip()
        except OSError as error:
            raise ScrapeError(f"the token file {self._token_file} cannot be read: {error.strerror}") from error
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ScrapeError(f"the token file {self._token_file} holds no token")
        return plain | {"Authorization": f"Bearer {token}"}

    def _context(self) -> ssl.SSLContext | bool:
        """Raises ScrapeError."""
        if not self._ca_file:
            return True
        try:
            self._tls = self._tls or ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:  # SSLError is one
            raise ScrapeError(f"the CA file {self._ca_file} cannot be used: {error.strerror}") from error
        return self._tls


async def _parted(
    content: aiohttp.StreamReader, parting: ScrapesByTarget, pods: Sequence[Pod]
) -> Mapping[str, PrometheusSample]:
    vector = Vector()
    async for chunk in content.iter_any():
        for at in range(0, len(chunk), SLICE):
            parting.add(vector.feed(chunk[at : at + SLICE]))
            await asyncio.sleep(0)
    vector.finish()
    return parting.readings(pods)


async def _refusal(answer: aiohttp.ClientResponse) -> ScrapeError:
    said = refused((await answer.content.read(ERROR)).decode(errors="replace"))
    return ScrapeError(f"HTTP {answer.status}: {said}")
