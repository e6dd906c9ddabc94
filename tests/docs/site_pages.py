"""A hook of MkDocs: the pages of the site that stand outside docs/, and links that lead out of it.

MkDocs loads this file by its path, see mkdocs.yml. Links are written for GitHub, where they are relative to the file. A link to
another page of the site stays one; a link to any other file of the repository becomes one to the repository. What leads
nowhere is left as it is, so that MkDocs warns, which fails the build.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_markdown"]  # what MkDocs calls

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/kubesleeper/kubesleeper"
OUTSIDE = {
    "README.md": "index.md",
    "examples/README.md": "examples.md",
    "charts/kubesleeper/README.md": "chart.md",
    "SECURITY.md": "report-a-hole.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that stand elsewhere."""
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """The same text with the links of the site."""
    name = page.file.src_uri
    source = next((path for path, of in OUTSIDE.items() if of == name), f"docs/{name}")
    folder = (ROOT / source).parent
    return LINK.sub(lambda found: link_of(folder, found[1]), markdown)


def link_of(folder: Path, link: str) -> str:
    """Where a link of a document in this folder leads on the site."""
    target = (folder / link).resolve()
    if not (target.exists() and target.is_relative_to(ROOT)):
        return link
    path = target.relative_to(ROOT).as_posix()
    if path in OUTSIDE:
        return OUTSIDE[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{REPOSITORY}/{'tree' if target.is_dir() else 'blob'}/main/{path}"
