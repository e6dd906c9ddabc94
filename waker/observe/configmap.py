"""The ConfigMap `kubesleeper`, followed live: its data over the defaults, key by key.

A bad value is told (`complained`, with a sentence each) and the last good one stays; a ConfigMap that is gone means the
defaults.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.events import Subject
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.settings.live import Live, read_live

log = logging.getLogger(__name__)

ConfigMapContent = tuple[Subject, tuple[tuple[str, str], ...]]


class LiveConfig:
    """`live` is always usable. `changed` is called when it is another."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        changed: Callable[[], None],
        complained: Callable[[Subject, str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.live = Live()
        self._changed = changed
        self._report = complained
        source = Source(CONFIG_MAPS.collection(namespace), {"fieldSelector": f"metadata.name={names.CONFIG_MAP}"})
        self.informer: Informer[ConfigMapContent] = Informer(api, source, parse_config_map, self._changed_to, clock)

    def written_keys(self) -> frozenset[str]:
        """The keys that the ConfigMap has; all others are at their defaults."""
        return frozenset(key for parse_config_map in self.informer.values() for key, _ in parse_config_map[1])

    def _changed_to(self, old: ConfigMapContent | None, new: ConfigMapContent | None) -> None:
        before = self.live
        self.live, problems = read_live(dict(new[1]) if new else {}, before)
        for problem in problems:
            log.warning("ConfigMap %s: %s", names.CONFIG_MAP, problem)
            if new:
                self._report(new[0], problem)
        if self.live != before:
            log.info("settings: %s", self.live)
            self._changed()


def parse_config_map(found: Mapping[str, Any]) -> ConfigMapContent:
    """A ConfigMap."""
    meta = found["metadata"]
    subject = Subject(CONFIG_MAPS.api_version, CONFIG_MAPS.kind, meta["namespace"], meta["name"], meta["uid"])
    return subject, tuple(sorted((found.get("data") or {}).items()))
