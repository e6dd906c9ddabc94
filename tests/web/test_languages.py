"""The languages of the waiting page: every catalogue is complete, and a visitor gets the one that suits best."""

import re
import unicodedata

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
        assert text.endswith((".", "。")) is english[key].endswith("."), key


def test_english_is_the_default() -> None:
    assert next(iter(CATALOGUES)) == "en"
    assert {"en", "fr", "de", "es", "pl", "pt", "it", "ja", "ar"} <= CATALOGUES.keys()


# How many letters fit, by how a key begins: on one line of a phone, in a line of the list, in three lines of a phone.
# A letter of Japanese is as wide as two.
FITS = {
    "heading": 34, "tab": 20, "step": 30, "say": 112, "timing": 70, "left": 34, "time": 22, "hint": 108, "contact": 16,
    "reference": 18, "details": 16, "progress": 20, "done": 16, "current": 16, "ahead": 16, "language": 12, "dir": 3,
}  # fmt: skip


@pytest.mark.parametrize("tag", CATALOGUES)
def test_no_text_is_longer_than_fits(tag: str) -> None:
    for key, text in CATALOGUES[tag].items():
        width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
        assert width <= FITS[key.partition(".")[0]], (key, text)


@pytest.mark.parametrize("tag", CATALOGUES)
def test_nothing_is_left_in_english(tag: str) -> None:
    same = {key for key, text in CATALOGUES[tag].items() if text == CATALOGUES["en"][key] and len(text) > 12}
    assert tag == "en" or same <= {"time.minutes", "time.hours", "tab"}


@pytest.mark.parametrize("tag", CATALOGUES)
def test_a_language_is_written_in_one_direction(tag: str) -> None:
    letters = [unicodedata.bidirectional(each) for each in CATALOGUES[tag]["hint"]]
    assert CATALOGUES[tag]["dir"] == ("rtl" if "AL" in letters or "R" in letters else "ltr")


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
