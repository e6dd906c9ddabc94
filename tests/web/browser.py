"""Where a browser goes when it is given an address, after the URL standard of WHATWG: a second opinion for tests.

Only as far as scheme and host; written from the standard's state machine, and knows nothing of `waker.web.way_back`.
"""

import re
import unicodedata
from urllib.parse import unquote

SPECIAL = {"http", "https", "ws", "wss", "ftp"}
BASE = ("https", "wait.example.com")  # of the page on which the address stands


def goes_to(text: str) -> tuple[str, str]:
    """Scheme and host; no host ("") for what leads to no server."""
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
    """As the name is looked up: decoded, full-width and other look-alikes mapped, without the root's dot."""
    name = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".").casefold().removesuffix(".")
    return name.replace("\u00ad", "")  # soft hyphens are ignored
