"""The languages of the page: one file of words each, and which of them a visitor reads best.

A language is a file `static/languages/TAG.json`, read at the start; a new file is a new language. All have the keys of
`en.json`, and texts in braces are filled in. What a browser asks for is read as RFC 9110 (12.5.4) says, and matched by
lookup (RFC 4647, 3.4): `de-AT` finds `de`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from waker.web import files

Messages = Mapping[str, str]

DEFAULT: Final = "en"
LONGEST: Final = 200  # letters of the header that are looked at; browsers send less than 100
RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]=([01](?:\.\d{0,3})?))?\s*", re.ASCII
)


def catalogues() -> dict[str, Messages]:
    """Every language by its tag, the default one first."""
    found = sorted(files.folder("static").glob("languages/*.json"), key=lambda each: (each.stem != DEFAULT, each.stem))
    return {each.stem: json.loads(each.read_text(encoding="utf-8")) for each in found}


@lru_cache(maxsize=256)  # browsers of one place send the same few
def best_language(accepted: str, known: tuple[str, ...]) -> str:
    """The tag to answer an Accept-Language header with; the first of `known` if nothing fits, or nothing is asked for."""
    wishes = sorted(_ranges(accepted), key=lambda each: -each[1])  # stable: of equals the first
    refused = {tag for tag, weight in wishes if not weight}
    for wish, weight in wishes:
        if weight and (tag := _found(wish, known, refused)):
            return tag
    return known[0]


def _ranges(accepted: str) -> Iterable[tuple[str, float]]:
    for each in accepted[:LONGEST].split(","):
        found = RANGE.fullmatch(each)
        if found:
            yield found[1].lower(), min(float(found[2] or 1), 1.0)


def _found(wish: str, known: tuple[str, ...], refused: set[str]) -> str:
    if wish == "*":
        return next((tag for tag in known if tag.lower() not in refused), "")
    parts = wish.split("-")
    shorter = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((tag for each in shorter for tag in known if tag.lower() == each), "")
