"""One metrics page of one controller pod, over HTTP: streamed, filtered and summed up while it arrives.

Called by `scrape`. It never holds more than a chunk of the page, and gives the event loop a turn after each slice, so
that a page of 300 MB blocks nobody. Whatever goes wrong is a ScrapeError whose text ends a sentence about the pod.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from yarl import URL

from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.credentials import request_options
from waker.traffic.exposition import Exposition
from waker.traffic.ledger import Scrape, ScrapeBuilder

SLICE: Final = 64 * 1024  # at most some 5 ms of parsing; a compressed chunk can unfold to far more
COMPRESS_FROM: Final = 1 << 20  # below, packing costs the controller more than it saves the network
# A controller takes 10 to 30 s to write its largest pages; a pod that is cut off does not even answer the connect.
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=3, sock_read=30)


def metrics_url(adapter: Adapter, pod: Pod) -> URL:
    """Where that pod's page is."""
    scheme = adapter.access.scheme
    at = URL.build(scheme=scheme, host=pod.address, port=adapter.metrics.of(pod), path=adapter.path)
    return at.with_query(adapter.query) if adapter.query else at


async def fetch(
    session: aiohttp.ClientSession, adapter: Adapter, pod: Pod, keys: frozenset[SeriesKey], last_size: int = 0
) -> tuple[Scrape, int]:
    """The page, and its size in bytes: say that the next time. Raises ScrapeError."""
    access = request_options(adapter.access)
    headers = access.headers | {
        "Accept": "text/plain;version=0.0.4",
        "Accept-Encoding": "gzip" if last_size > COMPRESS_FROM else "identity",
        # A kept one may lead to a process that a reload has replaced (HAProxy); and on it a pod that was cut off since is
        # waited for, instead of refused at the connect.
        "Connection": "close",
    }
    url = metrics_url(adapter, pod)
    try:
        async with session.get(
            url,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            auto_decompress=False,
            ssl=access.trust,
            server_hostname=access.server_name,
        ) as answer:
            if answer.status in (401, 403):
                raise ScrapeError(
                    f"answered its metrics page with HTTP {answer.status}; set controller.CLASS.token-file"
                )
            if answer.status != 200:
                raise ScrapeError(f"answered its metrics page with HTTP {answer.status}; {adapter.enable}")
            packed = answer.headers.get("Content-Encoding", "").lower() == "gzip"
            return await _read(_unpacked(answer.content) if packed else _sliced(answer.content), adapter, keys)
    except aiohttp.ClientSSLError as error:
        where = "controller.CLASS.ca-file, server-name or tls-verify"
        raise ScrapeError(f"cannot be trusted at {url.host}:{url.port}; set {where}") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise ScrapeError(f"cannot be reached at {url.host}:{url.port}") from error
    except TimeoutError as error:
        raise ScrapeError("did not send its metrics page in time") from error
    except (aiohttp.ClientError, OSError, zlib.error) as error:
        raise ScrapeError(f"broke off its metrics page: {type(error).__name__}") from error


async def _sliced(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    async for chunk in content.iter_any():
        for at in range(0, len(chunk), SLICE):
            yield chunk[at : at + SLICE]


async def _unpacked(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Unpacked here, slice by slice: the library would unfold a whole chunk at once, and block everybody meanwhile."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    async for chunk in content.iter_any():
        left = chunk
        while left:
            yield unpacking.decompress(left, SLICE)
            left = unpacking.unconsumed_tail
        if unpacking.unused_data:
            raise ScrapeError("sent more than one packed page")
    if not unpacking.eof:
        raise ScrapeError("broke off its metrics page: the packed page is cut short")


async def _read(slices: AsyncIterator[bytes], adapter: Adapter, keys: frozenset[SeriesKey]) -> tuple[Scrape, int]:
    once = adapter.process.metric if adapter.process else ""
    exposition, sums = Exposition(adapter.wanted, once), ScrapeBuilder(adapter, keys)
    async for piece in slices:
        sums.add(exposition.feed(piece))
        await asyncio.sleep(0)
    sums.add(exposition.finish())
    return sums.scrape(), exposition.bytes
