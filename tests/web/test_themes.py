"""Themes: one that is accepted is safe and complete; one that is not is reported, and visitors get the built-in page."""

import asyncio
import re
from dataclasses import replace
from html import escape, unescape
from itertools import product
from pathlib import Path

import pytest

from tests.web.conftest import ASLEEP, LONGEST_PAGE, NOW
from waker.commands import gallery
from waker.commands.page import page as print_page
from waker.errors import SettingsError, ThemeError
from waker.observe.themes import checked_theme, checked_themes
from waker.settings.flags import Settings
from waker.settings.page_values import parse_contact
from waker.web import files, messages, themes
from waker.web.page import BUILT_IN, WaitingPage
from waker.web.samples import DRESSED, LOGO, SAMPLES

GOOD = '<!doctype html><html><head>{{ page.head }}</head><body class="mine">{{ page.heading }}</body></html>'
PAGE = WaitingPage()


def body(inner: str) -> str:
    return GOOD.replace("{{ page.heading }}", inner)


def test_a_theme_is_used_for_its_apps_only() -> None:
    page = WaitingPage()
    page.use_themes({"corporate": checked_theme(GOOD, page)})
    mine = page.render(replace(ASLEEP, theme="corporate"), NOW)
    assert b'class="mine">The shop is waking up<' in mine.body
    assert mine.body.count(mine.nonce.encode()) == 1  # the script's
    assert b"mine" not in page.render(ASLEEP, NOW).body
    assert b"mine" not in page.render(replace(ASLEEP, theme="unknown"), NOW).body
    assert page.has_theme("corporate")
    assert page.has_theme("")
    assert not page.has_theme("unknown")
    page.use_themes({})
    assert b"mine" not in page.render(replace(ASLEEP, theme="corporate"), NOW).body


BUILT_IN_NAMES = pytest.mark.parametrize("theme", BUILT_IN)


@BUILT_IN_NAMES
def test_a_built_in_theme_keeps_to_what_themes_may_do(theme: str) -> None:
    checked_theme((files.folder("templates") / BUILT_IN[theme]).read_text(encoding="utf-8"), PAGE)


@BUILT_IN_NAMES
@pytest.mark.parametrize("tag", PAGE.languages)
def test_a_built_in_theme_in_every_state_and_language(theme: str, tag: str) -> None:
    for state, view in {**SAMPLES, "dressed": DRESSED}.items():
        page = PAGE.render(replace(view, theme=theme, title="x" * 120), NOW, accepted=tag, logo=LOGO)
        html = page.body.decode()
        assert f' data-tell="line">{escape(messages.line(view, PAGE.languages[tag]))}</p>' in html, state
        assert "<bdi>" + "x" * 120 + "</bdi>" in html
        assert "7F3K-2M5Q" in html
        assert ("<details" in html) is (state != "pinned")
        assert set(re.findall(r'nonce="([^"]*)"', html)) == {page.nonce}
        assert ("mailto:" in html) is ('data-logo alt="" src="' + LOGO in html) is (state == "dressed")


MAIL = f"mailto:{'a' * 64}@{'b' * 60}.{'c' * 60}.example.org"
WEB = f"https://{'a' * 60}.{'b' * 60}.example.org/?{'&' * 10}"


@BUILT_IN_NAMES
@pytest.mark.parametrize("contact", [MAIL, WEB], ids=["mail", "web"])
def test_no_title_and_no_contact_make_a_page_longer_than_promised(theme: str, contact: str) -> None:
    assert parse_contact(contact.removeprefix("mailto:")) == contact
    look = replace(DRESSED.look, contact=contact)
    for tag, (state, view), letter in product(PAGE.languages, SAMPLES.items(), "x'<\"&\\\x01م本🦉"):
        written = replace(view, theme=theme, title=letter * 100_000, look=look, has_logo=True)
        page = PAGE.render(written, NOW, accepted=tag, logo=LOGO, on_wait_host=True)
        assert len(page.body) - len(LOGO) * page.body.count(LOGO.encode()) < LONGEST_PAGE, (tag, state, letter)


