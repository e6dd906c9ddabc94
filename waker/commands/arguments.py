"""Arguments of the commands that operators use most, and how each is called: `check`, `status`, `history`, `pause`, `resume`,
`dashboard`, `savings`.

`cli` adds them to its parser, and looks into `CALLS` for a command that it does not know itself. Each call returns an exit
code. The commands are imported when they are called: the service has no use for them.
"""

import argparse
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from waker.cluster.kubeconfig import Person, context_namespace
from waker.errors import SettingsError
from waker.settings.flags import Settings
from waker.settings.parsing import whole_number

SubCommands: TypeAlias = "argparse._SubParsersAction[Any]"
OUTPUTS: Final = ("table", "wide", "json", "yaml", "name")
parse_port = whole_number(0, 65535)
AN_APP: Final = "shop, deployment/shop or statefulset/shop"


def add(commands: SubCommands, flags: argparse.ArgumentParser) -> None:
    """All but `status`, whose other arguments `cli` adds."""
    _add_check(commands, flags)
    _add_history(commands, flags)
    _add_pauses(commands, flags)
    _add_sights(commands, flags)


def port(text: str) -> int:
    """A port, for argparse. Raises ArgumentTypeError."""
    try:
        return parse_port(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_filters(command: argparse.ArgumentParser) -> None:
    """Of `status`: which apps, and how they are shown."""
    text = "only workloads with these labels, as kubectl has it: team=web,tier!=db"
    command.add_argument("-l", "--selector", default="", metavar="LABELS", help=text)
    command.add_argument("--phase", default="", metavar="PHASES", help="only these, comma-separated: asleep,stuck")
    command.add_argument("-o", dest="output", choices=OUTPUTS, default="table", help="how to print it")
    command.add_argument("-w", "--watch", action="store_true", help="look again every two seconds, until Ctrl-C")


def _add_check(commands: SubCommands, flags: argparse.ArgumentParser) -> None:
    text = "say whether the cluster has what waker needs, and whether an app would sleep"
    command = commands.add_parser("check", parents=[flags], help=text)
    text = "only what concerns this app, enabled or not: shop, deployment/shop or statefulset/shop"
    which = command.add_mutually_exclusive_group()
    which.add_argument("--app", metavar="NAME", help=text)
    text = "list the workloads that nobody has visited for a day, and what sleeping them would save"
    which.add_argument("--candidates", action="store_true", help=text)
    text = "with --candidates: for how long nobody has visited them (default: 1d)"
    command.add_argument("--idle-for", default="1d", metavar="DURATION", help=text)
    command.add_argument(
        "-n",
        "--namespace",
        dest="only",
        help="the app's namespace (default: that of the context); with --candidates only that (default: all)",
    )
    command.add_argument("-o", dest="output", choices=["text", "json"], default="text", help="how to print it")


def _add_history(commands: SubCommands, flags: argparse.ArgumentParser) -> None:
    text = "tell the story of an app: when it slept, who woke it, and how long each stage took"
    command = commands.add_parser("history", parents=[flags], help=text)
    command.add_argument("name", metavar="NAME", help=AN_APP)
    command.add_argument("-n", "--namespace", dest="only", help="its namespace (default: that of the context)")
    command.add_argument("-o", dest="output", choices=["text", "json"], default="text", help="how to print it")


def _add_pauses(commands: SubCommands, flags: argparse.ArgumentParser) -> None:
    for name, text in (
        ("pause", "put nothing to sleep: one app, all of a namespace (-n), or everything (--all)"),
        ("resume", "end a pause: of one app, of a namespace (-n), or of everything (--all)"),
    ):
        command = commands.add_parser(name, parents=[flags], help=text)
        which = command.add_mutually_exclusive_group()
        which.add_argument("name", metavar="NAME", nargs="?", help=AN_APP)
        which.add_argument("--all", action="store_true", help="everything")
        where = "the app's namespace (default: that of the context); without NAME the namespace itself"
        command.add_argument("-n", "--namespace", dest="only", help=where)
        if name == "pause":
            length = "for how long (default: until it is resumed)"
            command.add_argument("--for", dest="length", default="", metavar="DURATION", help=length)


def _add_sights(commands: SubCommands, flags: argparse.ArgumentParser) -> None:
    text = "open the page for operators: what sleeps and why, live"
    command = commands.add_parser("dashboard", parents=[flags], help=text)
    text = "the port of this machine at which it is (default: any that is free)"
    command.add_argument("--port", type=port, default=0, help=text)
    command.add_argument("--no-browser", action="store_true", help="only print its address")
    command = commands.add_parser("savings", parents=[flags], help="show what sleep has saved, by namespace")
    command.add_argument("-n", "--namespace", dest="only", help="only this namespace (default: all)")
    command.add_argument("-o", dest="output", choices=["table", "json"], default="table", help="how to print it")


# --- calls --------------------------------------------------------------------------------------------------------


def namespace_of(arguments: argparse.Namespace, settings: Settings) -> str:
    """The namespace that is meant: the given one, else that of the kubeconfig's context."""
    given: str | None = arguments.only
    return given or context_namespace(settings.kubeconfig, Person(settings.context, settings.acts_for))


async def _check(arguments: argparse.Namespace, settings: Settings) -> int:
    from waker.commands import candidates, check  # noqa: PLC0415 see above
    from waker.commands.terminal import Terminal  # noqa: PLC0415 see above

    if arguments.candidates:
        Terminal().print(await candidates.found(settings, arguments.only, arguments.idle_for, arguments.output))
        return 0
    found = await check.check(settings, namespace_of(arguments, settings), arguments.app, arguments.output)
    Terminal().print(found.text)
    return found.code


async def _status(arguments: argparse.Namespace, settings: Settings) -> int:
    from waker.commands import status  # noqa: PLC0415 see above
    from waker.commands.terminal import Terminal  # noqa: PLC0415 see above

    which = arguments.only, arguments.selector, arguments.phase, arguments.output, arguments.watch
    await status.status(settings, status.StatusQuery(*which), Terminal())
    return 0


async def _history(arguments: argparse.Namespace, settings: Settings) -> int:
    from waker.commands import history  # noqa: PLC0415 see above
    from waker.commands.terminal import Terminal  # noqa: PLC0415 see above

    which = namespace_of(arguments, settings), arguments.name
    Terminal().print(await history.history(settings, *which, arguments.output))
    return 0


async def _pause(arguments: argparse.Namespace, settings: Settings) -> int:
    from waker.commands import pause  # noqa: PLC0415 see above
    from waker.commands.terminal import Terminal  # noqa: PLC0415 see above

    until = pause.parse_length(arguments.length) if arguments.command == "pause" else None
    if arguments.all:
        said = await pause.everything(settings, until)
    elif arguments.name:
        said = await pause.app(settings, namespace_of(arguments, settings), arguments.name, until)
    elif arguments.only:
        said = await pause.namespace(settings, arguments.only, until)
    else:
        raise SettingsError(f"{arguments.command}: name an app, or a namespace with -n, or say --all")
    Terminal().print(said)
    return 0


async def _savings(arguments: argparse.Namespace, settings: Settings) -> int:
    from waker.commands import savings  # noqa: PLC0415 see above
    from waker.commands.terminal import Terminal  # noqa: PLC0415 see above

    Terminal().print(await savings.savings(settings, arguments.only, arguments.output))
    return 0


async def _dashboard(arguments: argparse.Namespace, settings: Settings) -> int:
    from waker.commands import dashboard  # noqa: PLC0415 see above

    return await dashboard.dashboard(settings, arguments.port, browser=not arguments.no_browser)


CALLS: Final[Mapping[str, Callable[[argparse.Namespace, Settings], Awaitable[int]]]] = {
    "check": _check,
    "status": _status,
    "history": _history,
    "pause": _pause,
    "resume": _pause,
    "savings": _savings,
    "dashboard": _dashboard,
}
