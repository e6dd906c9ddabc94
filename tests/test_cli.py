"""The command line: its arguments, what it prints, and one sentence for each thing that can go wrong."""

import asyncio
import gc
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waker import __version__, cli, logs, names
from waker.cli import main
from waker.commands.completion import completed
from waker.demo.cluster import DemoCluster
from waker.demo.samples import SAMPLES, manifests
from waker.settings.flags import FLAGS

PINNED = {names.ENABLED: "true", names.STATE: "asleep"}


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[str]:
    """The kubeconfig of a cluster in which the shop is managed, the blog is pinned asleep and the api is not managed."""
    async with DemoCluster() as cluster:
        cluster.load(manifests(SAMPLES["shop"], "default", {names.ENABLED: "true"}))
        cluster.load(manifests(SAMPLES["blog"], "default", PINNED))
        cluster.load(manifests(SAMPLES["api"], "default"))
        yield str(cluster.kubeconfig(tmp_path / "kubeconfig"))


async def run(*arguments: str) -> int:
    """Run the program in a thread, because it starts an event loop of its own."""
    return await asyncio.to_thread(main, list(arguments))


# --- arguments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["sleep"],
        ["wake", "shop", "blog"],
        ["auto", "shop", "--pin"],
        ["status", "-o", "xml"],
        ["explain"],
        ["explain", "shop", "-o", "table"],
        ["explain", "shop", "--all"],
        ["restore"],
        ["run", "--nonsense"],
        ["demo", "--port", "many"],
        ["demo", "--port", "65536"],
        ["dashboard", "--port", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: waker" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"waker {__version__}\n")


CLIENTS = {
    "status", "explain", "check", "history", "pause", "resume", "dashboard", "savings", "sleep", "wake", "auto", "restore",
    "page",
}  # fmt: skip
OF_A_CLIENT = {"--waker-namespace", "--kubeconfig", "--log-level", "--log-format"}


@pytest.mark.parametrize("command", sorted({"run"} | CLIENTS))
def test_the_help_of_a_command_lists_the_flags_that_do_something_there(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    more = {"run": {each.flag for each in FLAGS}, "page": {"--themes"}}.get(command, set())
    wanted = OF_A_CLIENT | more
    assert {each.flag for each in FLAGS if f"{each.flag} " in text or f"{each.flag}]" in text} == wanted
    assert {each.flag for each in FLAGS if each.env in text} == wanted


def test_every_command_is_one_of_these() -> None:
    assert {"run", "demo", "completion"} | CLIENTS == {each.name for each in completed(cli.parser())}


@pytest.mark.parametrize("flag", ["--dry-run", "--observe"])
def test_a_flag_that_would_do_nothing_is_refused(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["restore", "--all", flag])
    assert caught.value.code == 2
    assert f"unrecognized arguments: {flag}" in capsys.readouterr().err


def test_n_is_the_namespace_of_the_app_and_not_of_waker() -> None:
    found = cli.parser().parse_args(["sleep", "shop", "-n", "prod", "--waker-namespace", "tools"])
    assert (found.only, found.namespace) == ("prod", "tools")


@pytest.mark.parametrize("command", sorted(CLIENTS))
def test_the_help_of_every_command_says_who_may_ask(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert "--context" in text
    assert "--as USER" in text


# --- one sentence -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--public-port", "http"], "--public-port: 'http' is not a whole number from 0 to 65535"),
        (["run", "--log-level", "loud"], "--log-level: 'loud' is not one of debug, info, warning, error"),
        (["run", "--log-format", "xml"], "--log-format: 'xml' is not one of text, json"),
        (["status", "--kubeconfig", "/nowhere"], "kubeconfig /nowhere: the file does not exist or cannot be read"),
        (["restore", "--all", "--timeout", "soon"], "'soon' is not a duration such as 90s, 15m, 1h30m or 2d"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_value_that_cannot_be_used(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    one_sentence(capsys.readouterr().err, message)


def one_sentence(text: str, message: str) -> None:
    """The text is one line, with waker's name and this message, and no traceback."""
    assert text.startswith(f"waker: {message}")
    assert text.count("\n") == 1


def test_a_bad_environment_variable_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAKER_PRIVATE_PORT", "70000")
    assert main(["status"]) == 1
    one_sentence(capsys.readouterr().err, "WAKER_PRIVATE_PORT: '70000' is not a whole number from 0 to 65535")


def test_a_bad_address_to_advertise(config_without_server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--advertise", "nowhere", "--kubeconfig", config_without_server]) == 1
    one_sentence(capsys.readouterr().err, "--advertise: 'nowhere' is not an IP address such as 10.0.0.7")


@pytest.mark.parametrize("command", [["status"], ["check"], ["pause", "--all"], ["history", "shop"]], ids=" ".join)
def test_an_api_server_that_does_not_answer(
    config_without_server: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--kubeconfig", config_without_server]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("waker: GET /api")
    assert "Cannot connect" in line


@pytest.fixture
def config_without_server(tmp_path: Path) -> str:
    """The kubeconfig of a server that does not exist."""
    path = tmp_path / "no-server"
    cluster = {"name": "k", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "k", "user": "u"}}
    user = {"name": "u", "user": {"token": "t"}}
    parts = {"current-context": "c", "clusters": [cluster], "contexts": [context], "users": [user]}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config"} | parts))
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "nothing"], "'nothing' is no Deployment or StatefulSet in namespace default"),
        (["sleep", "nothing"], "'nothing' is no Deployment or StatefulSet in namespace default"),
        (["sleep", "shop", "-n", "prod"], "'shop' is no Deployment or StatefulSet in namespace prod"),
        (["wake", "statefulset/shop"], "'statefulset/shop' is no Deployment or StatefulSet in namespace default"),
        (["sleep", "api"], f'Deployment default/api is not managed: it has no annotation {names.ENABLED}: "true"'),
        (["auto", "deployment/api"], "Deployment default/api is not managed"),
        (["restore", "api"], "Deployment default/api is neither enabled nor asleep: there is nothing to give back"),
        (
            ["wake", "blog"],
            "Deployment default/blog is pinned asleep: use `waker wake deployment/blog -n default --pin`, or ",
        ),
        (
            ["sleep", "blog"],
            "Deployment default/blog is pinned asleep: use `waker sleep deployment/blog -n default --pin`",
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
async def test_an_order_that_cannot_be_carried_out(
    config: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(*arguments, "--kubeconfig", config) == 1
    one_sentence(capsys.readouterr().err, message)


async def test_an_unknown_kind(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("sleep", "cronjob/shop", "--kubeconfig", config) == 1
    assert capsys.readouterr().err.count("\n") == 1


# --- who does not read on, and ports that are in use ---------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["completion", "zsh"], ["page", "--gallery"], ["run", "--help"]], ids=" ".join)
def test_whoever_does_not_read_on_hears_nothing_more(arguments: list[str]) -> None:
    command = f"{sys.executable} -m waker {' '.join(arguments)} | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout[1:] in ("141\n", "0\n")  # 0: all of it was in the pipe before that was closed


def test_a_reader_that_is_gone() -> None:
    """Also of little output, which Python keeps until its end."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "waker", "page"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


async def test_a_port_that_is_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert await run("demo", "--port", str(port)) == 1
    gc.collect()  # a session that nobody has closed says so when it is collected
    assert capsys.readouterr().err == f"waker: port {port} is in use; try `waker demo --port {port + 1}`\n"


# --- what is printed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shop", "deployment/shop", "Deployments/shop"])
async def test_sleep_pin_and_auto_print_the_annotation(
    config: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("sleep", name, "--kubeconfig", config) == 0
    assert capsys.readouterr().out.startswith(f"deployment/shop in default: {names.SLEEP_REQUESTED_AT}=")
    assert await run("wake", name, "--kubeconfig", config) == 0
    assert capsys.readouterr().out.startswith(f"deployment/shop in default: {names.WAKE_REQUESTED_AT}=")
    assert await run("sleep", name, "--pin", "--kubeconfig", config) == 0
    assert capsys.readouterr().out == f"deployment/shop in default: {names.STATE}=asleep\n"
    assert await run("auto", name, "--kubeconfig", config) == 0
    assert capsys.readouterr().out == f"deployment/shop in default: {names.STATE} removed\n"


async def test_status(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("status", "--kubeconfig", config) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["NAME", "blog", "shop"]
    assert await run("status", "-o", "json", "-n", "default", "--kubeconfig", config) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["blog", "shop"]
    assert await run("status", "-o", "json", "-n", "elsewhere", "--kubeconfig", config) == 0
    assert json.loads(capsys.readouterr().out) == []


async def test_explain_an_app_that_is_not_managed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("explain", "api", "--kubeconfig", config) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("default/api is not enabled, so KubeSleeper leaves it alone; ")
    assert await run("explain", "blog", "-o", "json", "--kubeconfig", config) == 0
    assert json.loads(capsys.readouterr().out)["app"] == {"kind": "Deployment", "namespace": "default", "name": "blog"}


async def test_explain_all(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("explain", "--all", "--kubeconfig", config) == 0
    assert capsys.readouterr().out.startswith("2 apps: 0 asleep, ")
    assert await run("explain", "--all", "-n", "elsewhere", "-o", "json", "--kubeconfig", config) == 0
    assert json.loads(capsys.readouterr().out)["apps"] == 0


# --- the log ------------------------------------------------------------------------------------------------------


def record(message: str, *arguments: object, **fields: object) -> logging.LogRecord:
    """A log record with extra fields."""
    logger = logging.getLogger("waker.test")
    return logger.makeRecord(logger.name, logging.INFO, "f", 1, message, arguments, None, extra=fields or None)


def test_log_lines_for_people() -> None:
    formatter = logs.TextFormatter("%(levelname)s %(message)s")
    assert formatter.format(record("%s sleeps", "shop")) == "INFO shop sleeps"
    assert formatter.format(record("100% of it", pod="p", why="x y")) == 'INFO 100% of it (pod=p why="x y")'
    assert formatter.format(record("it", said='"no"', empty="")) == 'INFO it (said="\\"no\\"" empty="")'


def test_a_line_for_people_leaves_the_record_to_other_handlers_as_it_was() -> None:
    seen = record("%s sleeps", "shop", pod="p")
    formatter = logs.TextFormatter("%(message)s")
    assert formatter.format(seen) == formatter.format(seen) == "shop sleeps (pod=p)"
    assert seen.getMessage() == "shop sleeps"


def test_log_lines_for_machines() -> None:
    line = json.loads(logs.JsonFormatter().format(record("%s sleeps", 'sh"op\n', pod=7)))
    assert line.pop("time").startswith("20")
    assert line == {"level": "info", "logger": "waker.test", "message": 'sh"op  sleeps', "pod": 7}


def test_a_traceback_is_part_of_one_line_for_machines() -> None:
    failed = record("it failed")
    try:
        int("no")
    except ValueError as error:
        failed.exc_info = (ValueError, error, error.__traceback__)
    text = logs.JsonFormatter().format(failed)
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["exception"]


def failed(message: str) -> logging.LogRecord:
    """A log record of an error with this message, which stands in its traceback."""
    found = record("it failed")
    found.exc_info = (ValueError, ValueError(message), None)
    return found


FORGED = "x\x1b[2J\u202e\n2026-01-01 00:00:00,000 ERROR   forged"


def test_no_text_forges_a_line_or_speaks_to_the_terminal() -> None:
    formatter = logs.TextFormatter("%(levelname)s %(message)s")
    for each in (
        record(FORGED),
        record("%s", FORGED),
        record("it", error=ValueError(FORGED)),
        record("it", reason=FORGED),
    ):
        line = formatter.format(each)
        assert not set("\n\x1b\u202e") & set(line)
        assert "\\u001b[2J\\u202e 2026-01-01" in line


def test_a_line_of_a_traceback_is_not_taken_for_a_line_of_the_log() -> None:
    first, *others = logs.TextFormatter("%(levelname)s %(message)s").format(failed(FORGED)).split("\n")
    assert first == "INFO it failed"
    assert all(line.startswith("  ") for line in others)
    assert not set("\x1b\u202e") & set("".join(others))


def test_log_lines_for_machines_have_no_control_characters_in_their_values() -> None:
    line = json.loads(logs.JsonFormatter().format(record("it \x7f", reason=FORGED)))
    assert line["reason"] == "x\\u001b[2J\\u202e 2026-01-01 00:00:00,000 ERROR   forged"
    assert line["message"] == "it \\u007f"
    assert "\x1b" not in json.loads(logs.JsonFormatter().format(failed(FORGED)))["exception"]


# --- what others wrote --------------------------------------------------------------------------------------------

HOSTILE = "30m\x1b]0;owned\x07\u202e\nDEFAULT   api   Asleep"


async def test_an_annotation_does_not_speak_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with DemoCluster() as cluster:
        cluster.load(manifests(SAMPLES["shop"], "default", {names.ENABLED: "true", names.IDLE_AFTER: HOSTILE}))
        config = str(cluster.kubeconfig(tmp_path / "kubeconfig"))
        commands = (["status"], ["explain", "--all"], ["explain", "shop"])
        for arguments in (*commands, *([*each, "-o", "json"] for each in commands)):
            assert await run(*arguments, "--kubeconfig", config) == 0
            told = capsys.readouterr().out
            assert "owned" in told
            assert not set("\x1b\x07\u202e") & set(told)
            if "json" not in arguments:
                assert not any(line.startswith("DEFAULT") for line in told.splitlines())
        assert await run("explain", HOSTILE, "--kubeconfig", config) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


async def test_what_is_printed_of_an_error_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert await run("status", "--kubeconfig", str(tmp_path / "no\x1b\nfile")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
