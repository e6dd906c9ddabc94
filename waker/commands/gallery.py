"""`waker page --gallery`: every theme in every state, on one page to look at. For who chooses a theme or writes one.

Each is a frame of its own, in which no script runs: what is seen is what a visitor sees first. Light and dark are chosen on
the page.
"""

import re
from dataclasses import replace
from html import escape
from typing import Final

from waker.errors import SettingsError
from waker.observe.themes import checked_themes, folder_texts
from waker.settings.flags import Settings
from waker.web.page import BUILT_IN, WaitingPage
from waker.web.samples import DRESSED, LOGO, NOW, SAMPLES

SCRIPTS: Final = re.compile(r"<noscript>.*?</noscript>|<script.*?</script>", re.DOTALL)
FRAME: Final = (
    '<figure><iframe sandbox="" loading="lazy" title="{name}" srcdoc="{page}"></iframe>'
    "<figcaption>{name}</figcaption></figure>"
)
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>KubeSleeper: the waiting page</title>
<style>
body {{ margin: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; background: #888; color: #000; }}
section div {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem; }}
figure {{ margin: 0; }}
iframe {{ width: 100%; height: 30rem; border: 0; border-radius: .5rem; background: Canvas; color-scheme: light; }}
body:has(#dark:checked) iframe {{ color-scheme: dark; }}
</style>
</head>
<body>
<h1>The waiting page</h1>
<label><input type="checkbox" id="dark"> dark</label>
{sections}
</body>
</html>
"""


def gallery(settings: Settings, language: str) -> str:
    """The HTML, with the built-in themes and those of the folder of themes. Raises SettingsError."""
    made = WaitingPage()
    if language not in made.languages:
        raise SettingsError(f"--lang: {language[:40]!r} is not one of {', '.join(made.languages)}")
    found, problems = checked_themes(folder_texts(settings.themes) if settings.themes else {}, made)
    if problems:
        raise SettingsError(problems[0])
    made.use_themes(found)
    names = list(BUILT_IN) + sorted(found.keys() - BUILT_IN.keys())
    return PAGE.format(sections="\n".join(_section(made, each, language) for each in names))


def _section(made: WaitingPage, theme: str, language: str) -> str:
    views = {**SAMPLES, "with a colour, a picture and a contact": replace(DRESSED, title="The bookshop")}
    frames = []
    for state, view in views.items():
        page = made.render(replace(view, theme=theme), NOW, accepted=language, logo=LOGO).body.decode()
        frames.append(FRAME.format(name=escape(f"{theme}: {state}"), page=escape(SCRIPTS.sub("", page))))
    return f"<section><h2>{escape(theme)}</h2><div>\n{''.join(frames)}\n</div></section>"
