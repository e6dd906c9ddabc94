"""Other people's templates for the page: read in a sandbox, tried on every state, and never the end of a visit.

Whoever may write a theme may not do more with it than show a page: texts, conditions, filters of the list and loops, but
no loop within a loop, no variable, no call, no other file. So what a theme takes grows with its own length only, and that
is limited. Imported when there is a theme: the template compiler is a tenth of the service's memory.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from waker.errors import ThemeError
from waker.web.page_context import PageContext, Stage, Template

LONGEST: Final = 64 * 1024  # letters of a template
LARGEST: Final = 128 * 1024  # letters of its page
FILTERS: Final = frozenset({"abs", "capitalize", "d", "default", "e", "escape", "first", "int", "last", "length", "lower",
                            "round", "title", "trim", "upper"})  # fmt: skip
WAYS: Final = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})  # of a loop
KNOWN: Final = {
    PageContext: frozenset(each.name for each in fields(PageContext)),
    Stage: frozenset(each.name for each in fields(Stage)),
    LoopContext: WAYS,
}
FORBIDDEN: Final = {
    nodes.Include: "include", nodes.Import: "import", nodes.FromImport: "from ... import", nodes.Extends: "extends",
    nodes.Macro: "macro", nodes.CallBlock: "call", nodes.Assign: "set", nodes.AssignBlock: "set",
    nodes.Call: "a call such as f()",
}  # fmt: skip

# What the page's policy would not let through, so that its author hears of it before a visitor does.
ELSEWHERE: Final = r"\bsrc=[\"']?+(?!data:)|<link\b(?![^>]*data:)|@import|url\([\"']?+(?!data:|#)"
BLOCKED: Final = (
    (r"<(?:style|script)\b(?![^>]*\bnonce=)", 'a <style> or <script> without nonce="{{ page.nonce }}"'),
    (r"<[a-z][^>]*\sstyle=", "an attribute style=...: use a <style>"),
    (r"<[a-z][^>]*\son[a-z]+=", "an attribute such as onclick=...: use a <script>"),
    (ELSEWHERE, "something that is fetched from elsewhere: use data: URLs"),
)


class Sandbox(ImmutableSandboxedEnvironment):
    """What a theme may do. (By inheritance, for that is how the library is told.)"""

    intercepted_binops = frozenset({"*", "**", "%"})  # each can make a large text of a short one

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only what the context has."""
        return attr in KNOWN.get(type(obj), ())

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing is called."""
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Sums are enough."""
        raise SecurityError(f"the operator {operator} is not allowed")


def checked_template(text: str, samples: Iterable[PageContext]) -> Template:
    """The theme, after it has been tried on every sample. Raises ThemeError with a sentence for its author."""
    if len(text) > LONGEST:
        raise ThemeError(f"it is longer than {LONGEST // 1024} kB")
    look = _compiled(text)
    for context in samples:
        page = look(context)
        if context.head not in page:
            raise ThemeError("it lacks {{ page.head }}, without which the page would never give way to the app")
        own = page.replace(context.head, "")
        for pattern, what in BLOCKED:
            if re.search(pattern, own, re.IGNORECASE):
                raise ThemeError(f"it has {what}")
    return look


def _compiled(text: str) -> Template:
    sandbox = Sandbox(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    sandbox.globals.clear()
    sandbox.filters = {name: each for name, each in sandbox.filters.items() if name in FILTERS}
    try:
        _check(sandbox.parse(text))
        template = sandbox.from_string(text)
    except (TemplateError, RecursionError) as error:
        raise ThemeError(_said(error)) from error

    def look(context: PageContext) -> str:
        try:
            return "".join(_limited(template.generate(page=context)))
        except ThemeError:
            raise
        except Exception as error:  # whatever a template can make of values
            raise ThemeError(_said(error)) from error

    return look


def _limited(parts: Iterable[str]) -> Iterator[str]:
    size = 0
    for part in parts:
        size += len(part)
        if size > LARGEST:
            raise ThemeError(f"its page is longer than {LARGEST // 1024} kB")
        yield part


def _check(tree: nodes.Template) -> None:
    for kind, name in FORBIDDEN.items():
        found = tree.find(kind)
        if found:
            raise ThemeError(f"line {found.lineno}: {name} is not allowed")
    for loop in tree.find_all(nodes.For):
        inner = next((each for part in loop.body + loop.else_ for each in _loops(part)), None)
        if inner or loop.recursive:
            raise ThemeError(f"line {loop.lineno}: a loop within a loop is not allowed")


def _loops(node: nodes.Node) -> Iterable[nodes.For]:
    if isinstance(node, nodes.For):
        yield node
    yield from node.find_all(nodes.For)


def _said(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    return (f"line {line}: " if line else "") + (str(error) or type(error).__name__)[:200]
