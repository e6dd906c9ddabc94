"""Where the files of the waiting page are: its template, style, script and languages.

Installed, they are the packages `waker.templates` and `waker.static` (`package_dir` in setup.cfg). In a checkout that is
not installed they are the folders `templates` and `static` beside the package. Both are found here.
"""

from importlib.util import find_spec
from pathlib import Path


def folder(name: str) -> Path:
    """The folder `templates` or `static`."""
    package = find_spec(f"waker.{name}")
    locations = package.submodule_search_locations if package else None
    return Path(locations[0]) if locations else Path(__file__).parents[2] / name


def read(name: str, file: str) -> str:
    """The text of a file in `folder(name)`. Raises FileNotFoundError."""
    return (folder(name) / file).read_text(encoding="utf-8")
