"""The app's own face on its page: colour, picture, whom to ask. Nothing that a tenant writes runs, or reaches anybody else."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.conftest import ASLEEP, NOW, PAGE
from waker import names
from waker.plan.model import Phase
from waker.plan.page_reference import REFERENCE, reference_of
from waker.plan.policy import read_policy
from waker.plan.progress import Step, Trouble
from waker.settings.configmap import Live
from waker.web import messages
from waker.web.apps import View
from waker.web.samples import DRESSED, LOGO, SAMPLES

CRASHED = replace(DRESSED, phase=Phase.WAKING, trouble=Trouble.CRASH)
WAKING = replace(ASLEEP, phase=Phase.WAKING, step=Step.STARTED, typical=timedelta(seconds=14))


class Tags(HTMLParser):
    """The elements of a page with their attributes, and the texts of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def html_of(view: View, logo: str = "") -> str:
    return PAGE.render(view, NOW, logo=logo).body.decode()


def test_the_colour_is_in_the_style_in_two_shades() -> None:
    html = html_of(DRESSED)
    shades = re.findall(r"{--accent:(#[0-9a-f]{6})}", html)
    assert len(shades) == 2
    assert shades[0] != shades[1]
    assert ":root{--accent:" not in html_of(ASLEEP)


def test_the_picture_is_in_the_page_and_not_in_the_cache() -> None:
    html = html_of(DRESSED, LOGO)
    assert f'<img class="logo" data-logo alt="" src="{LOGO}">' in html
    assert html.count(LOGO) == 1
    assert not any(LOGO.encode() in piece for pieces in PAGE._cached.values() for piece in pieces)
    assert "<img" not in html_of(DRESSED), "not read in time"
    assert "<img" not in html_of(replace(DRESSED, has_logo=False))


def test_whom_to_ask_and_by_what_reference() -> None:
    html = html_of(CRASHED)
    assert 'href="mailto:help@example.com?subject=The%20shop%20%287F3K-2M5Q%29"' in html
    assert "<bdi>help@example.com</bdi>" in html
    assert "Reference: <bdi>7F3K-2M5Q</bdi>" in html
    by_web = replace(CRASHED, look=replace(CRASHED.look, contact="https://status.example.com/shop"))
    assert 'href="https://status.example.com/shop"' in html_of(by_web)
    assert "<bdi>status.example.com</bdi>" in html_of(by_web)


def test_a_reference_names_nobody() -> None:
    assert REFERENCE.fullmatch(reference_of("0b5c1d2e"))
    assert reference_of("0b5c1d2e") == reference_of("0b5c1d2e") != reference_of("0b5c1d2f")


def test_every_reference_that_we_show_could_be_one() -> None:
    root = Path(__file__).parents[2]
    files = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("waker/**/*.py")]
    found = {text for file in files for text in re.findall(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", file.read_text())}
    assert found == {DRESSED.reference}
    assert all(REFERENCE.fullmatch(view.reference) for view in (*SAMPLES.values(), DRESSED))


@pytest.mark.parametrize(
    ("elapsed", "left", "tab", "percent"),
    [
        (0, "about 14 s left", "(14 s) The shop", 0),
        (9, "about 5 s left", "(5 s) The shop", 57),
        (13, "about 1 s left", "(1 s) The shop", 83),
        (14, "any moment now", "The shop is waking up", 90),
        (27, "taking longer than usual", "The shop is waking up", 94),
        (9999, "taking longer than usual", "The shop is waking up", 98),
    ],
)
def test_the_time_that_is_left(elapsed: int, left: str, tab: str, percent: int) -> None:
    html = html_of(replace(WAKING, since=NOW - timedelta(seconds=elapsed)))
    assert f'data-tell="left">{left}</p>' in html
    assert f"<title>{tab}</title>" in html
    assert f"--percent:{percent}}}" in html


def test_long_times_are_rounded() -> None:
    english = PAGE.languages["en"]
    assert [messages.left(0, timedelta(seconds=s), english) for s in (59, 100, 150, 3569, 3599, 7500, 7559)] == [
        "about 59 s left", "about 2 min left", "about 3 min left", "about 59 min left", "about 1 h 0 min left",
        "about 2 h 5 min left", "about 2 h 6 min left",
    ]  # fmt: skip


def test_a_ring_is_never_full_and_never_goes_back() -> None:
    for typical in (None, timedelta(milliseconds=300), timedelta(seconds=14), timedelta(hours=1)):
        for step in tuple(Step)[:6]:
            view = replace(WAKING, step=step, typical=typical)
            found = [messages.percent(view, elapsed) for elapsed in range(0, 9000, 7)]
            assert found == sorted(found)
            assert 0 <= found[0] <= found[-1] <= 98


@pytest.mark.parametrize("state", SAMPLES)
def test_only_a_wake_that_goes_on_has_a_countdown(state: str) -> None:
    html, view = html_of(SAMPLES[state]), SAMPLES[state]
    assert ("s left</p>" in html) is (messages.mood(view) is messages.Mood.WAKING and state != "node")


def test_to_wait_for_a_free_place_is_no_alarm() -> None:
    html = html_of(SAMPLES["node"])
    assert 'data-mood="waking"' in html
    assert 'data-tell="line">Waiting for a free place.' in html


WRITTEN = st.text(max_size=60) | st.sampled_from([
    "</title><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "#fff;}*{display:none}",
    'https://evil.example/?a="onclick=alert(1)', "data:image/svg+xml;base64,PHN2Zy8+", "{title}{left}{{ 7*7 }}",
    "</script><b>", "\0\x1b", "\u202e\u2066",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(WRITTEN, WRITTEN, WRITTEN, st.sampled_from([*SAMPLES]), st.sampled_from([*PAGE.languages]))
def test_nothing_that_a_tenant_writes_runs_or_reaches_another_origin(
    title: str, accent: str, contact: str, state: str, tag: str
) -> None:
    written = {names.ENABLED: "true", names.TITLE: title, names.ACCENT: accent, names.CONTACT: contact}
    policy = read_policy(written, Live()).policy
    assert policy
    usual = PAGE.render(replace(SAMPLES[state], look=policy.look), NOW, accepted=tag)
    page = PAGE.render(replace(SAMPLES[state], title=title or "x", look=policy.look), NOW, accepted=tag)
    tags, plain = Tags(page.body.decode()), Tags(usual.body.decode())
    assert [each for each, _ in tags.found] == [each for each, _ in plain.found], "the same elements, in the same order"
    assert page.policy.replace(page.nonce, "") == usual.policy.replace(usual.nonce, "")
    for tag_name, attributes in tags.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        if tag_name in ("script", "style") and attributes.get("type") != "application/json":
            assert attributes["nonce"] == page.nonce
        for name in ("src", "href"):
            value = attributes.get(name) or "data:,"
            assert value.startswith("data:") or (tag_name == "a" and value.startswith(("mailto:", "https://")))
