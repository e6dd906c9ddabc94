"""Which `url=` the wait host accepts: the address that it sends a visitor back to.

Pure, and never raises. Anybody can write a link to the wait host, so it must not become an open redirect. Browsers repair
addresses: they drop tabs, read a backslash as a slash, decode and fold host names. Nothing is repaired here: scheme and
authority must be plain already, and the address that goes out is built anew, with everything after them encoded.
Its host must be one of the very app's that the visitor was sent here for (`may_return`).

| url=                                           | becomes                                      |
| ---------------------------------------------- | -------------------------------------------- |
| `HTTPS://Shop.example.com?x=1`                 | `https://shop.example.com/?x=1`              |
| `http://shop.example.com:8000/a b`, own port   | `http://shop.example.com:8000/a%20b`         |
| another port, userinfo, `//`, `\\`, `%2e`, ... | nothing                                      |
"""

import re
from collections.abc import Collection
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from waker.settings.parsing import HOST_NAME

LONGEST: Final = 2048  # characters; encoded in a Location it must stay below the 4 kB that nginx has for all headers
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
PLAIN: Final = re.compile(rf"(https?)://({HOST_NAME})(?::(\d{{1,5}}))?((?:[/?#].*)?)", re.IGNORECASE | re.ASCII)
UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters; browsers drop some of them
NOT_ENCODED: Final = "!#$%&'()*+,/:;=?@[]^_`{|}~\\"  # printable, and none of them ends a header or an attribute


class ReturnUrl(NamedTuple):
    """An app's address. `port` is 0 if it is the scheme's default; `rest` is path, query and fragment, from the `/` on."""

    scheme: str
    host: str
    port: int
    rest: str

    def __str__(self) -> str:
        return self.origin + self.rest

    @property
    def origin(self) -> str:
        """As browsers send it in `Origin`."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")

    @property
    def path(self) -> str:
        """Decoded."""
        return unquote(re.split("[?#]", self.rest, maxsplit=1)[0])


def parse(text: str, own_port: int = 0) -> ReturnUrl | None:
    """The address in a text, None if it is not accepted. `own_port`: the wait host's, allowed beside 80 and 443."""
    found = PLAIN.fullmatch(text) if len(text) <= LONGEST and not UNSAFE.search(text) else None
    if not found:
        return None
    scheme, host, digits, rest = found[1].lower(), found[2].lower(), found[3], found[4]
    port = int(digits) if digits else DEFAULT_PORTS[scheme]
    if port not in (DEFAULT_PORTS[scheme], own_port or DEFAULT_PORTS[scheme]):
        return None
    rest = quote(rest if rest.startswith("/") else f"/{rest}", safe=NOT_ENCODED)
    return ReturnUrl(scheme, host, 0 if port == DEFAULT_PORTS[scheme] else port, rest)


class WaitQuery(NamedTuple):
    """What the wait host is asked for: an app, by the name of its door, and the address to go back to."""

    door: str
    url: ReturnUrl


def from_query(query: str, own_port: int = 0) -> WaitQuery | None:
    """`app=d-0123456789abc&url=https%3A%2F%2F...`. None also if one of them occurs twice: readers could disagree."""
    try:
        fields = [each for each in parse_qsl(query, keep_blank_values=True) if each[0] in ("app", "url")]
    except ValueError:  # more fields than the library parses
        return None
    found = dict(fields)
    url = parse(found.get("url", ""), own_port)
    return WaitQuery(found["app"], url) if url and len(fields) == 2 == len(found) else None


def to_query(wanted: WaitQuery) -> str:
    """The raw query that `from_query` reads."""
    return f"app={quote(wanted.door, safe='')}&url={quote(str(wanted.url), safe='')}"


def may_return(url: ReturnUrl, hosts: Collection[str], domains: Collection[str]) -> bool:
    """Whether an app whose rules have these hosts may send visitors to this address.

    A rule with a wildcard, or for any host, names more hosts than the app has. It counts only within `domains`, the setting
    `wait-domains`, which then limits all others as well.
    """
    within = any(url.host == domain or url.host.endswith(f".{domain}") for domain in domains)
    if url.host in hosts:
        return within or not domains
    wildcard = "*" + url.host[url.host.find(".") :] if "." in url.host else ""
    return within and ("" in hosts or wildcard in hosts)
