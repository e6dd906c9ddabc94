"""Parsers from a text to a value, one for each kind of setting.

The tables of settings name them, and `plan.policy` uses them for annotations. They know no names of settings. Each raises
SettingsError with a sentence for the person who wrote the text, who may have written anything, at any length.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from waker.errors import SettingsError
from waker.settings.durations import parse_duration

HOST_NAME = r"(?:[a-z0-9-]{1,63}\.)*[a-z][a-z0-9-]{0,62}"  # not an IP address: the last label begins with a letter
LOWEST_PORT, HIGHEST_PORT = 1024, 32767  # above, Linux picks the ports of outgoing connections
MOST_NOBODY, MINUTE, DAY = 10_000, timedelta(minutes=1), timedelta(days=1)
MOST_ENTRIES, LONGEST_ENTRY = 50, 200  # of a list, and characters of each entry: an annotation may hold 256 kB
LONGEST_QUERY = 1000  # characters
WAIT_HOST = re.compile(rf"(?:https?://)?{HOST_NAME}(?::[1-9]\d{{0,4}})?", re.ASCII)


def parse_statuses(text: str) -> frozenset[str]:
    """`301,4xx` -> 301, 4xx and 400 to 499, which covers all ways in which a metric may count. Raises SettingsError."""
    statuses: set[str] = set()
    for word in filter(None, (word.strip().lower() for word in text.split(","))):
        if not re.fullmatch(r"[1-5](\d\d|xx)", word, re.ASCII):
            raise SettingsError(f"{word[:40]!r} is not an HTTP status such as 404 or 3xx")
        statuses |= {word} | ({f"{word[0]}{rest:02}" for rest in range(100)} if word.endswith("xx") else set())
    return frozenset(statuses)


def parse_status_words(text: str) -> tuple[str, ...]:
    """`404, 4xx`, as written. Raises SettingsError."""
    words = parse_list(text.lower())
    parse_statuses(",".join(words))
    return words


def parse_label_patterns(text: str) -> tuple[str, ...]:
    """`path=/health*, user_agent=*Pingdom*`: a label and its value, where `*` is anything. Raises SettingsError."""
    found = parse_list(text)
    for each in found:
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*=[^\x00-\x1f]*[^\x00-\x1f*][^\x00-\x1f]*", each, re.ASCII):
            raise SettingsError(f"{each[:40]!r} is not a label and a value such as path=/health*")
    return found


def parse_query(text: str) -> str:
    """A PromQL query. Whether it can be understood only Prometheus knows. Raises SettingsError."""
    query = text.strip()
    if not query or len(query) > LONGEST_QUERY or not all(each.isprintable() or each.isspace() for each in query):
        raise SettingsError(f"{text[:40]!r} is not a PromQL query of at most {LONGEST_QUERY} characters")
    return query


def parse_address(text: str) -> str:
    """An IP address: `10.0.0.7`, `fd00::7`, or "" for none. Raises SettingsError."""
    try:
        return str(ip_address(text.strip().strip("[]"))) if text.strip() else ""
    except ValueError:
        raise SettingsError(f"{text[:80]!r} is not an IP address such as 10.0.0.7") from None


def parse_bool(text: str) -> bool:
    """`true` or `false`, as Kubernetes writes them. Raises SettingsError."""
    if text.strip().lower() not in ("true", "false"):
        raise SettingsError(f"{text[:40]!r} is neither true nor false")
    return text.strip().lower() == "true"


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`. It raises SettingsError."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) or not low <= int(text) <= high:
            raise SettingsError(f"{text[:40]!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """A parser that accepts these words. It raises SettingsError."""

    def parse(text: str) -> str:
        if text.strip().lower() not in words:
            raise SettingsError(f"{text[:40]!r} is not one of {', '.join(words)}")
        return text.strip().lower()

    return parse


def split_list(text: str) -> tuple[str, ...]:
    """A comma-separated list: `a, b` -> ("a", "b"). Blanks around an element and empty elements are dropped."""
    return tuple(word for each in text.split(",") if (word := each.strip()))


def parse_background(text: str) -> tuple[int, timedelta]:
    """`12/1h` -> 12 requests in each hour. At most 10,000, in 1m to 1d. Raises SettingsError."""
    count, _, window = text.strip().partition("/")
    what = f"{text[:40]!r} is not a number of requests in a duration, such as 12/1h (1 to 10000, in 1m to 1d)"
    try:
        length = parse_duration(window)
    except SettingsError:
        raise SettingsError(what) from None
    if not re.fullmatch(r"[1-9]\d{0,4}", count, re.ASCII) or int(count) > MOST_NOBODY or not MINUTE <= length <= DAY:
        raise SettingsError(what)
    return int(count), length


def parse_list(text: str) -> tuple[str, ...]:
    """The same, for lists that each request is compared with: at most MOST_ENTRIES, none too long. Raises SettingsError."""
    found = split_list(text)
    if len(found) > MOST_ENTRIES:
        raise SettingsError(f"a list of {len(found)} entries is longer than {MOST_ENTRIES}")
    for each in found:
        if len(each) > LONGEST_ENTRY:
            raise SettingsError(f"the entry {each[:40]!r}... is longer than {LONGEST_ENTRY} characters")
    return found


def parse_domains(text: str) -> tuple[str, ...]:
    """Comma-separated domains: `example.com, apps.example.org`. Raises SettingsError."""
    domains = parse_list(text.lower())
    for domain in domains:
        if not re.fullmatch(HOST_NAME, domain, re.ASCII):
            raise SettingsError(f"{domain[:40]!r} is not a domain such as example.com")
    return domains


class PortRange(NamedTuple):
    """Ports, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def parse_port_range(text: str) -> PortRange:
    """`20000-29999`. Raises SettingsError."""
    found = re.fullmatch(r"(\d{4,5})-(\d{4,5})", text.strip(), re.ASCII)
    chosen = PortRange(int(found[1]), int(found[2])) if found else PortRange(0, 0)
    if not LOWEST_PORT <= chosen.first <= chosen.last <= HIGHEST_PORT:
        raise SettingsError(
            f"{text[:40]!r} is not a range of ports such as 20000-29999, from {LOWEST_PORT} to {HIGHEST_PORT}"
        )
    return chosen


