"""The byte code for the image: smaller, and still the same program."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = '''
"""A module."""
from dataclasses import dataclass

@dataclass(frozen=True)
class Shop:
    name: str
    open: bool = True

    async def greet(self, visitor: str, *others: str, loud: bool = False, **more: int) -> str:
        def inner(text: str) -> str:
            return text.upper() if loud else text
        return inner(f"{visitor} at {self.name}")

def fail(
    why: str,
) -> None:
    raise ValueError(why)

try:
    fail("x")
except ValueError as error:
    line = error.__traceback__.tb_next.tb_lineno
print(Shop("shop"), line, fail.__annotations__, Shop.greet.__annotations__, Shop.__annotations__, __doc__)
'''
PRINTED = "Shop(name='shop', open=True) 18 {} {} {'name': <class 'str'>, 'open': <class 'bool'>} None"


def run(*args: str, cwd: Path) -> str:
    here = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": here}
    done = subprocess.run(
        [sys.executable, "-OO", *args], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_program_is_the_same_without_the_annotations_of_functions(tmp_path: Path) -> None:
    package = tmp_path / "some" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE)
    (package / "template.py").write_text("def {{ name }}(): pass\n")
    (package / "binary.py").write_bytes(b"\x00\xff")
    run("-m", "waker.image.slim", str(tmp_path / "some"), cwd=tmp_path)
    assert run("-c", "import package", cwd=package.parent) == PRINTED
    assert len(list(package.glob("__pycache__/*"))) == 1


def test_a_changed_source_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("print('one')")
    run("-m", "waker.image.slim", ".", cwd=tmp_path)
    (tmp_path / "module.py").write_text("print('another')")
    assert run("-c", "import module", cwd=tmp_path) == "one"
