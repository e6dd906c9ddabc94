"""The page's files are found in a checkout and in an installed package alike."""

import subprocess
import sys
from pathlib import Path

import pytest

from waker.web import files

SCRIPT = "from waker.web import files; print(files.__file__); print(len(files.read('templates', 'waiting.html')))"
ROOT = Path(__file__).parents[2]


def copy(source: Path, target: Path, pattern: str) -> None:
    for path in source.rglob(pattern):
        new = target / path.relative_to(source)
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(path.read_bytes())


@pytest.mark.parametrize("inside", [False, True], ids=["checkout: beside the package", "installed: inside the package"])
def test_files_are_found(tmp_path: Path, inside: bool) -> None:
    copy(ROOT / "waker", tmp_path / "waker", "*.py")
    for folder in ("templates", "static"):
        copy(ROOT / folder, tmp_path / ("waker" if inside else "") / folder, "*.*")
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    path, length = run.stdout.split()
    assert Path(path).is_relative_to(tmp_path)
    assert int(length) > 500


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        files.read("templates", "nothing.html")
