"""Which settings are in effect for one app, and where each comes from. Pure.

Its own annotations, the ConfigMap's keys, and what holds for each IngressClass of its routes: set, or its controller's default.
An annotation that cannot be read is not in effect: its row shows what is, and the reasons say what is wrong with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from waker import names
from waker.errors import SettingsError
from waker.explain.shape import Setting
from waker.plan.model import Pin
from waker.settings.configmap import LIVE, Live
from waker.settings.durations import format_duration, parse_duration
from waker.settings.ingress_class import CLASS_PREFIX, PER_CLASS, ClassSettings
from waker.settings.parsing import PortRange
from waker.settings.pauses import format_namespaces, format_until
from waker.traffic.controllers import Adapter

ANNOTATION, CONFIG_MAP, DEFAULT = "annotation", "ConfigMap", "default"
UNSET = {names.ENABLED: "false", names.STATE: str(Pin.AUTO)}
# An annotation adds to the ConfigMap's value instead of replacing it, so both are in effect.
OF_NO_APP: Final = frozenset({"price-core-hour", "price-gib-hour", "currency"})  # shown if they are set
BOTH: Final = frozenset({"min-idle", "ignore-paths", "ignore-agents", "paused"})


def settings(
    annotations: Mapping[str, str],
    unreadable: Sequence[str],
    live: Live,
    written: frozenset[str],
    classes: Mapping[str, Adapter] = {},
) -> list[Setting]:
    """Annotations first, then the ConfigMap's, then those of its classes. What is empty is left out.

    `unreadable`: sentences that begin with the annotation they are about. `written`: the keys that the ConfigMap has.
    `classes`: the adapters in effect, by IngressClass.
    """
    bad = {sentence.partition(":")[0] for sentence in unreadable}
    mine = {key: text for key, text in annotations.items() if key not in bad}
    found = [*_of_workload(mine), *_of_cluster(mine, live, written)]
    for name, adapter in sorted(classes.items()):
        found += _of_class(name, adapter, live.classes.get(name, ClassSettings()))
    return found


def overruled(rows: Sequence[Setting], idle_after: timedelta) -> str:
    """A sentence where a min-idle is its idle period, because that is longer than its idle-after; "" elsewhere."""
    (own,) = _values(rows, "idle-after")
    try:
        is_longer = idle_after > parse_duration(own) and idle_after in map(parse_duration, _values(rows, "min-idle"))
    except SettingsError:  # beside an `enabled` that cannot be read, nothing else has been
        return ""
    longer = format_duration(idle_after)
    return (
        f"min-idle is longer than its idle-after ({own}): it sleeps {longer} after its last visit" if is_longer else ""
    )


def _values(rows: Sequence[Setting], name: str) -> list[str]:
    return [each["value"] for each in rows if each["name"] == name]


def _of_workload(mine: Mapping[str, str]) -> Iterator[Setting]:
    for key, text in sorted((UNSET | dict(mine)).items()):
        yield Setting(name=_short(key), value=text.strip(), source=ANNOTATION if key in mine else DEFAULT)


def _of_cluster(mine: Mapping[str, str], live: Live, written: frozenset[str]) -> Iterator[Setting]:
    overridden = {_short(key) for key in mine} - BOTH
    for known in (each for each in LIVE if each.key in written or each.key not in OF_NO_APP):
        value = _text(getattr(live, known.field))
        if value and known.key not in overridden:
            yield Setting(name=known.key, value=value, source=CONFIG_MAP if known.key in written else DEFAULT)


def _of_class(name: str, adapter: Adapter, chosen: ClassSettings) -> Iterator[Setting]:
    defaults = {
        "adapter": adapter.name,
        "selector": " or ".join(map(str, adapter.selectors)),
        "port": " or ".join(map(str, (*adapter.metrics.names, adapter.metrics.number))),
        "path": adapter.path,
        "scheme": adapter.access.scheme,
        "any-host": _text(adapter.any_host),
        "lag": f"{adapter.lag.total_seconds():g}s",
        "unreadable": "block",
    }
    for row in PER_CLASS:
        written = getattr(chosen, row.field)
        value = written or defaults.get(row.key, "")
        if value:
            source = CONFIG_MAP if written else DEFAULT
            yield Setting(name=f"{CLASS_PREFIX}{name}.{row.key}", value=value, source=source)


def _short(key: str) -> str:
    return key.removeprefix(f"{names.DOMAIN}/")


def _text(value: object) -> str:
    """As somebody would write it; "" for what is empty or 0."""
    match value:
        case bool():
            return str(value).lower()
        case timedelta():
            return format_duration(value) if value else ""
        case frozenset():  # 4xx stands beside all that it covers
            return ", ".join(sorted(each for each in value if each.endswith("xx") or f"{each[0]}xx" not in value))
        case None:
            return ""
        case datetime():
            return format_until(value)
        case Mapping():
            return format_namespaces(value)
        case tuple() if not isinstance(value, PortRange):
            return ", ".join(value)
    return str(value)
