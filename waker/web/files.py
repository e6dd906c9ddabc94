"""Where the page's template, style and script are.

Installed, they are the packages `waker.templates` and `waker.static` (package_dir in setup.cfg). In a checkout that
nobody installed they are the folders of these names beside the package.
"""

from importlib.util import find_spec
from pathlib import Path


def folder(name: str) -> Path:
    """The folder `templates` or `static`."""
    found = find_spec(f"waker.{name}")
    places = found.submodule_search_locations if found else None
    return Path(places[0]) if places else Path(__file__).parents[2] / name


def read(name: str, file: str) -> str:
    """The text of one of its files. FileNotFoundError if there is none."""
    return (folder(name) / file).read_text(encoding="utf-8")
