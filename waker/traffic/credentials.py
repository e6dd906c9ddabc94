"""What a scrape needs where plain HTTP is not enough: a bearer token, a CA to trust.

Called by `fetch` for each scrape. Files are read each time, as tokens and CAs are renewed under a running process; the TLS
context made of a CA is kept as long as its text stays the same.
"""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from waker.errors import ScrapeError
from waker.traffic.controllers import Access


class RequestOptions(NamedTuple):
    """What a request needs besides its URL. `trust`: True for the system's CAs, False for any certificate, or a context."""

    headers: dict[str, str]
    trust: ssl.SSLContext | bool
    server_name: str | None


def request_options(access: Access) -> RequestOptions:
    """The options that a setting of this class asks for. Raises ScrapeError, whose text ends a sentence about the pod."""
    headers = {"Authorization": f"Bearer {_read(access.token_file, 'token-file')}"} if access.token_file else {}
    trust: ssl.SSLContext | bool = access.verify
    if access.verify and access.ca_file and access.scheme == "https":
        trust = _trusting(_read(access.ca_file, "ca-file"), access.ca_file)
    return RequestOptions(headers, trust, access.server_name or None)


def _read(file: str, setting: str) -> str:
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ScrapeError(
            f"cannot be scraped: waker cannot read {file} ({reason}); check controller.CLASS.{setting}"
        ) from error


@lru_cache(maxsize=4)  # a context takes a few ms and about 100 kB
def _trusting(text: str, file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ScrapeError(
            f"cannot be scraped: {file} holds no CA certificate; check controller.CLASS.ca-file"
        ) from error
