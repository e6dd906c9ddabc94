"""`waker status`: one line an app, asked of the running service; without it, worked out here as far as that goes.

Labels are those of the workloads, and the API server itself applies the selector. With `--watch` it looks again every two
seconds.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from waker import names
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
LONGEST_REASON: Final = 100  # characters
MORE: Final = "..."


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
    seen = 0
    async with cluster_cache(settings) as (api, cluster):
        token = ServiceToken()

        async def rows() -> list[Row]:
            nonlocal seen
            found = await all_rows(api, settings, cluster, token)
            seen = len([each for each in found if query.namespace in (None, each["namespace"])])
            labelled = await _labelled(api, query.selector) if query.selector else None
            wanted = [each for each in found if _is_wanted(each, query.namespace, phases, labelled)]
            return [_shortened(each) for each in wanted] if query.output == "table" else wanted

        if query.watch:
            await terminal.watch(rows, columns, looks)
            return
        found = await rows()
    if query.output in ("table", "wide"):
        if found:
            terminal.show(found, columns)
        else:
            Terminal(sys.stderr).print(none_sentence(query, seen))
    else:
        terminal.print(_written(found, query.output))


def none_sentence(query: StatusQuery, seen: int) -> str:
    """Why no app is shown, and how one comes to be. `seen`: how many there are without the other filters."""
    where = f" in namespace {query.namespace}" if query.namespace else ""
    if seen:
        of = "the only app" if seen == 1 else f"none of {seen} apps"
        return f"Nothing to show: {of}{where} {'does not have' if seen == 1 else 'has'} the wanted phase and labels."
    command = f"kubectl annotate deployment NAME -n {query.namespace or 'NAMESPACE'} {names.ENABLED}=true"
    idle = "`waker check --candidates` lists those that nobody visits"
    return f"No app is enabled{where}: `{command}` enables one, and {idle}."


def _shortened(row: Row) -> Row:
    """With a reason that leaves a table its lines. `-o wide` shows all of it, as all other forms do."""
    reason = " ".join(str(row["reason"]).split())
    if len(reason) <= LONGEST_REASON:
        return row
    cut = reason[: LONGEST_REASON - len(MORE) + 1]
    return row | {"reason": (cut.rpartition(" ")[0] or cut[:-1]).rstrip(";:,") + MORE}


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