def test_what_is_written_on_a_page_is_cut_by_its_bytes() -> None:
    titles = {letter: len(messages.title(replace(ASLEEP, title=letter * 500))) for letter in "x'<\x01م本🦉"}
    assert titles == {"x": 120, "'": 20, "<": 20, "\x01": 20, "م": 60, "本": 40, "🦉": 30}
    assert messages.title(replace(ASLEEP, title="متجر الكتب")) == "متجر الكتب"
    html = PAGE.render(replace(ASLEEP, look=replace(DRESSED.look, contact=MAIL)), NOW).body.decode()
    assert f'href="{MAIL}?subject=' in html
    assert f"<bdi>{MAIL[7:70]}…</bdi>" in html


def test_only_the_themes_that_are_used_are_loaded() -> None:
    page = WaitingPage()
    page.render(ASLEEP, NOW)
    assert page._built_in.keys() == {"waiting.html"}
    page.render(replace(ASLEEP, theme="card"), NOW)
    page.render(replace(ASLEEP, theme="sunrise"), NOW)
    assert page._built_in.keys() == {"waiting.html", "card.html"}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("<!doctype html>", "<style", id="head"),
        pytest.param('<p class="help">', "{% if page.steps %}", id="help"),
        pytest.param("<summary>", "</ol>", id="steps"),
        pytest.param(":root { --percent", "</style>", id="the app's colour"),
    ],
)
def test_what_all_built_in_themes_have_in_common_is_the_same_in_each(first: str, last: str) -> None:
    """Each is one file that somebody may take and change, and a theme includes no other. So they repeat this."""
    texts = {theme: (files.folder("templates") / file).read_text() for theme, file in BUILT_IN.items()}
    parts = {theme: text[text.index(first) : text.index(last)] for theme, text in texts.items()}
    assert set(parts.values()) == {parts["sunrise"]}
    assert parts["sunrise"]


def test_a_theme_of_the_users_takes_the_place_of_a_built_in_one() -> None:
    page = WaitingPage()
    page.use_themes({"card": checked_theme(GOOD, page)})
    assert b'class="mine"' in page.render(replace(ASLEEP, theme="card"), NOW).body
    page.use_themes({})
    assert b'class="bar"' in page.render(replace(ASLEEP, theme="card"), NOW).body


def test_a_sunrise_of_the_users_is_what_visitors_see_if_nothing_is_said(tmp_path: Path) -> None:
    page = WaitingPage()
    page.use_themes({"sunrise": checked_theme(GOOD, page)})
    assert b'class="mine"' in page.render(ASLEEP, NOW).body
    assert b'class="mine"' not in page.render(replace(ASLEEP, theme="unknown"), NOW).body
    assert b'class="mine"' not in page.render(replace(ASLEEP, theme="card"), NOW).body
    (tmp_path / "sunrise.html").write_text(GOOD)
    for theme in ("", "sunrise"):
        printed = asyncio.run(print_page(Settings(themes=str(tmp_path)), theme, "started", "en"))
        assert 'class="mine"' in printed


def test_the_gallery_shows_every_theme_in_every_state(tmp_path: Path) -> None:
    (tmp_path / "corporate.html").write_text(GOOD)
    html = gallery.gallery(Settings(themes=str(tmp_path)), "de")
    assert html.count("<iframe sandbox=") == (len(BUILT_IN) + 1) * (len(SAMPLES) + 1)
    assert "<script" not in unescape(html)
    assert unescape(html).count("Einzelheiten") >= len(SAMPLES)
    (tmp_path / "corporate.html").write_text("{{ page.nothing }}")
    with pytest.raises(SettingsError, match=r"theme corporate\.html"):
        gallery.gallery(Settings(themes=str(tmp_path)), "de")


def test_the_example_in_the_docs_is_a_valid_theme() -> None:
    text = (Path(__file__).parents[2] / "docs" / "themes.md").read_text()
    (example,) = re.findall(r"```html\n(.*?)```", text, re.DOTALL)
    checked_theme(example, PAGE)


