"""The ConfigMap `kubesleeper`, followed live: the settings in effect, with the defaults for all keys that it lacks.

`settings.configmap` parses the data; this module watches it, and knows nothing of what the settings mean. The service makes
one `LiveConfig` and hands its `live` to everybody. The subtle thing: `live` is usable at any time. Before the first list,
and when the ConfigMap is deleted, it holds the defaults; if a value cannot be parsed, the last good one.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from waker import names
from waker.cluster.client import Api
from waker.cluster.event_correlation import Subject
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.settings.configmap import Live, read_live

log = logging.getLogger(__name__)


class ConfigMapContent(NamedTuple):
    """What is kept of a ConfigMap: the object to write Events about, and its data, sorted by key."""

    subject: Subject
    data: tuple[tuple[str, str], ...]


class LiveConfig:
    """`on_change` is called when `live` has changed, `on_problem` for each value that cannot be used, with a sentence."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        on_change: Callable[[], None],
        on_problem: Callable[[Subject, str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.live = Live()
        self._on_change = on_change
        self._on_problem = on_problem
        source = Source(CONFIG_MAPS.collection(namespace), {"fieldSelector": f"metadata.name={names.CONFIG_MAP}"})
        self.informer: Informer[ConfigMapContent] = Informer(
            api, source, parse_config_map, self._config_map_changed, clock
        )

    def written_keys(self) -> frozenset[str]:
        """The keys that the ConfigMap has. All others have their defaults."""
        return frozenset(key for content in self.informer.values() for key, _ in content.data)

    def _config_map_changed(self, old: ConfigMapContent | None, new: ConfigMapContent | None) -> None:
        before = self.live
        self.live, problems = read_live(dict(new.data) if new else {}, before)
        for problem in problems:
            log.warning("a setting cannot be used", extra={"configmap": names.CONFIG_MAP, "problem": problem})
            if new:
                self._on_problem(new.subject, problem)
        if self.live != before:
            log.info("the settings have changed", extra={"settings": self.live})
            self._on_change()


def parse_config_map(found: Mapping[str, Any]) -> ConfigMapContent:
    """A ConfigMap as JSON -> what is kept of it."""
    meta = found["metadata"]
    subject = Subject(CONFIG_MAPS.api_version, CONFIG_MAPS.kind, meta["namespace"], meta["name"], meta["uid"])
    return ConfigMapContent(subject, tuple(sorted((found.get("data") or {}).items())))
