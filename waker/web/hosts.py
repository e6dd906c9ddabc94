"""Which host a request means, however oddly it is written.

Pure, and never raises: what cannot be a host becomes "", which no app has.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

LONGEST = 253  # octets of a DNS name; the IDNA codec is slow on more
KEPT = 512  # names, so that a crowd's is read once; 0.3 MB if somebody sends only long ones


def requested_hosts(headers: Mapping[str, str]) -> Iterator[str]:
    """The hosts a request may mean, best first: what a proxy before us says, then what it says itself."""
    for text in (headers.get("X-Forwarded-Host", "").split(",")[0], headers.get("Host", "")):
        if host := normalized_host(text):
            yield host


def normalized_host(text: str) -> str:
    """`Shop.Example.com.:8080` -> `shop.example.com`; names beyond ASCII in their xn-- form; "" for what is no host."""
    host = text.strip()
    return _plain(host) if len(host) <= LONGEST + len(".:65535") else ""


@lru_cache(KEPT)
def _plain(host: str) -> str:
    host = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]  # IPv6 has colons inside
    host = host.rstrip(".").lower()
    if len(host) > LONGEST:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if len(host) <= LONGEST and all(letter.isalnum() or letter in "-._[]:" for letter in host) else ""
