"""Our own style and script with fewer bytes, as every waiting page carries them. Names stay, so a page can still be read.

Pure, and for the two files in `static/` only: it knows the CSS and JavaScript that stand there, not all that there could be.
What is between quotes or backquotes is left alone. Comments are lines of their own. `page` calls it once, at the start.
"""

import re
from typing import Final

QUOTED: Final = re.compile(r"""("[^"\n]*"|'[^'\n]*'|`[^`]*`)""")
SPACED: Final = re.compile(r" ?([=+*/<>?:;,{}()&|!-]) ?")  # in a script, blanks beside these mean nothing


def compact_style(text: str) -> str:
    """CSS. A blank before `:` or `(`, and around `+` and `-`, would mean something."""
    lines = _lines(text, "/*")
    text = re.sub(r'="([a-z]+)"\]', r"=\1]", "".join(lines).replace(": ", ":"))
    return re.sub(r" ?([{};,>]) ?", r"\1", text).replace(";}", "}") + "\n"


def compact_script(text: str) -> str:
    """JavaScript. Lines stay, so no semicolon has to be guessed."""
    parts = QUOTED.split("\n".join(_lines(text, "//")))
    return "".join(part if number % 2 else SPACED.sub(r"\1", part) for number, part in enumerate(parts)) + "\n"


def _lines(text: str, comment: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(comment)]
