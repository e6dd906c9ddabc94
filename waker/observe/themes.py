"""The themes of the waiting page: those in a folder, read at the start, and those in the ConfigMap `kubesleeper-themes`.

Each file or key is called `NAME.html`; of two with the same name the ConfigMap's counts. It knows where themes come from,
not what is in them: `web.themes` compiles and checks each one. The service makes one `Themes`; `waker page` uses the
functions. The subtle thing: a broken theme is reported, in the log and in an Event on the ConfigMap, and left out, so the
apps that name it get the built-in page.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from waker import names
from waker.cluster.client import Api
from waker.cluster.event_correlation import Subject
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import SettingsError, ThemeError
from waker.observe.live_settings import ConfigMapContent, parse_config_map
from waker.web.page import WaitingPage
from waker.web.page_context import PageContext, Template, page_context
from waker.web.samples import DRESSED, SAMPLES

log = logging.getLogger(__name__)

NAME = re.compile(r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.html")


class Themes:
    """Puts the themes on a page whenever they change. `on_problem` is called for each broken one, with a sentence."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        page: WaitingPage,
        on_problem: Callable[[Subject, str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.page = page
        self._on_problem = on_problem
        self._from_folder: dict[str, Template] = {}
        source = Source(CONFIG_MAPS.collection(namespace), {"fieldSelector": f"metadata.name={names.THEMES_MAP}"})
        self.informer: Informer[ConfigMapContent] = Informer(
            api, source, parse_config_map, self._config_map_changed, clock
        )

    def read_folder(self, folder: str) -> None:
        """Use the themes of a folder; "" is no folder. Raises SettingsError if it cannot be read."""
        if not folder:
            return
        self._from_folder, problems = checked_themes(folder_texts(folder), self.page)
        for problem in problems:
            log.warning("a theme cannot be used", extra={"folder": folder, "problem": problem})
        self.page.use_themes(self._from_folder)

    def _config_map_changed(self, old: ConfigMapContent | None, new: ConfigMapContent | None) -> None:
        found, problems = checked_themes(dict(new.data) if new else {}, self.page)
        for problem in problems:
            log.warning("a theme cannot be used", extra={"configmap": names.THEMES_MAP, "problem": problem})
            if new:
                self._on_problem(new.subject, problem)
        self.page.use_themes(self._from_folder | found)
        log.info("the themes have changed", extra={"themes": ", ".join(sorted(self._from_folder | found)) or "none"})


def no_theme(name: str) -> str:
    """What its user is told."""
    return f"there is no theme {name[:60]!r}; visitors see the built-in page"


def folder_texts(folder: str) -> dict[str, str]:
    """The texts of the HTML files in a folder, by file name. Raises SettingsError."""
    try:
        files = [each for each in sorted(Path(folder).iterdir()) if each.suffix == ".html"]
        return {each.name: each.read_text(encoding="utf-8") for each in files}
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"--themes: {folder} cannot be read: {error}") from error


def checked_themes(texts: Mapping[str, str], page: WaitingPage) -> tuple[dict[str, Template], list[str]]:
    """Texts by file name -> themes by name, and a sentence for each broken one."""
    found, problems = {}, []
    for file, text in texts.items():
        try:
            found[_name(file)] = checked_theme(text, page)
        except ThemeError as error:
            problems.append(f"theme {file[:80]}: {error}")
    return found, problems


def checked_theme(text: str, page: WaitingPage) -> Template:
    """A theme that has been rendered for every state in every language. Raises ThemeError."""
    from waker.web import themes  # noqa: PLC0415 imports the template compiler, which is needed only for themes

    return themes.checked_template(text, samples(page))


def samples(page: WaitingPage) -> Iterable[PageContext]:
    """The page in every state and every language."""
    for tag, words in page.languages.items():
        for view in (*SAMPLES.values(), DRESSED):
            yield page_context(view, 9, tag, words, page.constants)


def _name(file: str) -> str:
    found = NAME.fullmatch(file)
    if not found:
        raise ThemeError("its name must be like corporate.html: lower-case letters, digits and hyphens, then .html")
    return found[1]
