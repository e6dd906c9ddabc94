"""Which `url=` the wait host accepts: the address that it sends a visitor back to.

Pure, and never raises. Anybody can write a link to the wait host, so it must not become an open redirect. Browsers repair
addresses: they drop tabs, read a backslash as a slash, decode and fold host names. Nothing is repaired here: scheme and
authority must be plain already, and the address that goes out is built anew, with everything after them encoded.
`wait_host` checks whether the host is one of an app's.

| url=                                           | becomes                                      |
| ---------------------------------------------- | -------------------------------------------- |
| `HTTPS://Shop.example.com?x=1`                 | `https://shop.example.com/?x=1`              |
| `http://shop.example.com:8000/a b`, own port   | `http://shop.example.com:8000/a%20b`         |
| another port, userinfo, `//`, `\\`, `%2e`, ... | nothing                                      |
"""

import re
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
        """Decoded, as the paths of routes are."""
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


def from_query(query: str, own_port: int = 0) -> ReturnUrl | None:
    """The address in a raw query, `url=https%3A%2F%2F...`. None also if `url` occurs twice: readers could disagree."""
    try:
        urls = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "url"]
    except ValueError:  # more fields than the library parses
        return None
    return parse(urls[0], own_port) if len(urls) == 1 else None


def to_query(url: ReturnUrl) -> str:
    """The raw query that `from_query` reads."""
    return f"url={quote(str(url), safe='')}"
