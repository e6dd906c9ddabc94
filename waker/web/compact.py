"""Our own style and script with fewer bytes, as every waiting page carries them. Names stay, so a page can still be read.

Pure, and for the two files in `static/` only: it knows the CSS and JavaScript that stand there, not all that there could be.
What is between quotes or backquotes is left alone. Comments are lines of their own. `page` calls it once, at the start.
"""

import re
from typing import Final

QUOTED: Final = re.compile(r"""("[^"\n]*"|'[^'\n]*'|`[^`]*`)""")
JINJA: Final = re.compile(r"(\{[{%].*?[%}]\}\n?)")
OPEN_END: Final = re.compile(r"([;{(,])\n")  # the end of a statement, or of nothing yet
SPACED: Final = re.compile(r" ?([=+*/<>?:;,{}()&|!-]) ?")  # in a script, blanks beside these mean nothing


def compact_style(text: str) -> str:
    """CSS. A blank before `:` or `(`, and around `+` and `-`, would mean something."""
    parts = QUOTED.split(re.sub(r'="([a-z]+)"\]', r"=\1]", "".join(_lines(text, "/*"))))
    return "".join(part if number % 2 else _compact_rules(part) for number, part in enumerate(parts))


def _compact_rules(text: str) -> str:
    return re.sub(r" ?([{};,>]) ?", r"\1", text.replace(": ", ":")).replace(";}", "}")


def compact_styles(template: str) -> str:
    """A template with a compact <style>, in which the lines of Jinja stay as they are."""
    before, tag, rest = template.partition('<style nonce="{{ page.nonce }}">\n')
    style, end, after = rest.partition("</style>")
    parts = JINJA.split(style)
    return (
        before
        + tag
        + "".join(part if number % 2 else compact_style(part) for number, part in enumerate(parts))
        + end
        + after
    )


def compact_script(text: str) -> str:
    """JavaScript. A line goes on in the next one where that is certain, so no semicolon has to be guessed."""
    parts = QUOTED.split("\n".join(_lines(text, "//")))
    return "".join(part if number % 2 else _compact_statements(part) for number, part in enumerate(parts))


def _compact_statements(text: str) -> str:
    return SPACED.sub(r"\1", OPEN_END.sub(r"\1", text))


def _lines(text: str, comment: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(comment)]
