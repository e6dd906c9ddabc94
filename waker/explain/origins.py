"""Which settings are in effect for one app, and where each comes from. Pure.

An annotation that cannot be read is not in effect: its row shows what is, and the reasons say what is wrong with it.
"""

from collections.abc import Iterator, Mapping, Sequence

from waker import names
from waker.explain.shape import Setting
from waker.plan.model import Pin
from waker.settings.configmap import LIVE, Live
from waker.settings.durations import format_duration

ANNOTATION, CONFIG_MAP, DEFAULT = "annotation", "ConfigMap", "default"
# Settings of the ConfigMap that bear on when an app sleeps.
SHOWN = ("idle-after", "scrape-interval", "wake-timeout", "paused")
UNSET = {names.ENABLED: "false", names.STATE: str(Pin.AUTO)}


def settings(
    annotations: Mapping[str, str], unreadable: Sequence[str], live: Live, written: frozenset[str]
) -> list[Setting]:
    """Annotations first, then the ConfigMap's.

    `unreadable`: sentences that begin with the annotation they are about. `written`: the keys that the ConfigMap has.
    """
    bad = {sentence.partition(":")[0] for sentence in unreadable}
    mine = {key: text for key, text in annotations.items() if key not in bad}
    return [*_of_workload(mine), *_of_cluster(mine, live, written)]


def _of_workload(mine: Mapping[str, str]) -> Iterator[Setting]:
    for key, text in sorted((UNSET | dict(mine)).items()):
        yield Setting(name=_short(key), value=text.strip(), source=ANNOTATION if key in mine else DEFAULT)


def _of_cluster(mine: Mapping[str, str], live: Live, written: frozenset[str]) -> Iterator[Setting]:
    overridden = {_short(key) for key in mine}
    for known in LIVE:
        if known.key in SHOWN and known.key not in overridden:
            source = CONFIG_MAP if known.key in written else DEFAULT
            yield Setting(name=known.key, value=_text(getattr(live, known.field)), source=source)


def _short(key: str) -> str:
    return key.removeprefix(f"{names.DOMAIN}/")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else format_duration(value)  # type: ignore[arg-type]
