"""Samples that are nobody for one app alone: statuses and labels that its user ignores.

Pure. What an app ignores is the last part of its series' keys, a text such as `code=4*,path=/health*`: so two apps behind one
series are added up apart, and a record of visits stands for what was ignored. `observe.app` makes the text, `ledger` asks.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from waker.traffic.controllers import Adapter, Interest, SeriesKey


class LabelPattern(NamedTuple):
    """A label, and its value in pieces with anything in between: `/a*` is `/a` and ``."""

    label: str
    pieces: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a sample with these labels has such a value. Linear in its length, whatever the pattern."""
        text = labels.get(self.label)
        if text is None:
            return False
        first, *others = self.pieces
        if not others:
            return text == first
        *middle, last = others
        if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for each in middle:
            found = text.find(each, at, end)
            if found < 0:
                return False
            at = found + len(each)
        return True


def ignored(adapter: Adapter, statuses: Iterable[str], labels: Iterable[str]) -> str:
    """What an app ignores at a controller, "" for nothing. `statuses`: 404, 4xx; `labels`: path=/health*."""
    by_status = [f"{adapter.status}={each.replace('xx', '*')}" for each in statuses] if adapter.status else []
    return ",".join(sorted({*by_status, *labels}))


def without(found: Interest, text: str) -> Interest:
    """The same series, without the samples that are ignored."""
    return (
        found._replace(key=(*found.key, text), others=tuple((*each, text) for each in found.others)) if text else found
    )


def plain(key: SeriesKey, adapter: Adapter) -> SeriesKey:
    """A key without what is ignored."""
    return key[: len(adapter.requests.labels)]


def is_noise(key: SeriesKey, labels: Mapping[str, str]) -> bool:
    """Whether a sample with these labels is ignored by whom this key is for."""
    return any(each.matches(labels) for each in _patterns(key[-1]))


@lru_cache(maxsize=1024)  # one for each app that ignores something of its own
def _patterns(text: str) -> tuple[LabelPattern, ...]:
    found = (each.partition("=") for each in text.split(","))
    return tuple(LabelPattern(label, tuple(value.split("*"))) for label, _, value in found)
