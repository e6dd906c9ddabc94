"""The languages of the waiting page: the texts of each, and which of them suits a visitor best.

A language is a file `static/languages/TAG.json`, read when waker starts; a new file is a new language. All have the keys
of `en.json`, and words in braces are placeholders. Accept-Language is parsed as in RFC 9110, 12.5.4, and matched by
lookup (RFC 4647, 3.4): `de-AT` finds `de`. Which text an app's state needs is decided in `messages`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from waker.web import files

Messages = Mapping[str, str]

DEFAULT: Final = "en"
LONGEST: Final = 200  # characters of the header that are parsed; browsers send less than 100
RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]=([01](?:\.\d{0,3})?))?\s*", re.ASCII
)


def catalogues() -> dict[str, Messages]:
    """The texts of every language by its tag, the default language first."""
    found = sorted(files.folder("static").glob("languages/*.json"), key=lambda each: (each.stem != DEFAULT, each.stem))
    return {each.stem: json.loads(each.read_text(encoding="utf-8")) for each in found}


def best_language(accepted: str, known: tuple[str, ...]) -> str:
    """The tag in `known` that suits an Accept-Language header best; the first if none does, or if the header is empty."""
    return _best_language(accepted[:LONGEST], known)


@lru_cache(maxsize=256)  # most browsers send one of a few headers
def _best_language(accepted: str, known: tuple[str, ...]) -> str:
    ranges = sorted(_ranges(accepted), key=lambda each: -each[1])  # stable: among equals the first wins
    refused = {language for language, weight in ranges if not weight}
    for language, weight in ranges:
        if weight and (tag := _lookup(language, known, refused)):
            return tag
    return known[0]


def _ranges(accepted: str) -> Iterable[tuple[str, float]]:
    for each in accepted.split(","):
        found = RANGE.fullmatch(each)
        if found:
            yield found[1].lower(), min(float(found[2] or 1), 1.0)


def _lookup(language: str, known: tuple[str, ...], refused: set[str]) -> str:
    if language == "*":
        return next((tag for tag in known if tag.lower() not in refused), "")
    parts = language.split("-")
    shorter = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((tag for each in shorter for tag in known if tag.lower() == each), "")
