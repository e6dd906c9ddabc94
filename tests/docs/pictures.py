"""The pictures of `docs/how-it-works.md`, drawn from what the code does. `python -m tests.docs.pictures` writes them.

An arrow of `phases.svg` is a change of phase that `decide` made in one of the stories of tests/plan: a whole cycle, a visitor
and the end of `enabled` at every moment of it, pods that do not get ready. The cards of `patches.svg` are the patches that the
code wrote in such a cycle. Only where a box stands, and what it says below its name, is said here.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tests.plan.small_cluster import SmallCluster, SmallWaker, Visits, deployment, ingress, service
from tests.plan.stories import APPS, Story, sleep, sleep_and_wake
from waker import names
from waker.plan.model import Phase

DOCS = Path(__file__).parents[2] / "docs"
STYLE = """  <style>
    text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #4d5560 }
    .name { font-size: 17px; font-weight: 600; fill: #1c2128 }
    .middle { text-anchor: middle }
    .code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px }
    .card { fill: #f7f6f1 }
    .box { fill: #ffffff; stroke: #8a94a3; stroke-width: 1.5 }
    .arrow { stroke: #6b7480; stroke-width: 1.5; stroke-dasharray: 5 4 }
    .cycle { stroke: #b7791f; stroke-width: 3; stroke-dasharray: none }
    .head { fill: #6b7480 }
    @media (prefers-color-scheme: dark) {
      text { fill: #b8c0cc }
      .name { fill: #f0f3f7 }
      .card { fill: #14171f }
      .box { fill: #1f2430; stroke: #6b7687 }
      .arrow { stroke: #8f99a8 }
      .cycle { stroke: #e0a43c }
      .head { fill: #8f99a8 }
    }
  </style>
"""
Arrow = tuple[Phase, Phase]

# --- phases -----------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT = 190, 70
PLACES = {
    Phase.AWAKE: (20, 20, "waker is not in the path"),
    Phase.FALLING_ASLEEP: (285, 20, "routes first, pods later"),
    Phase.ASLEEP: (550, 20, "no pods, routes at waker"),
    Phase.NOT_MANAGED: (20, 160, "as its user wrote it"),
    Phase.RESTORING_ROUTES: (285, 160, "ready; routes go back"),
    Phase.WAKING: (550, 160, "replicas as before"),
    Phase.STUCK: (550, 300, "waits for a person"),
}


@cache
def cycle() -> list[Arrow]:
    """The changes of phase of an app that sleeps and is visited."""
    return _changes(sleep_and_wake(Story()), "shop")


@cache
def arrows() -> list[Arrow]:
    """All changes of phase, in the order of the phases."""
    found = {arrow for story in _stories() for app in APPS for arrow in _changes(story, app)}
    order = list(Phase)
    return sorted(found, key=lambda arrow: (order.index(arrow[0]), order.index(arrow[1])))


def _changes(story: Story, app: str) -> list[Arrow]:
    phases = story.phases[app]
    return list(pairwise(phases))


def _stories() -> Iterator[Story]:
    whole = sleep_and_wake(Story())
    yield whole
    for tick in range(1, whole.ticks + 1):
        yield _visited(tick)
        yield _given_up(tick)
    dead = sleep(Story(tampered=True))
    dead.cluster.dead, dead.waiting = frozenset({"front", "www"}), True
    dead.run(lambda: dead.phases["shop"][-1] is Phase.STUCK)
    dead.cluster.dead = frozenset()
    dead.run(lambda: dead.awake("shop"))
    yield dead


def _visited(tick: int) -> Story:
    story = Story(edited_at=tick)
    story.edit = lambda cluster: setattr(story, "waiting", True)
    story.run(lambda: story.ticks > tick and not story.waiting and story.awake("shop"))
    return story


def _given_up(tick: int) -> Story:
    def edit(cluster: SmallCluster) -> None:
        annotations = {"metadata": {"annotations": {names.ENABLED: "false"}}}
        cluster.patch("Deployment", "shop", annotations)
        cluster.written["Deployment", "shop"]["metadata"]["annotations"][names.ENABLED] = "false"

    story = Story(edited_at=tick, edit=edit)
    story.run(lambda: story.ticks > tick and story.phases["shop"][-1] is Phase.NOT_MANAGED and story.awake("shop"))
    return story


def phases() -> str:
    """The picture of the phases."""
    lines = [_line(arrow, "arrow cycle" if arrow in cycle() else "arrow") for arrow in arrows()]
    boxes = []
    for phase, (x, y, text) in PLACES.items():
        middle = x + WIDTH // 2
        boxes.append(f'<rect class="box" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="10"/>')
        boxes.append(f'<text class="name middle" x="{middle}" y="{y + 30}">{phase}</text>')
        boxes.append(f'<text class="middle" x="{middle}" y="{y + 53}">{text}</text>')
    said = "; ".join(f"{one} to {other}" for one, other in arrows())
    legend = [
        '<path class="arrow cycle" d="M20 330h40"/><text x="70" y="335">a sleep and a wake</text>',
        '<path class="arrow" d="M20 355h40"/><text x="70" y="360">a visitor on the way down, the end of enabled,</text>',
        '<text x="70" y="378">pods that do not get ready</text>',
    ]
    return _picture(760, 395, "The phases of an app", f"Arrows lead from {said}.", [*lines, *boxes, *legend])


def _line(arrow: Arrow, style: str) -> str:
    """From the edge of one box to the edge of another."""
    (x1, y1), (x2, y2) = ((PLACES[each][0] + WIDTH / 2, PLACES[each][1] + HEIGHT / 2) for each in arrow)
    across, down = x2 - x1, y2 - y1
    share = min((WIDTH / 2 + 6) / abs(across) if across else 1, (HEIGHT / 2 + 6) / abs(down) if down else 1)
    start, end = (x1 + across * share, y1 + down * share), (x2 - across * share, y2 - down * share)
    points = " ".join(f"{number:g}" for number in (*start, *end))
    return f'<path class="{style}" marker-end="url(#head)" d="M{points}"/>'


# --- patches ----------------------------------------------------------------------------------------------------------


class WrittenPatch(NamedTuple):
    """A patch that waker wrote: of what, and what it changes."""

    of: str
    lines: tuple[str, ...]


class RecordingCluster(SmallCluster):
    """Keeps the patches."""

    def __init__(self) -> None:
        objects = {"deployments": [deployment("shop", 3)], "services": [service("shop")]}
        super().__init__(**objects, ingresses=[ingress("front", shop="/")])
        self.patches: list[WrittenPatch] = []

    def patch(self, kind: str, name: str, patch: Any) -> None:
        """Take it as ever."""
        changes = _ingress_changes(patch) if isinstance(patch, list) else _workload_changes(patch)
        self.patches.append(WrittenPatch(f"{kind} {name}", tuple(changes)))
        super().patch(kind, name, patch)


def _workload_changes(patch: Any) -> Iterator[str]:
    if "spec" in patch:
        yield f"replicas: {patch['spec']['replicas']}"
    for key, text in patch["metadata"]["annotations"].items():
        name = key.partition("/")[2]
        yield f"{name}: removed" if text is None else f"{name}: {'now' if text.endswith('Z') else text}"


def _ingress_changes(patch: Any) -> Iterator[str]:
    for step in patch:
        name = step["path"].rpartition("~1")[2]
        if step["path"].endswith("/backend"):
            yield f"backend: {_backend(step['value'])}"
        elif step["op"] == "remove":
            yield f"{name}: removed"
        elif step["op"] == "add" and "~1" in step["path"]:
            (saved,) = json.loads(step["value"])["routes"]
            yield f"{name}: {_backend(saved['backend'])}"


def _backend(backend: Any) -> str:
    """The number of a door is an example."""
    found = backend["service"]
    return f"{found['name']}, {found['port'].get('name') or 'its door'}"


def down_and_up() -> tuple[list[WrittenPatch], list[WrittenPatch]]:
    """The patches of a sleep, and those of the wake after it."""
    cluster = RecordingCluster()
    waker = SmallWaker(cluster, Visits(), lambda: None)
    _until(waker, cluster, Phase.ASLEEP)
    down, cluster.patches = cluster.patches, []
    waker.knocks["shop"] = cluster.now
    _until(waker, cluster, Phase.AWAKE)
    return down, cluster.patches


def _until(waker: SmallWaker, cluster: SmallCluster, phase: Phase) -> None:
    for _ in range(200):
        plan = waker.look("shop")
        if plan.phase is phase and not plan.actions:
            return
        cluster.now += timedelta(seconds=1)
    raise AssertionError(f"it never was {phase}")


BETWEEN = {
    "down": ("nobody visits for idle-after", "every controller pod sends the route to waker", "asleep"),
    "up": ("a request arrives at waker", "a pod is ready", "the route leads to the app", "awake"),
}


def patches() -> str:
    """The picture of what is written."""
    parts: list[str] = []
    lowest = 0
    for (way, between), some, x in zip(BETWEEN.items(), down_and_up(), (20, 395), strict=True):
        y = 30
        parts.append(f'<text class="name" x="{x}" y="{y}">The way {way}</text>')
        for number, (text, each) in enumerate(zip(between, [*some, None], strict=True)):
            y += 30
            parts.append(f'<text x="{x + (18 if each else 0)}" y="{y}">{"↓ " if number else ""}{text}</text>')
            if each:
                parts += _card(each, x, y + 14)
                y += 14 + 40 + 20 * len(each.lines)
        lowest = max(lowest, y)
    said = " Then ".join(f"{each.of}: {'; '.join(each.lines)}." for some in down_and_up() for each in some)
    return _picture(760, lowest + 25, "What is written in a sleep and in a wake", said, parts)


def _card(patch: WrittenPatch, x: int, y: int) -> list[str]:
    height = 40 + 20 * len(patch.lines)
    parts = [f'<rect class="box" x="{x}" y="{y}" width="345" height="{height}" rx="10"/>']
    parts.append(f'<text class="name" x="{x + 14}" y="{y + 25}">{patch.of}</text>')
    for number, line in enumerate(patch.lines):
        parts.append(f'<text class="code" x="{x + 14}" y="{y + 47 + 20 * number}">{line}</text>')
    return parts


def _picture(width: int, height: int, title: str, description: str, parts: list[str]) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"'
    marker = '<marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerUnits="userSpaceOnUse" markerWidth="13"'
    lines = [
        f'{head} aria-labelledby="title description">',
        f'  <title id="title">{title}</title>',
        f'  <desc id="description">{description}</desc>',
        f"{STYLE}  <defs>{marker}",
        '    markerHeight="13" orient="auto"><path class="head" d="M0 0 10 5 0 10z"/></marker></defs>',
        f'  <rect class="card" width="{width}" height="{height}" rx="12"/>',
        *(f"  {part}" for part in parts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


PICTURES: dict[str, Callable[[], str]] = {"phases.svg": phases, "patches.svg": patches}


if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (DOCS / name).write_text(draw())
