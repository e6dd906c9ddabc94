"""Where the page's template, style and script are.

Installed, they are the packages `waker.templates` and `waker.static` (package_dir in setup.cfg). In a checkout that
nobody installed they are the folders of these names beside the package.
"""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path


def read(folder: str, name: str) -> str:
    """The text of one file of `templates` or `static`. FileNotFoundError if there is none."""
    package = f"waker.{folder}"
    place = files(package) if find_spec(package) else Path(__file__).parents[2] / folder
    return place.joinpath(name).read_text(encoding="utf-8")
