"""How long a request may be held before the ingress controller in front of waker gives up on it.

Pure. A controller that has waited for its timeout sends the client an error of its own, such as 504, so waker has to answer
first. A hold ends a margin before the shortest timeout that is known: the controller's default or what the route's object
says instead, and what Envoy says in a header of the request. Each adapter in `traffic.controllers` has an `AnswerTimeout`;
`page_transport` carries what follows from it for each route, and `web.hold_times` uses it.

A value that the controller cannot read counts as not set, as it does for the controller; `unreadable` names it for the user.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

ENDLESS: Final = timedelta.max  # no timeout
LEAST_MARGIN: Final = timedelta(seconds=1)  # for the way there and back, and for many answers that are due at once
MARGIN: Final = 0.1  # of a long timeout
MOST_MARGIN: Final = 1 / 3  # of a timeout of a second or two
EXPECTED: Final = "X-Envoy-Expected-Rq-Timeout-Ms"  # Envoy says in it when it will give up
MILLISECONDS: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)
MOST_SECONDS: Final = 10.0**9  # a timedelta has a limit
LONGEST: Final = 40  # characters of a value; nobody means a longer one, and it would be parsed again and again

NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)([a-z]*)", re.ASCII)


class Notation(NamedTuple):
    """How durations are written. `units` in seconds; "" is a bare number. `meaning`: what a value has to be, for people."""

    pattern: re.Pattern[str]
    units: Mapping[str, float]
    meaning: str


SECONDS: Final = Notation(re.compile(r"\d{1,9}", re.ASCII), {"": 1}, "a whole number of seconds")
GO_DURATION: Final = Notation(
    re.compile(r"0|(?:\d{1,9}(?:\.\d{1,9})?(?:[num]s|[smh]))+", re.ASCII),
    {"": 1, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600},
    "a duration such as 30s or 1m30s",
)
NGINX_TIME: Final = Notation(
    re.compile(r"\d{1,9}|\d{1,9}(?:ms|[smhd])(?: *\d{1,9}(?:ms|[smhd]))*", re.ASCII),
    {"": 1, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400},
    "a time of nginx such as 30s or 1m30s",
)
HAPROXY_TIME: Final = Notation(
    re.compile(r"\d{1,12}(?:[um]s|[smhd])?", re.ASCII),
    {"": 1e-3, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400},
    "a time of HAProxy such as 30s",
)


class AnswerTimeout(NamedTuple):
    """How long a controller waits for an answer. `default`: where the route's object says nothing.

    `keys`: the annotations that replace the default; the shortest counts. `further`: those of other timeouts, which have no
    default. `endless`: values that mean no timeout; 0 is the default unless it is one of them.
    """

    default: timedelta = ENDLESS
    keys: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    notation: Notation = SECONDS
    endless: frozenset[str] = frozenset()


NOT_KNOWN: Final = AnswerTimeout()


def timeout_of(known: AnswerTimeout, annotations: Mapping[str, str]) -> timedelta:
    """How long the controller waits on a route whose object has these annotations. Never raises."""
    own = [_read(known, annotations[key]) for key in known.keys if key in annotations]
    more = [_read(known, annotations[key]) for key in known.further if key in annotations]
    return min(min(filter(None, own), default=known.default), min(filter(None, more), default=ENDLESS))


def unreadable(known: AnswerTimeout, annotations: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each timeout that the controller cannot read."""
    for key in (*known.keys, *known.further):
        text = annotations.get(key, "")
        if text and text not in known.endless and not _is_written(known, text):
            yield f"{key}: {text[:LONGEST]!r} is not {known.notation.meaning}, so it counts as not set"


def hold_within(timeout: timedelta) -> timedelta:
    """How long a request may be held so that waker answers before this timeout."""
    if timeout == ENDLESS:
        return ENDLESS
    return timeout - min(max(LEAST_MARGIN, MARGIN * timeout), MOST_MARGIN * timeout)


def expected_timeout(headers: Mapping[str, str]) -> timedelta:
    """What Envoy says of a request. Where no Envoy is in front a client may have written it: it shortens its own wait only."""
    text = headers.get(EXPECTED, "").strip()
    return timedelta(milliseconds=int(text)) if MILLISECONDS.fullmatch(text) else ENDLESS


def _is_written(known: AnswerTimeout, text: str) -> bool:
    """Whether a text is a duration as this controller writes them."""
    return len(text) <= LONGEST and known.notation.pattern.fullmatch(text) is not None


def _read(known: AnswerTimeout, text: str) -> timedelta | None:
    """What one annotation says; None if it says nothing that counts."""
    if text in known.endless:
        return ENDLESS
    if not _is_written(known, text):
        return None
    units = known.notation.units
    seconds = sum(float(number) * units[unit] for number, unit in NUMBER.findall(text))
    return timedelta(seconds=min(seconds, MOST_SECONDS)) or None
