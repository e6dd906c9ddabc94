"""One scrape of one controller pod over HTTP: its metrics page is streamed, filtered and summed up while it arrives.

Called by `rounds`. It never holds more than a chunk of the page, and gives the event loop a turn after each slice, so a
page of 300 MB blocks nobody. Whatever goes wrong is a ScrapeError whose text ends a sentence about the pod; what happened and
what to do is worded in `scrape_failures`.
"""

import asyncio
import codecs
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
from waker.traffic.scrape_failures import failed_request, no_metrics_page, refused_answer

SLICE: Final = 64 * 1024  # at most 5 ms of parsing; a compressed chunk can unpack to far more
COMPRESS_FROM: Final = 1 << 20  # below that, compression costs the controller more than it saves the network
LIKE_ASCII: Final = frozenset(
    {"utf-8", "ascii", "iso8859-1", "cp1252"}
)  # names and numbers are the same in all of them
HEAD: Final = 64  # bytes of a page that show whether it is markup
# A controller takes 10 to 30 s to write its largest pages; a pod that is cut off does not even accept the connection.
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=3, sock_read=30)


def metrics_url(adapter: Adapter, pod: Pod) -> URL:
    """The URL of the pod's metrics page."""
    scheme = adapter.access.scheme
    at = URL.build(scheme=scheme, host=pod.address, port=adapter.metrics.of(pod), path=adapter.path)
    return at.with_query(adapter.query) if adapter.query else at


async def fetch(
    session: aiohttp.ClientSession, adapter: Adapter, pod: Pod, keys: frozenset[SeriesKey], last_size: int = 0
) -> tuple[Scrape, int]:
    """The scrape, and the page's size in bytes: the next call needs it as `last_size`. Raises ScrapeError."""
    access = request_options(adapter.access)
    headers = access.headers | {
        "Accept": "text/plain;version=0.0.4",
        "Accept-Encoding": "gzip" if last_size > COMPRESS_FROM else "identity",
        # A kept connection may lead to a process that a reload has replaced (HAProxy). On it, waker would also wait for a
        # pod that was cut off meanwhile; a new connection fails at once.
        "Connection": "close",
    }
    url, answered = metrics_url(adapter, pod), False
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
            answered = True
            if answer.status != 200:
                raise refused_answer(answer, adapter)
            return await _read_page(answer, adapter, keys)
    except zlib.error as error:
        what = f"sent a compressed metrics page that cannot be unpacked: {error}"
        raise ScrapeError(f"{what}; look at what stands between waker and that pod") from error
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        raise failed_request(error, url, adapter, answered=answered) from error
    except ValueError as error:  # of headers and names that no request can have
        fix = "check controller.CLASS.token-file and server-name"
        raise ScrapeError(f"cannot be asked for its metrics page ({error}); {fix}") from error


async def _read_page(
    answer: aiohttp.ClientResponse, adapter: Adapter, keys: frozenset[SeriesKey]
) -> tuple[Scrape, int]:
    encoding = _encoding(answer)
    slices = _unpacked(answer.content) if encoding == "gzip" else _sliced(answer.content)
    once = adapter.process.metric if adapter.process else ""
    exposition, builder = Exposition(adapter.wanted, once), ScrapeBuilder(adapter, keys)
    head = b""
    async for piece in slices:
        head = head or piece[:HEAD]
        builder.add(exposition.feed(piece))
        await asyncio.sleep(0)
    builder.add(exposition.finish())
    scrape = builder.scrape()
    something_else = None if scrape.proven else no_metrics_page(answer.headers.get("Content-Type", ""), head, adapter)
    if something_else:
        raise something_else
    if not (exposition.is_whole or encoding == "gzip" or _has_length(answer)):
        what = "does not say how long its metrics page is, so that nobody knows whether it is all of it"
        raise ScrapeError(f"{what}; look at what stands between waker and that pod")
    return scrape, exposition.bytes


def _encoding(answer: aiohttp.ClientResponse) -> str:
    """How the page is compressed: gzip, or not at all. Raises ScrapeError for what cannot be read."""
    encoding = answer.headers.get("Content-Encoding", "").strip().lower().removeprefix("x-")
    if encoding not in ("", "identity", "gzip"):
        raise ScrapeError(f"sends its metrics page compressed as {encoding[:40]!a}, which waker has not asked for")
    if "protobuf" in answer.content_type:
        raise ScrapeError("sends its metrics page as protocol buffers, and waker reads the text format")
    try:
        name = codecs.lookup(answer.charset or "utf-8").name
    except (LookupError, ValueError):
        name = answer.charset or ""
    if name not in LIKE_ASCII:
        raise ScrapeError(f"sends its metrics page in the encoding {name[:40]!a}, and waker reads UTF-8")
    return encoding


def _has_length(answer: aiohttp.ClientResponse) -> bool:
    """Whether an end of the page that comes too early is noticed."""
    return answer.content_length is not None or "chunked" in answer.headers.get("Transfer-Encoding", "").lower()


async def _sliced(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    async for chunk in content.iter_any():
        for at in range(0, len(chunk), SLICE):
            yield chunk[at : at + SLICE]


async def _unpacked(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Unpack slice by slice: the library would unpack a whole chunk at once and block the event loop."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    async for chunk in content.iter_any():
        left = chunk
        while left:
            yield unpacking.decompress(left, SLICE)
            left = unpacking.unconsumed_tail
        if unpacking.unused_data:
            raise ScrapeError("sent more than one compressed page")
    if not unpacking.eof:
        raise ScrapeError("broke off its metrics page: the compressed data is cut short")