def test_texts_are_escaped() -> None:
    page = WaitingPage()
    page.use_themes({"corporate": checked_theme(GOOD, page)})
    html = page.render(replace(ASLEEP, theme="corporate", title="<b>x</b>"), NOW).body
    assert b"&lt;b&gt;x&lt;/b&gt; is waking up" in html
    assert b"<b>" not in html


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{% if %}", "line 1", id="not a template"),
        pytest.param(body("{{ page.heading"), "line 1", id="not closed"),
        pytest.param("<p>hello</p>", "lacks {{ page.head }}", id="without the script"),
        pytest.param(body("{{ page.unknown }}"), "unknown", id="an unknown field"),
        pytest.param(body("{{ heading }}"), "'heading' is undefined", id="an unknown name"),
        pytest.param(body("{% if page.mood == 'pinned' %}{{ page.nothing }}{% endif %}"), "nothing", id="in one state only"),
        pytest.param(body("{{ page.steps[5].label }}"), "5", id="a step that not every state has"),
        pytest.param(body("{{ page.__class__ }}"), "__class__", id="out of the sandbox by a class"),
        pytest.param(body("{{ page.title.__class__.__mro__ }}"), "__class__", id="out of the sandbox by a text"),
        pytest.param(body("{{ page.title.upper() }}"), "a call", id="a method"),
        pytest.param(body("{{ range(9) }}"), "a call", id="a function"),
        pytest.param(body("{{ page.title|replace('a', 'b') }}"), "replace", id="a filter that is not allowed"),
        pytest.param(body("{{ 'x' * 1000000000 }}"), "operator *", id="a huge text"),
        pytest.param(body("{{ 9 ** 9 ** 9 }}"), "operator **", id="a huge number"),
        pytest.param(body("{{ '%999999999d' % 1 }}"), "operator %", id="a huge number as text"),
        pytest.param(body("{% set a = 'x' %}"), "set is not allowed", id="a variable"),
        pytest.param(body("{% macro f() %}{% endmacro %}"), "macro is not allowed", id="a macro"),
        pytest.param(body("{% include '/etc/passwd' %}"), "include is not allowed", id="a file"),
        pytest.param(body("{% extends 'waiting.html' %}"), "extends is not allowed", id="another template"),
        pytest.param(body("{% import 'x' as y %}"), "import is not allowed", id="an import"),
        pytest.param(
            body("{% for a in page.title %}{% if a %}{% for b in page.title %}{% endfor %}{% endif %}{% endfor %}"),
            "a nested loop", id="a nested loop",
        ),
        pytest.param(
            body("{% for c in '" + "x" * 9000 + "' %}" + "y" * 90 + "{% endfor %}"), "longer than 128 kB", id="too long a page",
        ),
        pytest.param(body("x" * 70_000), "longer than 64 kB", id="too long a template"),
        pytest.param(body("<style>p {}</style>"), "without nonce", id="a style that would be blocked"),
        pytest.param(body('<p style="color: red">'), "style=", id="an attribute that would be blocked"),
        pytest.param(body('<p onclick="x">'), "onclick", id="a script that would be blocked"),
        pytest.param(body('<img src="https://cdn.example.org/x.png">'), "loaded from another address", id="an image of others"),
        pytest.param(body("{{ 1 / 0 }}"), "division by zero", id="an error"),
    ],
)  # fmt: skip
def test_a_theme_that_is_not_accepted(text: str, reason: str) -> None:
    with pytest.raises(ThemeError) as error:
        checked_theme(text, PAGE)
    assert reason in str(error.value)


def test_loops_side_by_side_filters_and_conditions_are_accepted() -> None:
    inner = "{% for s in page.steps %}{{ loop.index }}{{ s.label|upper }}{% endfor %}" * 2
    checked_theme(body(inner + "{% if page.usual %}{{ page.usual + 1 }}{% endif %}"), PAGE)
    checked_theme(body('<img src="data:image/png;base64,x"><a href="https://example.org/status">status</a>'), PAGE)


def test_if_a_theme_fails_on_a_visit_the_built_in_page_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    page = WaitingPage()
    tricky = body("{% if page.title == 'Odd' %}{{ 1 / 0 }}{% endif %}")
    page.use_themes({"tricky": checked_theme(tricky, page)})
    assert b"Odd is waking up" in page.render(replace(ASLEEP, theme="tricky", title="Odd"), NOW).body
    assert "theme tricky: division by zero" in caplog.text


def test_valid_themes_are_kept_and_the_others_reported() -> None:
    found, problems = checked_themes(
        {"a.html": GOOD, "b.html": "x", "C.html": GOOD, "notes.txt": GOOD, "-.html": GOOD}, PAGE
    )
    assert list(found) == ["a"]
    assert [each.split(":")[0] for each in problems] == [
        "theme b.html",
        "theme C.html",
        "theme notes.txt",
        "theme -.html",
    ]


def test_every_sentence_has_a_sample() -> None:
    keys = {key.removeprefix("say.") for key in PAGE.languages["en"] if key.startswith("say.")}
    assert SAMPLES.keys() == keys
    assert themes.ATTRIBUTES
