import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from tests.web.conftest import ASLEEP, NOW, PAGE
from waker.plan.model import Phase
from waker.web import files, page, precompile
from waker.web.apps import View
from waker.web.page import Page

EVIL = "<script>alert(1)</script>\"'>&{{ 7 * 7 }}"
VIEWS = [
    pytest.param(replace(ASLEEP, phase=phase, pinned=pinned, stuck=stuck, title=title), id=f"{phase}-{pinned}-{stuck}-{title}")
    for phase in Phase
    for pinned in (False, True)
    for stuck in ("", "Its image cannot be pulled.")
    for title in ("The shop",)
]  # fmt: skip


def text(view: View, seconds: int = 0) -> str:
    since = NOW - timedelta(seconds=seconds)
    return PAGE.render(replace(view, since=since), NOW).body.decode()


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_complete_in_itself(view: View) -> None:
    html = text(view)
    assert len(html.encode()) < 15_000
    assert not re.search(r"https?:|//[a-z]|\bsrc=|@import|url\(", html.replace("// ", ""))
    assert '<html lang="en">' in html
    assert 'role="status"' in html
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+;url=\?"></noscript>', html)
    assert "prefers-color-scheme: dark" in html
    assert "prefers-reduced-motion" in html
    assert "demo" not in html  # the namespace is nobody's business


def test_titles_are_escaped_everywhere() -> None:
    html = text(replace(ASLEEP, title=EVIL, stuck=EVIL))
    assert "alert(1)</script>" not in html
    assert "{{ 7 * 7 }}" in html  # text, not a template
    assert html.count("<script") == 1


def test_style_and_script_carry_the_nonce_of_the_policy_and_each_page_its_own() -> None:
    one, two = PAGE.render(ASLEEP, NOW), PAGE.render(ASLEEP, NOW)
    assert one.nonce != two.nonce
    assert re.findall(rb'<(\w+) nonce="([^"]+)"', one.body) == [
        (tag, one.nonce.encode()) for tag in (b"style", b"script")
    ]
    assert f"'nonce-{one.nonce}'" in one.policy
    assert "default-src 'none'" in one.policy
    assert "unsafe" not in one.policy
    assert not re.search(rb"\son\w+=|\sstyle=", one.body)  # a policy with nonces forbids them


def test_time_and_words() -> None:
    assert 'data-seconds="42"' in text(replace(ASLEEP, phase=Phase.WAKING), 42)
    assert 'data-seconds="0"' in text(ASLEEP, -5)  # clocks of two machines
    assert "switched off" in text(replace(ASLEEP, pinned=True))
    assert "Its image cannot be pulled." in text(replace(ASLEEP, stuck="Its image cannot be pulled."))


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_a_sentence(phase: Phase) -> None:
    assert page.SENTENCES[phase].endswith(".")


def test_what_is_kept_is_bounded_and_never_anothers() -> None:
    made = Page()
    for number in range(3 * page.KEPT):
        body = made.render(replace(ASLEEP, title=f"App {number}"), NOW).body
        assert f"App {number} is waking up" in body.decode()
    assert len(made._kept) <= page.KEPT


def test_a_missing_template_ends_the_start() -> None:
    with pytest.raises(TemplateNotFound):
        Page("nothing.html")


def test_what_a_template_does_not_know_is_no_empty_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "waiting.html").write_text("{{ unheard_of }}")
    monkeypatch.setattr(files, "folder", lambda _name: tmp_path)
    monkeypatch.setattr(files, "read", lambda _name, _file: "")
    with pytest.raises(UndefinedError):
        Page().render(ASLEEP, NOW)


def test_a_template_compiled_beforehand_makes_the_same_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("templates", "static"):
        shutil.copytree(files.folder(name), tmp_path / name)
    monkeypatch.setattr(files, "folder", lambda name: tmp_path / name)
    precompile.main()
    (tmp_path / "templates" / "waiting.html").unlink()  # so it cannot be read by mistake
    made, plain = Page().render(ASLEEP, NOW), PAGE.render(ASLEEP, NOW)
    assert made.body.replace(made.nonce.encode(), b"") == plain.body.replace(plain.nonce.encode(), b"")


def test_the_query_is_kept_without_javascript_and_escaped() -> None:
    html = PAGE.render(ASLEEP, NOW, 'x=1&y="><script>\udc80').body.decode()
    assert ';url=?x=1&amp;y=&quot;&gt;&lt;script&gt;"></noscript>' in html
    assert PAGE.render(ASLEEP, NOW).body.count(b"x=1") == 0  # the next visitor's page is his own
