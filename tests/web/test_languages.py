"""The languages of the waiting page: every catalogue is complete, and a visitor gets the one that suits best."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.web import languages

KNOWN = ("en", "de", "es", "fr", "pt-BR")
CATALOGUES = languages.catalogues()


@pytest.mark.parametrize("tag", CATALOGUES)
def test_all_catalogues_have_the_same_keys_and_placeholders(tag: str) -> None:
    english, words = CATALOGUES[languages.DEFAULT], CATALOGUES[tag]
    assert list(words) == list(english), "the same keys in the same order"
    for key, text in words.items():
        assert text.strip() == text
        assert text
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[key])), key
        assert text.endswith(".") is english[key].endswith("."), key


def test_english_is_the_default() -> None:
    assert next(iter(CATALOGUES)) == "en"
    assert {"en", "fr", "de", "es"} <= CATALOGUES.keys()


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        pytest.param("", "en", id="no header"),
        pytest.param("fr", "fr", id="one language"),
        pytest.param("de-AT, en;q=0.5", "de", id="the wider language of a narrower range"),
        pytest.param("en;q=0.3, es;q=0.9", "es", id="by weight, not by order"),
        pytest.param("it, pt, fr;q=0.2", "fr", id="an unknown language is skipped"),
        pytest.param("pt-br", "pt-BR", id="in upper or lower case"),
        pytest.param("pt", "en", id="a narrower language does not match"),
        pytest.param("de;q=0, *", "en", id="any but one"),
        pytest.param("en;q=0, *;q=0.5", "de", id="any but the default"),
        pytest.param("fr;q=0", "en", id="refused"),
        pytest.param("de;q=0.8,fr;q=0.8", "de", id="the first of equals"),
        pytest.param("  fr-CH ; q=0.9 ,en ; q=0.1", "fr", id="spaces"),
        pytest.param("🦊, ;;q, fr;q=2, de;q=x, es", "es", id="unreadable ranges are skipped"),
        pytest.param("x" * 300 + ", fr", "en", id="what comes after the first 200 characters"),
    ],
)
def test_the_best_language(accepted: str, tag: str) -> None:
    assert languages.best_language(accepted, KNOWN) == tag


@given(st.text(max_size=300))
def test_never_raises(accepted: str) -> None:
    assert languages.best_language(accepted, KNOWN) in KNOWN


def test_long_headers_are_not_kept() -> None:
    languages._best_language.cache_clear()
    for number in range(10):
        languages.best_language("de," + "x" * languages.LONGEST + str(number), KNOWN)
    assert languages._best_language.cache_info().currsize == 1
