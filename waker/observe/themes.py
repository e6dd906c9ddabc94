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
from waker.cluster.informer import Reflector, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import SettingsError, ThemeError
from waker.observe.configmap import Content, content
from waker.web.page import Page
from waker.web.page_context import Context, Look, context_of
from waker.web.samples import SAMPLES

log = logging.getLogger(__name__)

NAME = re.compile(r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.html")


class Themes:
    """Puts themes on a page whenever they change; `changed` is called afterwards."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        page: Page,
        complained: Callable[[Subject, str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.page = page
        self._complained = complained
        self._from_folder: dict[str, Look] = {}
        source = Source(CONFIG_MAPS.collection(namespace), {"fieldSelector": f"metadata.name={names.THEMES_MAP}"})
        self.reflector: Reflector[Content] = Reflector(api, source, content, self._take, clock)

    def read(self, folder: str) -> None:
        """Take the themes of a folder; "" is none. Raises SettingsError if it cannot be read."""
        if not folder:
            return
        self._from_folder, problems = looks(folder_texts(folder), self.page)
        for problem in problems:
            log.warning("%s: %s", folder, problem)
        self.page.wear(self._from_folder)

    def _take(self, old: Content | None, new: Content | None) -> None:
        found, problems = looks(dict(new[1]) if new else {}, self.page)
        for problem in problems:
            log.warning("ConfigMap %s: %s", names.THEMES_MAP, problem)
            if new:
                self._complained(new[0], problem)
        self.page.wear(self._from_folder | found)
        log.info("themes: %s", ", ".join(sorted(self._from_folder | found)) or "none")


def folder_texts(folder: str) -> dict[str, str]:
    """The texts of a folder by file name. Raises SettingsError."""
    try:
        files = [each for each in sorted(Path(folder).iterdir()) if each.suffix == ".html"]
        return {each.name: each.read_text(encoding="utf-8") for each in files}
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"--themes: {folder} cannot be read: {error}") from error


def looks(texts: Mapping[str, str], page: Page) -> tuple[dict[str, Look], list[str]]:
    """Themes by name of texts by file name, and a sentence for each that is broken."""
    found, problems = {}, []
    for file, text in texts.items():
        try:
            found[_name(file)] = look_of(text, page)
        except ThemeError as error:
            problems.append(f"theme {file[:80]}: {error}")
    return found, problems


def look_of(text: str, page: Page) -> Look:
    """One theme, tried on every state in every language. Raises ThemeError."""
    from waker.web import themes  # noqa: PLC0415 the template compiler: only where there is a theme

    return themes.accepted(text, samples(page))


def samples(page: Page) -> Iterable[Context]:
    """Every state in every language."""
    for tag, words in page.languages.items():
        for view in SAMPLES.values():
            yield context_of(view, 9, tag, words, page.fixed)


def _name(file: str) -> str:
    found = NAME.fullmatch(file)
    if not found:
        raise ThemeError("its name is not like corporate.html: lower case letters, digits and -, then .html")
    return found[1]
