"""The page's languages: every catalogue is whole, and a visitor gets the one that he reads best."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.web import languages

KNOWN = ("en", "de", "es", "fr", "pt-BR")
CATALOGUES = languages.catalogues()


@pytest.mark.parametrize("tag", CATALOGUES)
def test_all_catalogues_have_the_same_keys_and_places(tag: str) -> None:
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
        pytest.param("", "en", id="nothing is asked for"),
        pytest.param("fr", "fr", id="one"),
        pytest.param("de-AT, en;q=0.5", "de", id="the wider one of what is wished"),
        pytest.param("en;q=0.3, es;q=0.9", "es", id="by weight, not by place"),
        pytest.param("it, pt, fr;q=0.2", "fr", id="what is not there is passed over"),
        pytest.param("pt-br", "pt-BR", id="in any case of letters"),
        pytest.param("pt", "en", id="a narrower one is not what was asked for"),
        pytest.param("de;q=0, *", "en", id="all but one"),
        pytest.param("en;q=0, *;q=0.5", "de", id="all but the default"),
        pytest.param("fr;q=0", "en", id="refused"),
        pytest.param("de;q=0.8,fr;q=0.8", "de", id="of equals the first"),
        pytest.param("  fr-CH ; q=0.9 ,en ; q=0.1", "fr", id="blanks"),
        pytest.param("🦊, ;;q, fr;q=2, de;q=x, es", "es", id="what cannot be read is passed over"),
        pytest.param("x" * 300 + ", fr", "en", id="beyond what anybody sends"),
    ],
)
def test_best(accepted: str, tag: str) -> None:
    assert languages.best_language(accepted, KNOWN) == tag


@given(st.text(max_size=300))
def test_never_raises(accepted: str) -> None:
    assert languages.best_language(accepted, KNOWN) in KNOWN
