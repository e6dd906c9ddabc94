"""Where a browser goes when it gets an address, after the URL standard of WHATWG: a second opinion for tests.

Only scheme and host. Written from the standard's state machine; it knows nothing of `waker.web.return_url`. A test of
tests/e2e compares it with Chromium.
"""

import re
import unicodedata
from urllib.parse import unquote

SPECIAL = {"http", "https", "ws", "wss", "ftp"}
BASE = ("https", "wait.example.com")  # of the page that has the address


def goes_to(text: str) -> tuple[str, str]:
    """Scheme and host; the host is "" if the address leads to no server."""
    text = re.sub(r"[\t\n\r]", "", text.strip("".join(map(chr, range(0x21)))))
    found = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", text)
    scheme = found[1].lower() if found else BASE[0]
    rest = text[found.end() :] if found else text
    if scheme not in SPECIAL:
        return scheme, ""
    slashes = re.match(r"[/\\]*", rest)
    if scheme == BASE[0] and (not slashes or len(slashes[0]) < 2):
        return BASE  # relative to the page
    authority = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0]
    return scheme, folded(re.sub(r":\d*$", "", authority.rpartition("@")[2]))


def folded(host: str) -> str:
    """The name as it is looked up: decoded, full-width and other variants mapped, without the dot of the root."""
    name = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".").casefold().removesuffix(".")
    return name.replace("\u00ad", "")  # soft hyphens are ignored
