"""`waker status`: which apps, in which form, on a terminal and elsewhere."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.service.scene import BLOG, MERGE, SHOP, ServiceScene, scene
from tests.service.test_asked import shown
from waker import names
from waker.commands import status as status_command
from waker.commands import terminal
from waker.commands.status import StatusQuery, parse_phases, status
from waker.commands.terminal import Terminal
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.errors import SettingsError
from waker.explain.status import NARROW, WIDE

HOSTILE = "[red]\x1b[2J[/red]"


def label(it: ServiceScene, name: str, **labels: str) -> None:
    it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", name), MERGE, {"metadata": {"labels": labels}})


async def test_filters(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        label(it, "shop", team="web")
        label(it, "blog", team="text")
        async with it.waker():
            await it.put_to_sleep("blog")
        for query, names_ in (
            ({}, ["blog", "shop"]),
            ({"selector": "team=web"}, ["shop"]),
            ({"selector": "team in (web,text),team!=web"}, ["blog"]),
            ({"phases": "asleep"}, ["blog"]),
            ({"phases": "Awake, asleep"}, ["blog", "shop"]),
            ({"phases": "stuck"}, []),
            ({"namespace": "elsewhere"}, []),
        ):
            assert [each["name"] for each in json.loads(await shown(it, **query))] == names_, query


async def test_forms(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        rows = json.loads(await shown(it))
        assert yaml.safe_load(await shown(it, output="yaml")) == rows
        assert await shown(it, output="name") == "deployment/blog\ndeployment/shop\n"
        narrow, wide = [(await shown(it, output=each)).splitlines() for each in ("table", "wide")]
    assert "CODE" not in narrow[0]
    assert wide[0].endswith("   REASON")
    assert "CODE" in wide[0]
    assert "TrafficUnknown" in wide[1]


async def test_without_an_app_it_says_how_to_enable_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with scene(tmp_path) as it:
        it.annotate(names.ENABLED, None)
        assert await shown(it, output="table") == await shown(it, output="wide") == ""
        first, second = capsys.readouterr().err.splitlines()
        assert first == second
        assert first.startswith(
            "No app is enabled: `kubectl annotate deployment NAME -n NAMESPACE kubesleeper.io/enabled=true`"
        )
        assert await shown(it, output="json") == "[]\n"
        assert await shown(it, output="name") == "\n"
        assert not capsys.readouterr().err


async def test_where_filters_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with scene(tmp_path) as it:
        assert await shown(it, output="table", namespace="elsewhere") == ""
        assert await shown(it, output="wide", namespace="default", phases="stuck") == ""
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("No app is enabled in namespace elsewhere: `kubectl annotate deployment NAME -n elsewhere ")
    assert second == "Nothing to show: the only app in namespace default does not have the wanted phase and labels."


LONG = "it has " + "a reason, which is long, " * 9


@pytest.mark.parametrize("reason", [LONG, "x" * 300], ids=["words", "one word"])
async def test_a_long_reason_is_cut_in_the_narrow_table_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    async def rows(*_: object) -> list[dict[str, Any]]:
        return [dict.fromkeys((*WIDE, "kind"), "?") | {"reason": reason}]

    monkeypatch.setattr(status_command, "all_rows", rows)
    async with scene(tmp_path) as it:
        narrow, wide = [(await shown(it, output=each)).splitlines()[1] for each in ("table", "wide")]
        assert json.loads(await shown(it, output="json"))[0]["reason"] == reason
    assert wide.endswith(reason.strip())
    cut = narrow.rpartition("   ")[2]
    assert cut.endswith("...")
    assert reason.startswith(cut[:-3])
    assert 80 < len(cut) <= 100


async def test_a_selector_that_is_none(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        with pytest.raises(ExceptionGroup) as caught:
            await shown(it, selector="team in web")
    assert "unable to parse" in str(caught.value.exceptions[0])


@pytest.mark.parametrize("text", ["sleeping", "asleep,tired"])
def test_a_phase_that_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match="is not one of Awake, FallingAsleep, Asleep, Waking, "):
        parse_phases(text)


async def test_watching_in_another_form(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        with pytest.raises(SettingsError, match="--watch shows tables only"):
            await shown(it, watch=True, output="json")


async def test_watching_without_a_terminal_prints_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "EVERY", 0.05)
    async with scene(tmp_path, SHOP, BLOG) as it, it.waker():
        await it.put_to_sleep("blog")
        out = StringIO()
        await status(it.settings(), StatusQuery(watch=True), Terminal(out), looks=4)
        first = out.getvalue().splitlines()
    assert [line.split()[0] for line in first] == ["NAMESPACE", "default", "default"], "nothing changed after that"


# --- on a terminal ------------------------------------------------------------------------------------------------


def row(**more: Any) -> dict[str, Any]:
    known = dict.fromkeys(NARROW, "") | {"namespace": "prod", "name": "shop", "kind": "Deployment", "phase": "Asleep"}
    return known | {"replicas": 0, "code": "Asleep", "sleepsAt": None} | more


def on_a_terminal(rows: list[dict[str, Any]]) -> str:
    out = StringIO()
    Terminal(out, forced=True, width=200).show(rows, NARROW)
    return out.getvalue()


def test_phases_are_coloured_on_a_terminal_only() -> None:
    out = StringIO()
    Terminal(out).show([row()], NARROW)
    assert "\x1b" not in out.getvalue()
    assert "\x1b[34mAsleep" in on_a_terminal([row()])


def test_a_narrow_terminal_shows_less() -> None:
    out = StringIO()
    Terminal(out, forced=True, width=80).show([row(reason="asleep until visited")], NARROW)
    head, line = out.getvalue().splitlines()
    assert "KIND" not in head
    assert "asleep until visited" in line


def test_no_colour_where_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[34m" not in on_a_terminal([row()])


def test_what_others_wrote_is_no_markup_and_moves_no_cursor() -> None:
    printed = on_a_terminal([row(reason=HOSTILE)])
    assert "[red]\\u001b[2J[/red]" in printed
    assert "\x1b[2J" not in printed


async def test_a_table_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "EVERY", 0.0)
    phases = iter(["Awake", "FallingAsleep", "Asleep"])
    out = StringIO()

    async def rows() -> list[dict[str, Any]]:
        return [row(phase=next(phases))]

    await Terminal(out, forced=True, width=200).watch(rows, NARROW, looks=3)
    printed = out.getvalue()
    assert printed.index("FallingAsleep") < printed.rindex("Asleep")
    assert "\x1b[1A" in printed, "the cursor goes up again"


def test_the_service_loads_nothing_of_this() -> None:
    unwanted = (
        "rich",
        "yaml",
        "waker.checks",
        "waker.commands.status",
        "waker.commands.check",
        "waker.commands.terminal",
    )
    code = "import sys, waker.cli, waker.process; waker.cli.parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert [each for each in loaded if each in unwanted] == []
