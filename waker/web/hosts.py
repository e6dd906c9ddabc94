"""Which host a request names, however it is written, and whether a page of that host has sent it.

Pure, and never raises: a text that cannot be a host name becomes "". Only the wait host is recognised by its name;
sleeping apps are recognised by their doors. `page_socket` asks where its visitor comes from.
"""

from collections.abc import Mapping
from functools import lru_cache

from waker.web.return_url import DEFAULT_PORTS

LONGEST = 253  # octets of a DNS name; the IDNA codec is slow on more
CACHED = 512  # host headers, as many visitors name few hosts; 0.3 MB if somebody sends only long ones


def is_from_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a page of the requested host and port has sent this, or no browser at all: those name an `Origin`.

    A proxy on the way may have rewritten Host. Then X-Forwarded-Host has the visitor's; a script can set neither.
    """
    origin = headers.get("Origin")
    if origin is None:
        return True
    scheme, _, authority = origin.lower().partition("://")
    if scheme not in DEFAULT_PORTS:
        return False
    default = f":{DEFAULT_PORTS[scheme]}"
    requested = (headers.get("X-Forwarded-Host", "").split(",")[0], headers.get("Host", ""))
    own = {text.strip().lower().removesuffix(default) for text in requested} - {""}
    return authority.removesuffix(default) in own


def normalized_host(text: str) -> str:
    """`Shop.Example.com.:8080` -> `shop.example.com`. Names beyond ASCII in their xn-- form; "" if it is no host name."""
    host = text.strip()
    return _normalized(host) if len(host) <= LONGEST + len(".:65535") else ""


@lru_cache(CACHED)
def _normalized(host: str) -> str:
    host = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]  # IPv6 has colons inside
    host = host.rstrip(".").lower()
    if len(host) > LONGEST:
        return ""
    if not host.isascii():
        if host.startswith("["):
            return ""
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if len(host) <= LONGEST and all(letter.isalnum() or letter in "-._[]:" for letter in host) else ""
