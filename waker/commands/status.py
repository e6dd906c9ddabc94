"""`waker status`: one line an app, asked of the running service; without it, worked out here as far as that goes.

Labels are those of the workloads, and the API server itself applies the selector. With `--watch` it looks again every two
seconds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import WORKLOADS
from waker.commands.target import ServiceToken, ask_service
from waker.commands.terminal import Terminal
from waker.errors import NotFound, SettingsError
from waker.explain.status import NARROW, WIDE, row
from waker.observe.app import RuntimeFacts, snapshot
from waker.observe.cluster import ClusterCache
from waker.plan.decide import decide
from waker.plan.model import AppId, Kind, Phase
from waker.process import cluster_cache
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.flags import Settings
from waker.settings.parsing import split_list

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Which apps, and how they are shown. None: all."""

    namespace: str | None = None
    selector: str = ""
    phases: str = ""
    output: str = "table"
    watch: bool = False


async def status(settings: Settings, query: StatusQuery, terminal: Terminal, looks: int | None = None) -> None:
    """Print the apps. `looks`: how often, with `watch`; None: until Ctrl-C. Raises WakerError."""
    phases = parse_phases(query.phases)
    if query.watch and query.output not in ("table", "wide"):
        raise SettingsError("--watch shows tables only: leave out -o, or use -o wide")
    columns = WIDE if query.output == "wide" else NARROW
    async with cluster_cache(settings) as (api, cluster):
        token = ServiceToken()

        async def rows() -> list[Row]:
            found = await all_rows(api, settings, cluster, token)
            labelled = await _labelled(api, query.selector) if query.selector else None
            return [each for each in found if _is_wanted(each, query.namespace, phases, labelled)]

        if query.watch:
            await terminal.watch(rows, columns, looks)
            return
        found = await rows()
    if query.output in ("table", "wide"):
        terminal.show(found, columns)
    else:
        terminal.print(_written(found, query.output))


def parse_phases(text: str) -> frozenset[str]:
    """`asleep,waking` -> their names; empty for all. Raises SettingsError."""
    known = {phase.lower(): phase.value for phase in Phase}
    words = split_list(text)
    unknown = [word for word in words if word.lower() not in known]
    if unknown:
        raise SettingsError(f"--phase: {unknown[0][:40]!r} is not one of {', '.join(known.values())}")
    return frozenset(known[word.lower()] for word in words)


def _is_wanted(row: Row, namespace: str | None, phases: frozenset[str], labelled: set[AppId] | None) -> bool:
    if namespace not in (None, row["namespace"]) or (phases and row["phase"] not in phases):
        return False
    return labelled is None or AppId(Kind(row["kind"]), row["namespace"], row["name"]) in labelled


async def _labelled(api: Api, selector: str) -> set[AppId]:
    """The workloads with these labels. Raises ClusterError."""
    found = set()
    for kind, resource in WORKLOADS.items():
        async for each in listed(api, resource.everywhere(), {"labelSelector": selector}):
            found.add(AppId(kind, each["metadata"]["namespace"], each["metadata"]["name"]))
    return found


def _written(rows: Sequence[Row], output: str) -> str:
    if output == "json":
        return json.dumps(rows, indent=2)
    if output == "name":
        return "\n".join(f"{each['kind'].lower()}/{each['name']}" for each in rows)
    import yaml  # noqa: PLC0415 only here

    return str(yaml.safe_dump(list(rows), sort_keys=False, allow_unicode=False)).rstrip("\n")


async def all_rows(api: Api, settings: Settings, cluster: ClusterCache, token: ServiceToken | None = None) -> list[Row]:
    """One row an app, from the running service, else worked out here."""
    asked: list[Row] | None = await ask_service(api, settings, "/apps", token)
    return [_row(cluster, app) for app in sorted(cluster.apps())] if asked is None else asked


def _row(cluster: ClusterCache, app: AppId) -> Row:
    observed = cluster.observe(app, Live())
    if observed is None:
        raise NotFound(f"{app} is gone")
    plan = decide(snapshot(observed, RuntimeFacts()), now())
    return row(observed.workload, plan, None, now())
