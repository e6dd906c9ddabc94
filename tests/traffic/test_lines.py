"""A line reads the same whatever line came before it: the pattern makes reading faster, never different."""

import math
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.errors import ScrapeError
from waker.traffic.lines import MOST_LEARNT, Lines, Sample, parse

GOOD = (
    " 1",
    "{} 1",
    '{a="b"} 1',
    '{a="b"} 2.5e+3',
    '{a="b"} 0.5',
    '{a="b"} 7\r',
    '{a="b"}  7 1700000000000',
    '{a="b",} 3',
    '{a="b"} +Inf',
    '{a=""} 1e9',
    '{a="\\"}"} 1',
    '{a="x,b="} 1',
    '{a="ä} 2"} 1',
    '{a="b",c="d"} 4',
    '{c="d",a="b"} 4',
    '{a="b",a="c"} 4',
    '{ a = "b" } 5',
)
BAD = (
    '{a="b" 1',
    '{a="b"',
    '{a="b"c="d"} 1',
    "{a=b} 1",
    '{a="b"}',
    '{a="b"} 1_0',
)


@pytest.mark.parametrize("line", GOOD)
def test_the_second_line_is_read_as_if_it_were_the_first(line: str) -> None:
    alone = read(Lines("m"), line)
    for first in GOOD:
        lines = Lines("m")
        read(lines, first)
        assert read(lines, line) == alone, first
        assert read(lines, line) == alone, first


@pytest.mark.parametrize("text", ["one", "1.2.3", "1e"])
def test_a_value_that_is_no_number_is_not_lost(text: str) -> None:
    lines = Lines("m")
    read(lines, GOOD[2])
    found = read(lines, f'{{a="b"}} {text}')
    assert found.labels == {"a": "b"}
    assert math.isnan(found.value)


@pytest.mark.parametrize(("first", "line"), list(product(GOOD[2:4], BAD)))
def test_what_cannot_be_read_cannot_be_read_later_either(first: str, line: str) -> None:
    lines = Lines("m")
    read(lines, first)
    with pytest.raises(ScrapeError, match="malformed line: 'm"):
        read(lines, line)


def test_nothing_is_learnt_from_a_line_with_too_many_labels() -> None:
    """A pattern of thousands of labels takes a second to build."""
    labels = ",".join(f'l{number}="x"' for number in range(MOST_LEARNT + 1))
    lines = Lines("m")
    for _ in range(2):
        assert len(read(lines, f"{{{labels}}} 1").labels) == MOST_LEARNT + 1
    assert lines._alike is None


pieces = st.lists(st.sampled_from(['{a="', "b", '"', ",", 'c="', "}", " ", "1", "\\", ".5", "e+3", "="]), max_size=12)


@given(st.lists(pieces.map("".join), min_size=2, max_size=4))
def test_any_line(texts: list[str]) -> None:
    lines = Lines("m")
    for text in texts:
        assert outcome(partial(read, lines), text) == outcome(lambda line: parse("m", line.strip()), text)


def outcome(read: Callable[[str], Sample], line: str) -> Sample | str:
    try:
        return read(line)
    except ScrapeError as error:
        return str(error)


def read(lines: Lines, line: str) -> Sample:
    """In the midst of a page: the lines around it must not matter."""
    before, after = 'm{a="b"} 1\nm', '\n"} 1\n'
    return lines.read(before + line + after, len(before))


@pytest.mark.parametrize("inside", ["a", '"b"', 'a="b",', "a="])
def test_a_line_of_blanks_is_read_once(inside: str) -> None:
    """If each blank were tried with each other one, this would take minutes."""
    with pytest.raises(ScrapeError):
        parse("requests_total", f"{{{inside}{' ' * 60_000}x}} 1")
