"""Those who keep setting an Ingress back, as a deployment tool does, and who change one that nobody visits."""

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from bench.soak import stage
from tests.e2e import apps
from tests.e2e.apps import Rule, StageApp
from tests.e2e.cluster import UNANSWERED, ClusterApi

EVERY = 3.0  # seconds


class Reverter(NamedTuple):
    """A tool that wants the app's Ingresses as they were written."""

    api: ClusterApi
    app: StageApp

    def revert(self, until: float) -> None:
        """Set them back every three seconds until that time of `time.monotonic()`."""
        while time.monotonic() < until:
            for name in self.app.routed_by:
                written = apps.ingress(self.app, name, [Rule(stage.host(name), self.app.name)])
                with suppress(*UNANSWERED):
                    self.api.patch("Ingress", self.app.namespace, name, {"spec": {"rules": written["spec"]["rules"]}})
            time.sleep(EVERY)


def toucher(api: ClusterApi, pair: tuple[str, str]) -> Callable[[], None]:
    """A function that changes an Ingress which nobody visits, so that each controller loads a new configuration."""
    numbers = itertools.count()

    def touch() -> None:
        path = [{"op": "replace", "path": "/spec/rules/0/http/paths/0/path", "value": f"/{next(numbers)}"}]
        for each in pair:
            api.patch("Ingress", stage.TENANT, f"{stage.TOUCHED}-{each}", path)

    return touch
