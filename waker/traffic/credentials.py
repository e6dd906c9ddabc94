"""How a metrics page is asked for where plain HTTP is not enough: a bearer token, a certificate to trust.

Files are read at each use, for tokens and CAs are changed under a running process; what was made of a CA is kept.
"""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from waker.errors import ScrapeError
from waker.traffic.controllers import Access


class RequestOptions(NamedTuple):
    """What a request needs besides its URL. `trust`: True the system's CAs, False anybody, else those of the context."""

    headers: dict[str, str]
    trust: ssl.SSLContext | bool
    server_name: str | None


def request_options(access: Access) -> RequestOptions:
    """Raises ScrapeError, as the end of a sentence about the pod."""
    headers = {"Authorization": f"Bearer {_read(access.token_file)}"} if access.token_file else {}
    trust: ssl.SSLContext | bool = access.verify
    if access.verify and access.ca_file and access.scheme == "https":
        trust = _trusting(_read(access.ca_file), access.ca_file)
    return RequestOptions(headers, trust, access.server_name or None)


def _read(file: str) -> str:
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ScrapeError(f"cannot be asked: {file} cannot be read ({reason})") from error


@lru_cache(maxsize=4)  # a context takes some ms and some 100 kB
def _trusting(text: str, file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ScrapeError(f"cannot be asked: {file} holds no CA certificate") from error
