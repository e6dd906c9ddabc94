"""`waker pause` and `waker resume`: one app (an annotation), a namespace or everything (settings), for a while or for good.

Who sleeps goes on sleeping, and visitors wake it as ever. A pause that is over is none, whether or not somebody removes it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from waker import names
from waker.cluster.resources import CONFIG_MAPS
from waker.cluster.writes import Writes
from waker.commands.pin import annotate
from waker.errors import Conflict, SettingsError
from waker.plan.operator_requests import paused
from waker.process import person
from waker.service import now
from waker.settings.durations import parse_duration
from waker.settings.flags import Settings
from waker.settings.pauses import FOREVER, format_namespaces, format_until, parse_namespaces

TRIES: Final = 5
UNTIL: Final = "paused-until"
NAMESPACES: Final = "paused-namespaces"
PAUSED: Final = "paused"

Change = Callable[[Mapping[str, str]], dict[str, str | None]]  # of the data of the settings; None removes a key


def parse_length(text: str) -> datetime:
    """`2h` -> when that is over; "": never. Raises SettingsError."""
    return now() + parse_duration(text) if text else FOREVER


async def app(settings: Settings, namespace: str, name: str, until: datetime | None) -> str:
    """Pause one app until then; None: resume it."""
    text = None if until is None else format_until(until)
    await annotate(settings, namespace, name, paused(text))
    return f"{name} in namespace {namespace} {_said(until)}"


async def namespace(settings: Settings, name: str, until: datetime | None) -> str:
    """Pause all apps of a namespace, those that are still to come included; None: resume them."""

    def change(data: Mapping[str, str]) -> dict[str, str | None]:
        try:
            known = dict(parse_namespaces(data.get(NAMESPACES, "")))
        except SettingsError as error:
            raise SettingsError(f"the setting {NAMESPACES}: {error}; mend it first") from None
        listed = {each: end for each, end in known.items() if end > now() and each != name}
        listed |= {name: until} if until else {}
        return {NAMESPACES: format_namespaces(listed) or None}

    await _configure(settings, change)
    return f"namespace {name} {_said(until)}"


async def everything(settings: Settings, until: datetime | None) -> str:
    """Pause everything; None: resume it. Pauses of namespaces and apps stay."""
    end = format_until(until) if until and until != FOREVER else None
    wanted: dict[str, str | None] = {UNTIL: end, PAUSED: "true" if until == FOREVER else "false"}

    def change(_data: Mapping[str, str]) -> dict[str, str | None]:
        return wanted

    await _configure(settings, change)
    return f"KubeSleeper {_said(until)}"


def _said(until: datetime | None) -> str:
    if until is None:
        return "is resumed"
    return "is paused" if until == FOREVER else f"is paused until {until:%Y-%m-%d %H:%M:%S} UTC"


async def _configure(settings: Settings, change: Change) -> None:
    """Change keys of the settings, by what they are now. Raises ClusterError."""
    path = CONFIG_MAPS.one(settings.own_namespace, names.CONFIG_MAP)
    async with person(settings) as api:
        writes = Writes(api, lambda _id: None, now, settings.own_namespace)
        for attempt in range(TRIES):
            found = await api.get(path)
            version = found["metadata"]["resourceVersion"]
            try:
                await writes.patch_installed(
                    path, {"metadata": {"resourceVersion": version}, "data": change(found.get("data") or {})}
                )
            except Conflict:
                if attempt == TRIES - 1:
                    raise
                continue
            return
