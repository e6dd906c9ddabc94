"""Metrics pages as they come: any cut into chunks gives the same samples, and nothing wanted is lost in silence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from waker.errors import ScrapeError
from waker.traffic import exposition
from waker.traffic.controllers import ALL, Adapter
from waker.traffic.exposition import Exposition
from waker.traffic.lines import Sample

PAGES = Path(__file__).parent / "pages"


def read(page: bytes, *wanted: str, step: int = 1 << 20) -> list[Sample]:
    stream = Exposition(wanted or ("m",))
    found = [sample for at in range(0, len(page), step) for sample in stream.feed(page[at : at + step])]
    return [*found, *stream.finish()]


@pytest.mark.parametrize(
    ("page", "labels", "value"),
    [
        pytest.param(b"m 1\n", {}, 1, id="no labels"),
        pytest.param(b"m{} 1\n", {}, 1, id="empty braces"),
        pytest.param(b'm{a="b",c=""} 2.5e3\n', {"a": "b", "c": ""}, 2500, id="labels, an empty one, exponent"),
        pytest.param(b'm{a="b",} 1\n', {"a": "b"}, 1, id="comma at the end"),
        pytest.param(b'm { a = "b" , c = "d" } 1\n', {"a": "b", "c": "d"}, 1, id="spaces"),
        pytest.param(rb'm{a="\\ \" \n \d"} 1' + b"\n", {"a": '\\ " \n \\d'}, 1, id="escapes"),
        pytest.param(b'm{a="}, b=\\"x\\" {"} 1\n', {"a": '}, b="x" {'}, 1, id="braces and commas inside a value"),
        pytest.param("m{a='x'}".replace("'", '"').encode() + b" 1 1700000000000\n", {"a": "x"}, 1, id="timestamp"),
        pytest.param(b'm{a="x"} 1 # {trace_id="y"} 0.5 1.2\n', {"a": "x"}, 1, id="exemplar"),
        pytest.param(b'm{a="x"} 7\r\n', {"a": "x"}, 7, id="CRLF"),
        pytest.param(b'm{a="x"} 7', {"a": "x"}, 7, id="last line without newline"),
        pytest.param(b'  \tm{a="x"} 1\n', {"a": "x"}, 1, id="leading blanks"),
        pytest.param(b'\xef\xbb\xbfm{a="x"} 1\n', {"a": "x"}, 1, id="a byte order mark"),
        pytest.param(b'{"m"} 1\n', {}, 1, id="quoted"),
        pytest.param(b'{"m",a="b"} 1\n', {"a": "b"}, 1, id="quoted, with a label"),
        pytest.param(
            b'  { "m" , "a.b" = "c" , d="e" } 1\n', {"a.b": "c", "d": "e"}, 1, id="quoted, a label of any name"
        ),
        pytest.param(b'{a="b","m"} 1\n', {"a": "b"}, 1, id="quoted, after a label"),
        pytest.param(b'm{"a.b"="c"} 1\n', {"a.b": "c"}, 1, id="a label in quotes"),
        pytest.param(b'm{a="\xc3\xa4"} +Inf\n', {"a": "ä"}, float("inf"), id="UTF-8, infinity"),
    ],
)
def test_one_sample(page: bytes, labels: dict[str, str], value: float) -> None:
    assert read(page) == [Sample("m", labels, value)]
    assert read(b"# HELP m x\n# TYPE m counter\n" + page, step=1) == [Sample("m", labels, value)]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b"m_created 1\nm_total{} 1\nxm 1\n", id="longer names"),
        pytest.param(b"# HELP m 1\n#m 1\n", id="comments"),
        pytest.param(b'x{a="m 1"} 1\nx{a="\\nm 1"} 2\n', id="the name inside a value"),
        pytest.param(b"", id="empty page"),
        pytest.param(b'{"x","m"="m",a="m"} 1\n{"xm"} 1\n{"x",a="\\"m\\""} 1\n', id="another metric in quotes"),
        pytest.param(b"# m 1\n x m 1\n", id="blanks before it, and something before them"),
        pytest.param(b"<html>m{</html>\n\n\n", id="not a metrics page"),
    ],
)
def test_nothing_wanted(page: bytes) -> None:
    assert read(page) == []


@pytest.mark.parametrize("text", [b"NaN", b"one", b"--1"])
def test_what_is_not_a_number_is_one_series_problem(text: bytes) -> None:
    strange, other = read(b'm{a="b"} ' + text + b'\nm{a="c"} 1\n')
    assert strange.labels == {"a": "b"}
    assert strange.value != strange.value
    assert other == Sample("m", {"a": "c"}, 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("step", [1, 3, 1 << 20])
def test_an_encoding_that_cannot_be_read_is_named(encoding: str, step: int) -> None:
    with pytest.raises(ScrapeError, match="in an encoding other than UTF-8"):
        read("m 1\n".encode(encoding), step=step)


@pytest.mark.parametrize(
    ("page", "whole"), [(b"m 1\n# EOF\n", True), (b"m 1\n# EOF", True), (b"m 1\n", False), (b"m 1", False)]
)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_page_may_say_that_it_is_whole(page: bytes, step: int, *, whole: bool) -> None:
    stream = Exposition(("m",))
    for at in range(0, len(page), step):
        list(stream.feed(page[at : at + step]))
    list(stream.finish())
    assert stream.is_whole is whole


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'm{a="b" 1\n', id="brace not closed"),
        pytest.param(b'm{a="b 1\n', id="quote not closed"),
        pytest.param(b'm{a="b"c="d"} 1\n', id="no comma"),
        pytest.param(b"m{a=b} 1\n", id="no quotes"),
        pytest.param(b'm{a="b"}\n', id="no value"),
        pytest.param(b'{"m",a="b} 1\n', id="quoted: quote not closed"),
        pytest.param(b'{"m",a} 1\n', id="quoted: a label without a value"),
        pytest.param(b"m 1_0\n", id="a number of Python's only"),
        pytest.param(b"m 1 2 3\n", id="too many numbers"),
    ],
)
def test_a_wanted_line_that_cannot_be_read_is_an_error(line: bytes) -> None:
    with pytest.raises(ScrapeError, match="malformed line: 'm"):
        read(b"m 1\n" + line)
    assert read(line, "other") == []


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_metric_with_one_sample_is_not_searched_again(step: int) -> None:
    stream = Exposition(("m", "x"), once="m")
    page = b"m 1\nx 1\nm 2\nx 2\n"
    found = [sample for at in range(0, len(page), step) for sample in stream.feed(page[at : at + step])]
    assert sorted(found) == [Sample("m", {}, 1), Sample("x", {}, 1), Sample("x", {}, 2)]


def test_errors_show_a_line_cut_short_and_printable() -> None:
    with pytest.raises(ScrapeError) as caught:
        read(b"m{\x1b[31m" + b"x" * 5000 + b"\n")
    assert len(str(caught.value)) < 150
    assert str(caught.value).isprintable()


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "LONGEST_LINE", 100)
    with pytest.raises(ScrapeError, match="with a line of more"):
        read(b"x" * 101)
    monkeypatch.setattr(exposition, "MOST_SAMPLES", 2)
    with pytest.raises(ScrapeError, match="with more than 2 samples"):
        read(b"m 1\n" * 3)
    monkeypatch.setattr(exposition, "MOST_BYTES", 10)
    with pytest.raises(ScrapeError, match="page of more than 0 MB"):
        read(b"x\n" * 6)


@pytest.mark.parametrize("adapter", ALL, ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
def test_real_pages_read_as_a_full_parser_does(adapter: Adapter, step: int) -> None:
    page = (PAGES / f"{adapter.name}.txt").read_bytes()
    expected = [
        (name, sorted(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        for name in adapter.wanted
        if sample.name in (name, f"{name}_total")  # that parser adds _total to the name of every counter
    ]
    found = [
        (metric, sorted(labels.items()), value) for metric, labels, value in read(page, *adapter.wanted, step=step)
    ]
    assert sorted(found) == sorted(expected)
    assert adapter.proof in {metric for metric, _, _ in found} <= set(adapter.wanted)


words = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)


@given(
    labels=st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), words, max_size=4),
    value=st.integers(0, 2**53),
    cuts=st.integers(1, 40),
)
def test_whatever_is_escaped_comes_back(labels: dict[str, str], value: int, cuts: int) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

    line = "m{" + ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items()) + f"}} {value}\n"
    assert read(b"x 1\n" + line.encode() + b"y 2\n", step=cuts) == [Sample("m", labels, value)]