def parse_paths(text: str) -> tuple[str, ...]:
    """Comma-separated paths: `/ping, /static/*`. A `*` at the end stands for anything. Raises SettingsError."""
    paths = parse_list(text)
    for path in paths:
        if not re.fullmatch(r"/[^*?#\s]*\*?", path):
            raise SettingsError(f"{path[:40]!r} is not a path such as /ping or /static/*")
    return paths


def parse_wait_host(text: str) -> str:
    """A host such as `wait.example.com`, or "" for none. Raises SettingsError.

    It may have a `:port` if that is not the default one, and a scheme if only that one is served.
    """
    host = text.strip().lower().removesuffix("/")
    if host and not WAIT_HOST.fullmatch(host):
        raise SettingsError(f"{text[:60]!r} is not a host such as wait.example.com or https://wait.example.com")
    return host


def parse_url(text: str) -> str:
    """A URL such as `http://prometheus.monitoring:9090`, which may have a path, or "" for none. Raises SettingsError."""
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if url and not (complete and re.fullmatch(r"[!-~]+", url) and not re.search(r"[@?#]", url)):
        raise SettingsError(
            f"{text[:80]!r} is not a URL such as http://prometheus.monitoring:9090 (without user, query or fragment)"
        )
    return url


def parse_price(text: str) -> float:
    """A price such as `0.031`, 0 or more and without a currency. Raises SettingsError."""
    price = text.strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", price, re.ASCII):
        raise SettingsError(f"{text[:40]!r} is not a price such as 0.031")
    return float(price)


def parse_currency(text: str) -> str:
    """Three letters such as `EUR`. Raises SettingsError."""
    currency = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", currency, re.ASCII):
        raise SettingsError(f"{text[:40]!r} is not a currency such as EUR")
    return currency
