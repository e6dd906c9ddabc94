"""Texts to values: one parser a kind of setting. Each raises SettingsError with a sentence for the person who wrote it."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from waker.errors import SettingsError

HOST_NAME = r"(?:[a-z0-9-]{1,63}\.)*[a-z][a-z0-9-]{0,62}"  # no address: browsers take a number at the end for one
WAIT_HOST = re.compile(rf"(?:https?://)?{HOST_NAME}(?::[1-9]\d{{0,4}})?", re.ASCII)


def parse_statuses(text: str) -> frozenset[str]:
    """`301,4xx` -> 301, 4xx and 400 to 499: whatever a metric may say. Raises SettingsError."""
    found: set[str] = set()
    for word in filter(None, (word.strip().lower() for word in text.split(","))):
        if not re.fullmatch(r"[1-5](\d\d|xx)", word, re.ASCII):
            raise SettingsError(f"{word[:40]!r} is no HTTP status such as 404 or 3xx")
        found |= {word} | ({f"{word[0]}{rest:02}" for rest in range(100)} if word.endswith("xx") else set())
    return frozenset(found)


def parse_bool(text: str) -> bool:
    """`true` or `false`, as Kubernetes writes them. Raises SettingsError."""
    if text.strip().lower() not in ("true", "false"):
        raise SettingsError(f"{text[:40]!r} is neither true nor false")
    return text.strip().lower() == "true"


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`. It raises SettingsError."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) or not low <= int(text) <= high:
            raise SettingsError(f"{text[:40]!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """A parser of one of these words. It raises SettingsError."""

    def parse(text: str) -> str:
        if text.strip().lower() not in words:
            raise SettingsError(f"{text[:40]!r} is not one of {', '.join(words)}")
        return text.strip().lower()

    return parse


def several(text: str) -> tuple[str, ...]:
    """`a, b` -> ("a", "b"): words parted by commas, blanks around them do not count."""
    return tuple(word for each in text.split(",") if (word := each.strip()))


def parse_paths(text: str) -> tuple[str, ...]:
    """`/ping, /static/*` -> paths; a `*` at the end stands for anything. Raises SettingsError."""
    for path in several(text):
        if not re.fullmatch(r"/[^*?#\s]*\*?", path):
            raise SettingsError(f"{path[:40]!r} is not a path such as /ping or /static/*")
    return several(text)


def parse_wait_host(text: str) -> str:
    """`wait.example.com`, with `:port` where it is not the usual one and `https://` where it is always that; or nothing.

    Raises SettingsError.
    """
    host = text.strip().lower().removesuffix("/")
    if host and not WAIT_HOST.fullmatch(host):
        raise SettingsError(f"{text[:60]!r} is not a host such as wait.example.com or https://wait.example.com")
    return host


def parse_url(text: str) -> str:
    """`http://prometheus.monitoring:9090`, perhaps with a path; "" for none. Raises SettingsError."""
    wanted = text.strip().rstrip("/")
    try:
        found = urlsplit(wanted)
        good = found.scheme in ("http", "https") and found.hostname and found.port != 0
    except ValueError:
        good = False
    if wanted and not (good and re.fullmatch(r"[!-~]+", wanted) and not re.search(r"[@?#]", wanted)):
        raise SettingsError(
            f"{text[:80]!r} is not a URL such as http://prometheus.monitoring:9090 (without user, query and fragment)"
        )
    return wanted
