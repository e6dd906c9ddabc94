"""The annotation that remembers backends: what is written is read, and what cannot be read is an error with a sentence."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.building import NOW
from waker.plan import times
from waker.plan.notes import Unreadable
from waker.plan.routes import originals
from waker.plan.routes.ingress_object import KIND, IngressRouteId, read_saved, write_saved
from waker.plan.routes.route import Backend, ObjectId, Original

FRONT = ObjectId(KIND, "demo", "front")
BACKENDS = st.builds(Backend, st.text(min_size=1), st.one_of(st.text(min_size=1), st.integers(1, 65535)))
PATHS = st.builds(
    IngressRouteId, st.just("demo"), st.just("front"), st.text(), st.text(), st.sampled_from(["Prefix", "Exact"])
)
DEFAULT = st.just(IngressRouteId("demo", "front", "", "", ""))
TIMES = st.datetimes(datetime(2000, 1, 2), datetime(2999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
ORIGINALS = st.builds(Original, st.one_of(PATHS, DEFAULT), BACKENDS, TIMES, st.integers(0, 1000))

ENTRY = {"backend": {"service": {"name": "shop", "port": {"number": 80}}}, "at": "2026-01-31T12:00:00Z", "swaps": 1}


def text(**changes: object) -> str:
    """An annotation with one entry, changed."""
    return json.dumps({"routes": [{**ENTRY, **changes}]})


@settings(max_examples=25)
@given(st.lists(ORIGINALS, unique_by=lambda each: each.id))
def test_what_is_written_is_read(found: list[Original]) -> None:
    assert read_saved(FRONT, write_saved(found)) == {each.id: each for each in found}


def test_it_looks_as_documented() -> None:
    id = IngressRouteId("demo", "front", "shop.example.org", "/", "Prefix")
    assert json.loads(write_saved([Original(id, Backend("shop", "http"), NOW, 1)])) == {
        "routes": [
            {
                "host": "shop.example.org",
                "path": "/",
                "pathType": "Prefix",
                "backend": {"service": {"name": "shop", "port": {"name": "http"}}},
                "at": "2026-01-31T12:00:00Z",
                "swaps": 1,
            }
        ]
    }


def test_no_annotation_is_no_entry() -> None:
    assert read_saved(FRONT, "") == {}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("[]", id="a list"),
        pytest.param('{"routes": {}}'.replace("{}", "7"), id="no list of routes"),
        pytest.param('{"routes": [7]}', id="no entry"),
        pytest.param(text(backend={}), id="no Service"),
        pytest.param(text(backend={"service": {"name": "shop"}}), id="no port"),
        pytest.param(text(backend={"service": {"name": ["shop"], "port": {"number": 80}}}), id="a name that is none"),
        pytest.param(text(backend={"service": {"name": "shop", "port": {"number": 1.5}}}), id="a port that is none"),
        pytest.param(text(host=[]), id="a host that is none"),
        pytest.param(text(path=7), id="a path that is none"),
        pytest.param(text(at="yesterday"), id="no time"),
        pytest.param(text(at="2026-01-31T12:00:00"), id="a time without a zone"),
        pytest.param(text(at="9999-12-31T23:59:59Z"), id="a time that nothing can be added to"),
        pytest.param(text(at="0001-01-01T00:00:00+23:00"), id="a time that is not there in UTC"),
        pytest.param(text(at=7), id="a number for a time"),
        pytest.param(text(swaps="once"), id="a word for a number"),
        pytest.param(text(swaps=-1), id="a number below 0"),
        pytest.param(text(swaps=True), id="true is no number"),
        pytest.param(text().replace('"swaps": 1', '"swaps": 1e999'), id="infinity"),
        pytest.param(text().replace('"swaps": 1', '"swaps": NaN'), id="not a number"),
        pytest.param(json.dumps({"routes": [{"swaps": 1}]}), id="hardly anything"),
    ],
)
def test_what_cannot_be_read_is_told(found: str) -> None:
    read = read_saved(FRONT, found)
    assert isinstance(read, Unreadable)
    assert read.why.startswith("the saved backends of Ingress demo/front cannot be read")


@settings(max_examples=25)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda e: st.lists(e) | st.dictionaries(
    st.sampled_from(["routes", "backend", "service", "port", "name", "number", "at", "swaps", "host"]), e)))  # fmt: skip
def test_nothing_is_ever_raised(found: object) -> None:
    read_saved(FRONT, json.dumps({"routes": [found]}))
    read_saved(FRONT, json.dumps(found))


@settings(max_examples=25)
@given(TIMES)
def test_times_are_read_as_written(at: datetime) -> None:
    assert times.parse_time(times.format_time(at)) == at


def test_times_are_written_in_utc() -> None:
    assert times.format_time(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize("found", ["", "now", "2026-01-31", "2026-01-31T12:00:00", "9999-12-31T23:59:59Z"])
def test_what_is_no_time(found: str) -> None:
    assert times.parse_time(found) is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"resource": {"kind": "Bucket"}}, id="a resource backend"),
        pytest.param({"service": {"name": "shop"}}, id="no port"),
        pytest.param({"service": {"port": {"number": 80}}}, id="no name"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_no_service_is_no_backend(found: dict[str, object]) -> None:
    assert originals.backend_of(found) is None
