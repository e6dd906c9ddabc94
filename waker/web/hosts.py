"""Which host a request names, however it is written.

Pure, and never raises: a text that cannot be a host name becomes "". Only the wait host is recognised by its name;
sleeping apps are recognised by their doors.
"""

from functools import lru_cache

LONGEST = 253  # octets of a DNS name; the IDNA codec is slow on more
CACHED = 512  # host headers, as many visitors name few hosts; 0.3 MB if somebody sends only long ones


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
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if len(host) <= LONGEST and all(letter.isalnum() or letter in "-._[]:" for letter in host) else ""
