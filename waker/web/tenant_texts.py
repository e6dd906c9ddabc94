"""What an app's user writes on its page, cut to what a page can carry: a page has at most 15 kB, see docs/page.md.

Pure. Counted is what a text takes where it takes most, so a title of quotation marks or of emoji costs no more than one of
letters. `messages` and `page_context` call it; a test makes the longest pages of all themes, states and languages.
"""

import json
from collections.abc import Callable
from html import escape
from typing import Final
from urllib.parse import quote, urlsplit

LONGEST_TITLE: Final = 120  # bytes; it stands in a page three times
LONGEST_SUBJECT: Final = (
    60  # bytes of the title in the subject of a mail: 20 quotation marks, 10 Arabic letters, 5 emoji
)
LONGEST_SHOWN: Final = 64  # characters of a contact to read; the link has all of it


def short_title(title: str) -> str:
    """As much of a title as fits."""
    return _cut(title, LONGEST_TITLE, _bytes_of)


def mail_address(contact: str, title: str, reference: str) -> str:
    """A `mailto:` with a subject that says what the mail is about."""
    short = _cut(title, LONGEST_SUBJECT, lambda letter: len(quote(letter, safe="")))
    return f"{contact}?subject={quote(f'{short} ({reference})', safe='')}"


def shown_contact(contact: str) -> str:
    """A contact to read: a mail address or a host."""
    text = contact.removeprefix("mailto:") if contact.startswith("mailto:") else urlsplit(contact).netloc
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def script_json(data: object) -> str:
    """JSON as the content of a <script> element: without a `<`, nothing can end it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _bytes_of(letter: str) -> int:
    """Of one letter, as HTML or as JSON."""
    return max(len(escape(letter).encode()), len(script_json(letter).encode()) - 2)


def _cut(text: str, most: int, size: Callable[[str], int]) -> str:
    """The longest beginning whose letters have no more than this size together. An annotation may have 256 kB."""
    taken = 0
    for at, letter in enumerate(text):
        taken += size(letter)
        if taken > most:
            return text[:at]
    return text
