import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from tests.web.conftest import ASLEEP, NOW, PAGE
from waker.image import precompile
from waker.plan.model import Phase
from waker.plan.progress import Step, Trouble
from waker.web import files, messages, page, page_context
from waker.web.apps import View
from waker.web.page import WaitingPage
from waker.web.samples import SAMPLES

SVG = "http://www.w3.org/2000/svg"  # the name of a language, not an address that is asked
EVIL = "<script>alert(1)</script>\"'>&{{ 7 * 7 }}"
STATES = pytest.mark.parametrize("view", [pytest.param(each, id=name) for name, each in SAMPLES.items()])
LANGUAGES = pytest.mark.parametrize("tag", PAGE.languages)


def html_of(view: View, seconds: int = 0, accepted: str = "") -> str:
    since = NOW - timedelta(seconds=seconds)
    return PAGE.render(replace(view, since=since), NOW, accepted=accepted).body.decode()


def script_data(html: str) -> dict[str, object]:
    """The JSON that the page's script reads."""
    found = re.search(r'<script type="application/json" id="kubesleeper">(.*?)</script>', html, re.DOTALL)
    assert found
    data: dict[str, object] = json.loads(found[1])["now"]
    return data


@LANGUAGES
@STATES
def test_every_page_needs_nothing_else(view: View, tag: str) -> None:
    html = html_of(view, accepted=tag)
    assert len(html.encode()) < 14_900  # a title of 120 bytes stands in it three times
    assert not re.search(r"https?:|[^:]//[a-z]|\bsrc=|@import|url\(", html.replace(f'xmlns="{SVG}"', ""))
    assert f'<html lang="{tag}" dir="{"rtl" if tag == "ar" else "ltr"}"' in html
    assert 'role="status"' in html
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+;url=\?"></noscript>', html)
    assert '<meta name="robots" content="noindex">' in html
    assert "prefers-color-scheme:dark" in html
    assert "prefers-reduced-motion" in html
    assert not re.search(r"\bdemo\b", html)  # the namespace is not for visitors


@STATES
def test_each_state_is_in_the_text_and_in_the_script_data(view: View) -> None:
    html, english = html_of(view), PAGE.languages["en"]
    assert english[f"say.{messages.message_key(view)}"] in html
    assert english[f"heading.{messages.mood(view)}"].replace("{title}", "<bdi>The shop</bdi>") in html
    data = script_data(html)
    assert (data["mood"], data["step"]) == (messages.mood(view), view.step)


def test_progress_is_a_list_in_which_one_step_is_current() -> None:
    html = html_of(replace(ASLEEP, phase=Phase.WAKING, step=Step.SCHEDULED))
    states = re.findall(r'data-stage="(\w+)" data-state="(\w+)"( aria-current="step")?', html)
    assert states == [
        ("asked", "done", ""), ("scheduled", "done", ""), ("pulled", "current", ' aria-current="step"'),
        ("started", "ahead", ""), ("ready", "ahead", ""), ("opening", "ahead", ""),
    ]  # fmt: skip
    assert "data-stage=" not in html_of(replace(ASLEEP, pinned=True))


def test_titles_are_escaped_everywhere() -> None:
    html = html_of(replace(ASLEEP, title=EVIL))
    assert "alert(1)</script>" not in html
    assert "{{ 7 * 7 }}" in html  # text, not a template
    assert html.count("<script") == 2
    assert script_data(html)["title"] == EVIL


def test_style_and_script_have_the_nonce_of_the_policy_and_each_page_its_own() -> None:
    one, two = PAGE.render(ASLEEP, NOW), PAGE.render(ASLEEP, NOW)
    assert one.nonce != two.nonce
    assert re.findall(rb'<(\w+)[^>]* nonce="([^"]+)"', one.body) == [
        (tag, one.nonce.encode()) for tag in (b"script", b"style")
    ]
    assert f"'nonce-{one.nonce}'" in one.policy
    assert "default-src 'none'" in one.policy
    assert "unsafe" not in one.policy
    assert not re.search(rb"<[^>]*\s(on\w+|style)=", one.body)  # a policy with nonces forbids them


@pytest.mark.parametrize(
    ("elapsed", "usual", "text"),
    [
        (42, None, "42 s so far."),
        (-5, None, "0 s so far."),  # clocks of two machines
        (125, None, "2 min 5 s so far."),
        (7500, 3600, "2 h 5 min so far, longer than the usual 1 h 0 min."),
        (9, 14, "9 s so far, usually about 14 s."),
        (26, 14, "26 s so far, usually about 14 s."),
        (27, 14, "27 s so far, longer than the usual 14 s."),
    ],
)
def test_the_timing(elapsed: int, usual: int | None, text: str) -> None:
    known = timedelta(seconds=usual) if usual else None
    html = html_of(replace(ASLEEP, phase=Phase.WAKING, typical=known), elapsed)
    assert f'<p data-tell="timing">{text}</p>' in html
    assert script_data(html)["elapsed"] == max(0, elapsed)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("trouble", [None, *Trouble])
@pytest.mark.parametrize("step", Step)
def test_every_state_has_a_sentence(phase: Phase, trouble: Trouble | None, step: Step) -> None:
    if step is not Step.OPENING:  # never seen
        sentence = messages.sentence(replace(ASLEEP, phase=phase, trouble=trouble, step=step), PAGE.languages["en"])
        assert sentence.endswith(".")


def test_the_cache_is_bounded_and_gives_nobody_anothers_page() -> None:
    made = WaitingPage()
    for number in range(3 * page.CACHED):
        body = made.render(replace(ASLEEP, title=f"App {number}"), NOW).body
        assert f"App {number} is waking up" in body.decode()
        assert (
            f"App {number} wacht gerade auf"
            in made.render(replace(ASLEEP, title=f"App {number}"), NOW, accepted="de").body.decode()
        )
    assert len(made._cached) <= page.CACHED


def test_a_missing_template_is_an_error_at_the_start() -> None:
    with pytest.raises(TemplateNotFound):
        WaitingPage("nothing.html")


def test_an_unknown_field_in_the_template_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("templates", "static"):
        shutil.copytree(files.folder(name), tmp_path / name)
    (tmp_path / "templates" / "waiting.html").write_text("{{ page.unknown }}")
    monkeypatch.setattr(files, "folder", lambda name: tmp_path / name)
    with pytest.raises(UndefinedError):
        WaitingPage().render(ASLEEP, NOW)


def test_a_precompiled_template_makes_the_same_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("templates", "static"):
        shutil.copytree(files.folder(name), tmp_path / name)
    monkeypatch.setattr(files, "folder", lambda name: tmp_path / name)
    precompile.main()
    (tmp_path / "templates" / "waiting.html").unlink()  # so that it cannot be used by mistake
    made, plain = WaitingPage().render(ASLEEP, NOW), PAGE.render(ASLEEP, NOW)
    assert made.body.replace(made.nonce.encode(), b"") == plain.body.replace(plain.nonce.encode(), b"")


def test_the_refresh_keeps_the_query_escaped() -> None:
    html = PAGE.render(ASLEEP, NOW, 'x=1&y="><script>\udc80').body.decode()
    assert ';url=?x=1&amp;y=&quot;&gt;&lt;script&gt;"></noscript>' in html
    assert PAGE.render(ASLEEP, NOW).body.count(b"x=1") == 0  # the next visitor's page has its own


def test_every_field_of_the_context_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "themes.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE)
    wanted = [*page_context.PageContext.__slots__, *(f"step.{name}" for name in page_context.Stage.__slots__)]
    assert rows == wanted
