"""Users' templates for the waiting page: compiled in a sandbox and tried on every sample before they are used.

A theme can show a page and nothing more: it may have texts, conditions, the listed filters and loops, but no nested loop,
no variable, no call, no other file. So its cost grows only with its length, which is limited. `observe.themes` reads
themes and reports their ThemeErrors; it imports this module only when there is a theme, as the template compiler is a
tenth of the service's memory.
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

LONGEST: Final = 64 * 1024  # characters of a template
LONGEST_PAGE: Final = 128 * 1024  # characters of a page made with it
FILTERS: Final = frozenset({"abs", "capitalize", "d", "default", "e", "escape", "first", "int", "last", "length", "lower",
                            "round", "title", "trim", "upper"})  # fmt: skip
LOOP_ATTRIBUTES: Final = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})
ATTRIBUTES: Final = {
    PageContext: frozenset(each.name for each in fields(PageContext)),
    Stage: frozenset(each.name for each in fields(Stage)),
    LoopContext: LOOP_ATTRIBUTES,
}
FORBIDDEN: Final = {
    nodes.Include: "include", nodes.Import: "import", nodes.FromImport: "from ... import", nodes.Extends: "extends",
    nodes.Macro: "macro", nodes.CallBlock: "call", nodes.Assign: "set", nodes.AssignBlock: "set",
    nodes.Call: "a call such as f()",
}  # fmt: skip

# What the page's Content-Security-Policy would block, so that the author hears of it before a visitor sees it.
EXTERNAL: Final = r"\bsrc=[\"']?+(?!data:)|<link\b(?![^>]*data:)|@import|url\([\"']?+(?!data:|#)"
BLOCKED: Final = (
    (r"<(?:style|script)\b(?![^>]*\bnonce=)", 'a <style> or <script> without nonce="{{ page.nonce }}"'),
    (r"<[a-z][^>]*\sstyle=", "a style=... attribute: use a <style>"),
    (r"<[a-z][^>]*\son[a-z]+=", "an attribute such as onclick=...: use a <script>"),
    (EXTERNAL, "something that is loaded from another address: use data: URLs"),
)


class Sandbox(ImmutableSandboxedEnvironment):
    """What a theme may do. A subclass, because the library offers no other way to say it."""

    intercepted_binops = frozenset({"*", "**", "%"})  # each can make a huge value of a short text

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only the fields of the context, and what a loop knows of itself."""
        return attr in ATTRIBUTES.get(type(obj), ())

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing may be called."""
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Called for the intercepted operators only, and refuses them."""
        raise SecurityError(f"the operator {operator} is not allowed")


def checked_template(text: str, samples: Iterable[PageContext]) -> Template:
    """The theme, once every sample has been rendered with it. Raises ThemeError with the reason, for its author."""
    if len(text) > LONGEST:
        raise ThemeError(f"it is longer than {LONGEST // 1024} kB")
    template = _compiled(text)
    for context in samples:
        page = template(context)
        if context.head not in page:
            raise ThemeError("it lacks {{ page.head }}, which takes visitors from the page to the app")
        own = page.replace(context.head, "")
        for pattern, problem in BLOCKED:
            if re.search(pattern, own, re.IGNORECASE):
                raise ThemeError(f"it has {problem}")
    return template


def _compiled(text: str) -> Template:
    sandbox = Sandbox(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    sandbox.globals.clear()
    sandbox.filters = {name: each for name, each in sandbox.filters.items() if name in FILTERS}
    try:
        _check(sandbox.parse(text))
        template = sandbox.from_string(text)
    except (TemplateError, RecursionError) as error:
        raise ThemeError(_reason(error)) from error

    def render(context: PageContext) -> str:
        try:
            return "".join(_limited(template.generate(page=context)))
        except ThemeError:
            raise
        except Exception as error:  # a template can fail in any way
            raise ThemeError(_reason(error)) from error

    return render


def _limited(parts: Iterable[str]) -> Iterator[str]:
    size = 0
    for part in parts:
        size += len(part)
        if size > LONGEST_PAGE:
            raise ThemeError(f"the page that it makes is longer than {LONGEST_PAGE // 1024} kB")
        yield part


def _check(tree: nodes.Template) -> None:
    for kind, name in FORBIDDEN.items():
        found = tree.find(kind)
        if found:
            raise ThemeError(f"line {found.lineno}: {name} is not allowed")
    for loop in tree.find_all(nodes.For):
        inner = next((each for part in loop.body + loop.else_ for each in _loops(part)), None)
        if inner or loop.recursive:
            raise ThemeError(f"line {loop.lineno}: a nested loop is not allowed")


def _loops(node: nodes.Node) -> Iterable[nodes.For]:
    if isinstance(node, nodes.For):
        yield node
    yield from node.find_all(nodes.For)


def _reason(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    return (f"line {line}: " if line else "") + (str(error) or type(error).__name__)[:200]
