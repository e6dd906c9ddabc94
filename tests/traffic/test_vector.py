"""Prometheus's answers, as a real one (2.42) gave them, read in pieces; and what is no answer."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.errors import ScrapeError
from waker.traffic import vector
from waker.traffic.vector import Element, Vector

PAGES = Path(__file__).parent / "pages"
ANSWERS = sorted(PAGES.glob("prometheus-*.json"))
NGINX = (PAGES / "prometheus-ingress-nginx.json").read_bytes()
EMPTY = b'{"status":"success","data":{"resultType":"vector","result":[]}}'


def read(*pieces: bytes) -> list[Element]:
    stream = Vector()
    found = [element for piece in pieces for element in stream.feed(piece)]
    stream.finish()
    return found


def whole(text: bytes) -> list[Element]:
    """The same, read by the standard library at once."""
    found = json.loads(text)["data"]["result"]
    return [Element(each["metric"], float(each["value"][1]), each["value"][0]) for each in found]


@pytest.mark.parametrize("path", ANSWERS, ids=[path.stem for path in ANSWERS])
@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_a_real_answer_in_pieces_of_any_size(path: Path, size: int) -> None:
    text = path.read_bytes()
    found = read(*(text[at : at + size] for at in range(0, len(text), size)))
    assert found == whole(text)
    assert len(found) >= 5


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    st.lists(st.tuples(st.dictionaries(TEXT, TEXT, max_size=4), st.integers(0, 2**53)), max_size=8),
    st.integers(1, 50),
    st.booleans(),
)
def test_any_labels(series: list[tuple[dict[str, str], int]], size: int, ascii: bool) -> None:
    result = [{"metric": labels, "value": [1700000000.5, str(value)]} for labels, value in series]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    text = json.dumps(answer, ensure_ascii=ascii).encode()
    found = read(*(text[at : at + size] for at in range(0, len(text), size)))
    assert found == [Element(labels, float(value), 1700000000.5) for labels, value in series]


def test_an_answer_without_series() -> None:
    assert read(EMPTY) == []


def test_other_fields_beside_the_streamdo_not_matter() -> None:
    assert read(EMPTY[:-1] + b',"stats":{"seriesFetched":"0"},"infos":["a hint"],"warnings":[]}') == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"", "does not understand: ''", id="nothing"),
        pytest.param(b"<html>sign in</html>", "does not understand: '<html>sign in</html>'", id="another page"),
        pytest.param(b'{"status":"error","errorType":"timeout","error":"query timed out"}',
                     "refused the query: 'query timed out'", id="an error"),
        pytest.param(EMPTY.replace(b"vector", b"matrix"), "does not understand", id="no vector"),
        pytest.param(EMPTY.replace(b"success", b"error"), "does not understand", id="no success"),
        pytest.param(NGINX[:2000], "broke off its answer", id="cut short in an element"),
        pytest.param(NGINX[:-3], "broke off its answer", id="cut short at the end"),
        pytest.param(EMPTY[:-1] + b',"warnings":["store 2 did not answer"]}', "sent an incomplete answer", id="warnings"),
        pytest.param(EMPTY.replace(b'"data"', b'"isPartial":true,"data"'), "does not understand", id="partial"),
        pytest.param(EMPTY.replace(b"[]", b"[5]"), "does not understand: '5'", id="no element"),
        pytest.param(EMPTY.replace(b"[]", b'[{"metric":{}}]'), "does not understand", id="no value"),
        pytest.param(EMPTY.replace(b"[]", b'[{"metric":{},"value":[1,"x"]}]'), "does not understand", id="no number"),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_is_an_error(text: bytes, why: str) -> None:
    with pytest.raises(ScrapeError) as raised:
        read(text)
    assert why in str(raised.value)


def feed_for_ever(stream: Vector, piece: bytes) -> None:
    for _ in range(100):
        list(stream.feed(piece))


@pytest.mark.parametrize(
    "begin", [b"", EMPTY[:-3], EMPTY[:-3] + b'{"metric":{"a":"'], ids=["head", "between", "element"]
)
def test_what_never_ends_is_given_up(begin: bytes) -> None:
    stream = Vector()
    list(stream.feed(begin))
    with pytest.raises(ScrapeError, match="does not understand"):
        feed_for_ever(stream, b"x" * 1000)


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector, "MOST_BYTES", 10_000)
    stream = Vector()
    list(stream.feed(EMPTY[:-3]))
    with pytest.raises(ScrapeError, match="sent an answer of more than 0 MB"):
        feed_for_ever(stream, b'{"metric":{},"value":[1,"1"]},' * 10)
