"""`python -OO -m waker.image.slim FOLDER...`: byte-compiles folders without the annotations of functions, for the image.

From Python 3.14 on, each annotated function carries a second function that evaluates its annotations (PEP 649). Neither
waker nor its libraries use these, and without them the service is 2 MiB smaller. Annotations of classes stay, because
dataclasses need them; sources and the line numbers in tracebacks do not change. The Dockerfile runs it. The subtle thing:
Python never compares the compiled files with their sources again (PEP 552), so it is only for files that never change.
"""

import ast
import marshal
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

UNCHECKED = (1).to_bytes(4, "little")


class _WithoutAnnotations(ast.NodeTransformer):
    """Removes the annotations of all functions, including methods and inner functions."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._strip(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._strip(node)

    def _strip(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        arguments = node.args
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if each:
                each.annotation = None
        return node


def compiled(source: bytes, name: str) -> bytes:
    """The content of a .pyc file, at the optimization level of this process. Raises SyntaxError."""
    code = compile(_WithoutAnnotations().visit(ast.parse(source)), name, "exec", dont_inherit=True)
    return MAGIC_NUMBER + UNCHECKED + source_hash(source) + marshal.dumps(code)


def main(folders: list[str]) -> None:
    """Compile all Python files in these folders and below. Files that this Python cannot compile are skipped."""
    for path in (path for folder in folders for path in sorted(Path(folder).rglob("*.py"))):
        try:
            data = compiled(path.read_bytes(), str(path))
        except (SyntaxError, ValueError):
            continue
        target = Path(cache_from_source(str(path)))
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
