"""The documentation as a site: it builds without a warning, looks as it does on GitHub, and loads nothing from elsewhere.

MkDocs warns of a page that the navigation lacks, and of a link or an anchor that leads nowhere; each warning fails the build.
"""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.site_pages import OUTSIDE
from tests.docs.tables import ROOT

PAGES = {f"docs/{each.name}": each.name for each in sorted((ROOT / "docs").glob("*.md"))} | OUTSIDE
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Elements(HTMLParser):
    """How many elements of each name a page has, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag in LOADS:
            self.loaded.append(dict(attrs).get(LOADS[tag]) or "")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(command[1:-2])} says:\n{done.stderr}"
    return folder


@pytest.mark.parametrize("source", PAGES)
def test_tables_and_blocks_are_read_as_such(site: Path, source: str) -> None:
    """Two programs read this Markdown. A table or a block that only GitHub sees would be text on the site."""
    text = (ROOT / source).read_text()
    page = (site / PAGES[source]).with_suffix(".html").read_text()
    prose = re.sub(r"^( *)```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    wanted = {
        "table": len(re.findall(r"^\|(?: *:?-+:? *\|)+$", prose, re.MULTILINE)),
        "pre": len(re.findall(r"^ *```", text, re.MULTILINE)) // 2,
        "img": len(re.findall(r"!\[", prose)),
    }
    (body,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
    counts = Elements(body).counts
    assert {tag: counts.get(tag, 0) for tag in wanted} == wanted
    prose_of_page = re.sub(r"<pre.*?</pre>", "", body, flags=re.DOTALL)
    items = re.findall(r"^(?:- |\* |\d\. ).+$", prose_of_page, re.MULTILINE)
    assert items == [], "a list needs an empty line before it"


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert [each for each in Elements(page.read_text()).loaded if ":" in each.partition("/")[0]] == [], page.name
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]+", style.read_text()) == [], style.name


def test_a_stranger_begins_at_the_readme(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "Who it is for" in text
    assert 'href="operations.html' in text
    assert 'src="cycle.svg"' in text
