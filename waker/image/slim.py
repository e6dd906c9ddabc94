"""`python -OO -m waker.image.slim FOLDER...`: byte-compiles a folder without the annotations of functions, for the image.

From Python 3.14 on each annotated function carries a second one that makes its annotations (PEP 649). Nothing in waker or
its libraries asks for these, and without them the service is 2 MiB smaller. Annotations of classes stay, for dataclasses
are made of them. Sources and the lines in tracebacks stay as they are. The files are never checked against their sources
again (PEP 552), so this is for what does not change any more.
"""

import ast
import marshal
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

UNCHECKED = (1).to_bytes(4, "little")


class _Bare(ast.NodeTransformer):
    """Takes the annotations of functions away, inner ones and methods, too."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._bare(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._bare(node)

    def _bare(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        takes = node.args
        for each in (*takes.posonlyargs, *takes.args, *takes.kwonlyargs, takes.vararg, takes.kwarg):
            if each:
                each.annotation = None
        return node


def compiled(source: bytes, name: str) -> bytes:
    """The file that Python looks for, at its own level of optimization. Raises SyntaxError."""
    code = compile(_Bare().visit(ast.parse(source)), name, "exec", dont_inherit=True)
    return MAGIC_NUMBER + UNCHECKED + source_hash(source) + marshal.dumps(code)


def main(folders: list[str]) -> None:
    """All of them, with all that is below. What is no Python of this version is left alone."""
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
