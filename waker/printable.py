r"""Text that others wrote, such as annotations, messages of the API server and metrics pages, made safe to look at.

A terminal obeys control characters: they clear the screen, rename the window, paste, hide and forge lines. Bidirectional
overrides show a text as another one. So they are escaped where text leaves: in the log (`logs`), in Events
(`cluster.events`) and in what commands print (`cli`, and the tables of `explain`). No other place has to think of it. The
escape is JSON's (`\u001b`), so what was JSON before is the same JSON afterwards.
"""

import re
from typing import Any, Final, TypeVar

Data = TypeVar("Data")

# C0, DEL and C1; marks, embeddings, overrides and isolates of bidirectional text; what ends a line; halves of characters.
_CONTROL: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_NOT_IN_LINES: Final = re.compile(f"[{_CONTROL}]")
_NOT_IN_A_LINE: Final = re.compile(f"[\\t\\n{_CONTROL}]")
_SPACE: Final = re.compile(r"\r\n|[\t\n\v\f\r\u2028\u2029]")  # ordinary in messages, so it becomes a blank


def printable_text(text: str) -> str:
    """One line: line ends and tabs become blanks, other control characters are escaped."""
    if not _NOT_IN_A_LINE.search(text):
        return text
    return _NOT_IN_LINES.sub(_escaped, _SPACE.sub(" ", text))


def printable_lines(text: str) -> str:
    """Several lines, of which each has been made by us: all control characters but newline and tab are escaped."""
    return _NOT_IN_LINES.sub(_escaped, text)


def printable_data(data: Data) -> Data:
    """The same structure of dicts, lists and tuples, with each text in it as one line. Tuples become lists."""
    return _cleaned(data)  # type: ignore[no-any-return]


def _cleaned(data: Any) -> Any:
    match data:
        case str():
            return printable_text(data)
        case dict():
            return {_cleaned(key): _cleaned(value) for key, value in data.items()}
        case list() | tuple():
            return [_cleaned(each) for each in data]
    return data


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
