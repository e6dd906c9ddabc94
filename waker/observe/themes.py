"""The themes that there are: a folder, read at the start, and the ConfigMap `kubesleeper-themes`, followed live.

Each key or file is `NAME.html`. One that is broken is told, with a sentence, in the log and as an Event on the ConfigMap;
its apps get the page as it comes. Of two of one name the ConfigMap's counts.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from waker import names
from waker.cluster.client import Api
from waker.cluster.events import Subject
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import SettingsError, ThemeError
from waker.observe.configmap import ConfigMapContent, parse_config_map
from waker.web.page import WaitingPage
from waker.web.page_context import PageContext, Template, page_context
from waker.web.samples import SAMPLES

log = logging.getLogger(__name__)

NAME = re.compile(r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.html")


class Themes:
    """Puts themes on a page whenever they change; `changed` is called afterwards."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        page: WaitingPage,
        complained: Callable[[Subject, str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.page = page
        self._report = complained
        self._from_folder: dict[str, Template] = {}
        source = Source(CONFIG_MAPS.collection(namespace), {"fieldSelector": f"metadata.name={names.THEMES_MAP}"})
        self.informer: Informer[ConfigMapContent] = Informer(api, source, parse_config_map, self._changed_to, clock)

    def read_folder(self, folder: str) -> None:
        """Take the themes of a folder; "" is none. Raises SettingsError if it cannot be read."""
        if not folder:
            return
        self._from_folder, problems = checked_themes(folder_texts(folder), self.page)
        for problem in problems:
            log.warning("%s: %s", folder, problem)
        self.page.use_themes(self._from_folder)

    def _changed_to(self, old: ConfigMapContent | None, new: ConfigMapContent | None) -> None:
        found, problems = checked_themes(dict(new[1]) if new else {}, self.page)
        for problem in problems:
            log.warning("ConfigMap %s: %s", names.THEMES_MAP, problem)
            if new:
                self._report(new[0], problem)
        self.page.use_themes(self._from_folder | found)
        log.info("themes: %s", ", ".join(sorted(self._from_folder | found)) or "none")


def folder_texts(folder: str) -> dict[str, str]:
    """The texts of a folder by file name. Raises SettingsError."""
    try:
        files = [each for each in sorted(Path(folder).iterdir()) if each.suffix == ".html"]
        return {each.name: each.read_text(encoding="utf-8") for each in files}
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"--themes: {folder} cannot be read: {error}") from error


def checked_themes(texts: Mapping[str, str], page: WaitingPage) -> tuple[dict[str, Template], list[str]]:
    """Themes by name of texts by file name, and a sentence for each that is broken."""
    found, problems = {}, []
    for file, text in texts.items():
        try:
            found[_name(file)] = checked_theme(text, page)
        except ThemeError as error:
            problems.append(f"theme {file[:80]}: {error}")
    return found, problems


def checked_theme(text: str, page: WaitingPage) -> Template:
    """One theme, tried on every state in every language. Raises ThemeError."""
    from waker.web import themes  # noqa: PLC0415 the template compiler: only where there is a theme

    return themes.checked_template(text, samples(page))


def samples(page: WaitingPage) -> Iterable[PageContext]:
    """Every state in every language."""
    for tag, words in page.languages.items():
        for view in SAMPLES.values():
            yield page_context(view, 9, tag, words, page.constants)


def _name(file: str) -> str:
    found = NAME.fullmatch(file)
    if not found:
        raise ThemeError("its name is not like corporate.html: lower case letters, digits and -, then .html")
    return found[1]
