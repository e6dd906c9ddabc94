"""Text that somebody else wrote, as it may reach a terminal."""

import json
import unicodedata

import pytest

from waker import printable
from waker.printable import printable_data, printable_lines, printable_text

LINES = "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"  # what str.splitlines takes for the end of a line, and the tab


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "The shop: 100 % caf\u00e9 \U0001f600", "The shop: 100 % caf\u00e9 \U0001f600", id="nothing to do"
        ),
        pytest.param("\x1b[2Jgone", "\\u001b[2Jgone", id="a terminal is cleared"),
        pytest.param("\x1b]8;;http://evil\x07click", "\\u001b]8;;http://evil\\u0007click", id="a link"),
        pytest.param("a\x9b31mb", "a\\u009b31mb", id="the same with C1"),
        pytest.param("\x7f\x00\x08", "\\u007f\\u0000\\u0008", id="DEL, NUL, backspace"),
        pytest.param("\u202egpj.exe", "\\u202egpj.exe", id="right to left override"),
        pytest.param("\u2066a\u2069\u200fb\u061c", "\\u2066a\\u2069\\u200fb\\u061c", id="isolates and marks"),
        pytest.param("a\nERROR b\r\nc\td", "a ERROR b c d", id="lines and tabs"),
        pytest.param("\ud83d", "\\ud83d", id="half a character, which cannot be written"),
        pytest.param("\nboth ends\n", " both ends ", id="both ends"),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    assert printable_text(text) == expected


def test_no_control_character_of_unicode_is_left() -> None:
    everything = "".join(map(chr, range(0x30000)))
    left = {each for each in printable_text(everything) if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")}
    assert left == set()
    bidi = {each for each in map(chr, range(0x30000)) if unicodedata.bidirectional(each) in BIDI}
    assert not bidi & set(printable_text(everything))
    assert len(printable_text(LINES).splitlines()) == 1


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_lines_stay_where_the_program_makes_them() -> None:
    assert printable_lines("NAME\tPHASE\nshop\tA\x1b[1m\r\n\u2028") == "NAME\tPHASE\nshop\tA\\u001b[1m\\u000d\n\\u2028"


def test_json_stays_the_same_json() -> None:
    data = {"title": "".join(map(chr, range(0x100))), "more": "\u202e"}
    for text in (json.dumps(data, indent=2), json.dumps(data, indent=2, ensure_ascii=False)):
        assert json.loads(printable_lines(text)) == data


def test_data_is_cleaned_at_every_depth() -> None:
    data = {"a\x1b": ["b\n", {"c": ("d\u202e", 1, None, True, 2.5)}]}
    assert printable_data(data) == {"a\\u001b": ["b ", {"c": ["d\\u202e", 1, None, True, 2.5]}]}


def test_ordinary_text_is_not_copied() -> None:
    text = "an ordinary text"
    assert printable_text(text) is text
    assert printable.__doc__
