"""`waker page`: the waiting page as a visitor would see it, printed. For who writes a theme or a language.

A theme is a file, or the name of one in the folder of themes, of a built-in one, or else of one in the ConfigMap of the
cluster.
"""

from dataclasses import replace
from pathlib import Path

from waker import names
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import NotFound, SettingsError, ThemeError
from waker.observe.themes import checked_theme, folder_texts
from waker.process import person
from waker.settings.flags import Settings
from waker.web.page import BUILT_IN, USUAL, WaitingPage
from waker.web.samples import NOW, SAMPLES


async def page(settings: Settings, theme: str, state: str, language: str) -> str:
    """The HTML. Raises SettingsError, ThemeError, ClusterError."""
    made = WaitingPage()
    if language not in made.languages:
        raise SettingsError(f"--lang: {language[:40]!r} is not one of {', '.join(made.languages)}")
    theme = theme or USUAL
    if not _is_built_in(settings, theme):
        try:
            look = checked_theme(await _text(settings, theme), made)
        except ThemeError as error:
            raise ThemeError(f"theme {theme}: {error}") from error
        made.use_themes({theme: look})
    view = replace(SAMPLES[state], theme=theme)
    return made.render(view, NOW, accepted=language).body.decode()


def _is_built_in(settings: Settings, theme: str) -> bool:
    """Whether the name is that of a built-in theme, and no file of the folder takes its place."""
    return theme in BUILT_IN and f"{theme}.html" not in (folder_texts(settings.themes) if settings.themes else {})


async def _text(settings: Settings, theme: str) -> str:
    if "/" in theme or theme.endswith(".html"):
        try:
            return Path(theme).read_text(encoding="utf-8")  # noqa: ASYNC240 one small file, and nothing else to do
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"--theme: {theme} cannot be read: {error}") from error
    file = f"{theme}.html"
    texts = folder_texts(settings.themes) if settings.themes else {}
    return texts[file] if file in texts else await _from_cluster(settings, file)


async def _from_cluster(settings: Settings, file: str) -> str:
    async with person(settings) as api:
        try:
            found = await api.get(CONFIG_MAPS.one(settings.own_namespace, names.THEMES_MAP))
        except NotFound as error:
            raise ThemeError(f"there is no ConfigMap {names.THEMES_MAP}") from error
    texts = found.get("data") or {}
    if file not in texts:
        raise ThemeError(f"ConfigMap {names.THEMES_MAP} has no key {file}")
    return str(texts[file])
