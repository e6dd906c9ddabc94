"""A GitOps tool: it wants objects as they are written, and leaves alone what its ignore rules name.

The rules are read from the recipes of examples/, so that what users copy is what is tried. It compares and applies as Argo CD
with `RespectIgnoreDifferences=true` and Flux's kustomize-controller do: what a rule names is taken from the cluster before the
comparison, what the written object does not say is nobody's difference, and a difference is applied server-side, by force.
"""

import copy
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

import yaml

from tests.e2e.cluster import UNANSWERED, ClusterApi, Json, path_of
from tests.e2e.install import CHECKOUT

EVERY = 0.5  # seconds
RECIPES = ("argocd/application.yaml", "flux/kustomization.yaml", "flux/helm-release.yaml")
APPLY = "application/apply-patch+yaml"


class IgnoreRule(NamedTuple):
    """Fields of objects of a kind, as JSON pointers."""

    kind: str
    pointers: tuple[str, ...]


def rules(recipe: str) -> list[IgnoreRule]:
    """Those of an Application, a Kustomization or a HelmRelease."""
    return of_spec(yaml.safe_load((CHECKOUT / "examples" / recipe).read_text())["spec"])


def of_spec(spec: Json) -> list[IgnoreRule]:
    if "ignoreDifferences" in spec:
        assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]
        return [IgnoreRule(each["kind"], tuple(each["jsonPointers"])) for each in spec["ignoreDifferences"]]
    ignored = spec["ignore"] if "ignore" in spec else spec["driftDetection"]["ignore"]
    return [IgnoreRule(each["target"]["kind"], tuple(each["paths"])) for each in ignored]


@dataclass(slots=True)
class GitOpsTool:
    """Syncs in the background while the `with` block runs. `synced`: the kinds of what it had to apply, in order."""

    api: ClusterApi
    written: list[Json]
    rules: Sequence[IgnoreRule] = ()
    synced: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "GitOpsTool":
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="gitops")
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        api = ClusterApi(self.api.access)
        while not self._stop.wait(EVERY):
            for each in list(self.written):
                with suppress(*UNANSWERED):
                    self._sync(api, each)
        api.close()

    def _sync(self, api: ClusterApi, written: Json) -> None:
        meta = written["metadata"]
        live = api.find(written["kind"], meta["namespace"], meta["name"])
        pointers = [each for rule in self.rules if rule.kind == written["kind"] for each in rule.pointers]
        wanted = with_live(written, live, pointers) if live else written
        if live is None or differs(wanted, live):
            self.synced.append(written["kind"])
            path = f"{path_of(written['kind'], meta['namespace'], meta['name'])}?fieldManager=gitops&force=true"
            api.call("PATCH", path, wanted, APPLY)


def with_live(written: Json, live: Json, pointers: Iterable[str]) -> Json:
    """What is written, with the cluster's own values at these pointers."""
    found = copy.deepcopy(written)
    for pointer in pointers:
        *parents, last = pointer.removeprefix("/").split("/")
        into: Any = found
        come_from: Any = live
        for key in parents:
            into, come_from = into[key], come_from[key]
        if last in come_from:
            into[last] = come_from[last]
        else:
            into.pop(last, None)
    return found


def differs(wanted: Any, live: Any) -> bool:
    """Whether something that is wanted is not so. What the cluster adds, defaults, say, is no difference."""
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return True
        return any(key not in live or differs(value, live[key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return not isinstance(live, list) or len(wanted) != len(live) or any(map(differs, wanted, live))
    return bool(wanted != live)
