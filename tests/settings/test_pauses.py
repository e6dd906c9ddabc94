"""Until when something is paused: how people write it, and which of several pauses counts."""

from datetime import UTC, datetime

import pytest

from waker.errors import SettingsError
from waker.settings.pauses import (
    FOREVER,
    Pause,
    PauseScope,
    format_namespaces,
    format_until,
    longest,
    parse_namespaces,
    parse_pause,
    parse_until,
)

EVENING = datetime(2027, 1, 31, 18, tzinfo=UTC)
NIGHT = datetime(2027, 1, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("true", FOREVER),
        ("false", None),
        ("2027-01-31T18:00:00Z", EVENING),
        (" 2027-01-31T19:00:00+01:00 ", EVENING),
        ("", None),
    ],
)
def test_a_pause(text: str, until: datetime | None) -> None:
    if text:
        assert parse_pause(text) == until
    else:
        assert parse_until(text) is None


@pytest.mark.parametrize("text", ["soon", "2h", "2027-01-31T18:00:00", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match="is neither true nor false, nor a time"):
        parse_pause(text)
    with pytest.raises(SettingsError, match="is not a time such as"):
        parse_until(text)


def test_namespaces_there_and_back() -> None:
    text = "dev=2027-01-31T18:00:00Z, prod"
    assert parse_namespaces(text) == {"dev": EVENING, "prod": FOREVER}
    assert format_namespaces(parse_namespaces(text)) == text
    assert parse_namespaces("") == {}


@pytest.mark.parametrize("text", ["Prod", "a b", "=2027-01-31T18:00:00Z", "dev=soon", "*"])
def test_namespaces_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_namespaces(text)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((None, None, None), "None"),
        ((EVENING, None, None), "it is paused until 2027-01-31 18:00:00 UTC"),
        ((EVENING, NIGHT, None), "its namespace is paused until 2027-01-31 23:00:00 UTC"),
        ((FOREVER, NIGHT, NIGHT), "it is paused"),
        ((EVENING, EVENING, EVENING), "KubeSleeper is paused until 2027-01-31 18:00:00 UTC"),
    ],
)
def test_the_one_that_ends_last_counts(
    ends: tuple[datetime | None, datetime | None, datetime | None], said: str
) -> None:
    assert str(longest(*ends)) == said


def test_a_time_as_it_is_written() -> None:
    assert (format_until(EVENING), format_until(FOREVER)) == ("2027-01-31T18:00:00Z", "true")
    assert Pause(FOREVER, PauseScope.APP).until == FOREVER
