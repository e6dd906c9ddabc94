"""The command line: arguments -> settings -> the service or one command -> an exit code.

Exit codes: 0, done; 1, failed, with one sentence on standard error; 2, wrong arguments (argparse); 130, Ctrl-C; 141, whoever
read its output has stopped (`| head`): as a shell says of programs that SIGPIPE has ended. It knows the name of each command
and nothing of how the command works: each is one module in `commands`. `__main__` calls `main`. To add a command, add its
arguments to `parser` and its call to `_command`. `run` takes every flag of `FLAGS`; the others take those
that do something there, so that none is believed to (`restore --dry-run`).
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from waker import __version__, logs, process
from waker.commands import arguments as arguments_of
from waker.commands import explain, gallery, page, pin, restore
from waker.commands.arguments import namespace_of
from waker.errors import WakerError
from waker.printable import printable_lines, printable_text
from waker.settings.flags import FLAGS, Settings, defaults, read_settings
from waker.settings.parsing import parse_bool
from waker.web.samples import SAMPLES


class Parser(argparse.ArgumentParser):
    """Finds out the width of the terminal itself. argparse would import shutil and with it three compression libraries, half a
    MB in the service.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=columns()), **more)


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def columns() -> int:
    """The width of the terminal; 80 if there is none."""
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80


def parser() -> argparse.ArgumentParser:
    """The parser of all commands and their arguments."""
    top = Parser(prog="waker", description="Apps that nobody visits sleep; the first visitor wakes them.")
    top.add_argument("--version", action="version", version=f"waker {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", parents=[_flags(*(each.field for each in FLAGS))], help="run the service")
    asking = _person_flags()
    _add_reading_commands(commands, asking)
    arguments_of.add(commands, asking)
    _add_writing_commands(commands, asking)
    _add_page_and_demo(commands, asking)
    return top


def _flags(*wanted: str) -> Parser:
    """The flags of these fields of Settings."""
    flags = Parser(add_help=False)
    for each in (row for row in FLAGS if row.field in wanted):
        text = f"{each.help} [{each.env}]"
        if each.parse is parse_bool:
            flags.add_argument(each.flag, dest=each.field, action="store_const", const="true", help=text)
        else:
            flags.add_argument(each.flag, dest=each.field, help=text + _default(each.field))
    return flags


def _person_flags() -> Parser:
    """Of all commands but the service: who asks, and which cluster."""
    asking = Parser(add_help=False, parents=[_flags("namespace", "kubeconfig", "log_level", "log_format")])
    asking.add_argument("--context", default="", help="the context of the kubeconfig to use (default: the current one)")
    text = "ask the API server in the name of this user, such as system:serviceaccount:NAMESPACE:NAME"
    asking.add_argument("--as", dest="acts_for", metavar="USER", default="", help=text)
    return asking


def _add_reading_commands(commands: Commands, flags: Parser) -> None:
    command = commands.add_parser("status", parents=[flags], help="show all apps with their phase, replicas and reason")
    command.add_argument("-n", "--namespace", dest="only", help="only the apps of this namespace (default: all)")
    command.add_argument("-A", dest="only", action="store_const", const=None, help="all namespaces")
    arguments_of.add_filters(command)
    text = "say why an app is not asleep, and all that waker knows about it"
    command = commands.add_parser("explain", parents=[flags], help=text)
    which = command.add_mutually_exclusive_group(required=True)
    text = "shop, deployment/shop or statefulset/shop, or the reference that its waiting page shows: 7F3K-2M5Q"
    which.add_argument("name", metavar="NAME", nargs="?", help=text)
    which.add_argument("--all", action="store_true", help="what keeps most apps awake, first")
    text = "the app's namespace (default: that of the context); with --all only its apps (default: all)"
    command.add_argument("-n", "--namespace", dest="only", help=text)
    command.add_argument("-o", dest="output", choices=["text", "json"], default="text", help="how to print it")


def _add_writing_commands(commands: Commands, flags: Parser) -> None:
    for name, text in (
        ("sleep", "put an app to sleep now, until its next visitor"),
        ("wake", "wake an app now"),
        ("auto", "remove the pin, so that traffic decides again"),
    ):
        command = commands.add_parser(name, parents=[flags], help=text)
        _add_app_arguments(command)
        if name != "auto":
            command.add_argument("--pin", action="store_true", help="keep it that way, whatever the traffic")
            command.add_argument("--wait", action="store_true", help="wait until it is so, and show how far it is")
            longest = "with --wait: for how long (default: 5m)"
            command.add_argument("--timeout", default="5m", metavar="DURATION", help=longest)
    command = commands.add_parser(
        "restore", parents=[flags], help="give back what apps had, even if the service itself is gone"
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "name", metavar="NAME", nargs="?", help="one app, which is pinned awake: shop or deployment/shop"
    )
    which.add_argument("--all", action="store_true", help="every app in every namespace, and leave nothing behind")
    command.add_argument("-n", "--namespace", dest="only", help="the app's namespace (default: that of the context)")
    text = "restore an app's routes after this time even if it is not ready (default: 5m)"
    command.add_argument("--timeout", default="5m", help=text)


def _add_page_and_demo(commands: Commands, flags: Parser) -> None:
    command = commands.add_parser(
        "page", parents=[flags, _flags("themes")], help="print the waiting page, to try out a theme or a language"
    )
    text = "a file, or the name of a theme (default: sunrise, which is built in)"
    command.add_argument("--theme", default="", help=text)
    text = "the state that it shows (default: scheduled)"
    command.add_argument("--state", choices=list(SAMPLES), default="scheduled", help=text)
    command.add_argument("--lang", default="en", metavar="TAG", help="its language (default: en)")
    command.add_argument("--gallery", action="store_true", help="every theme in every state, to look at in a browser")
    command = commands.add_parser("demo", help="run an embedded cluster with sample apps, and waker beside it")
    text = "let one app sleep and wake, print each step, and check the result"
    command.add_argument("--check", action="store_true", help=text)
    command.add_argument(
        "--port", type=arguments_of.port, default=8088, help="the port of the demo's ingress (default: 8088)"
    )
    command = commands.add_parser("completion", help="print the script with which a shell completes this command")
    command.add_argument("shell", choices=["bash", "zsh", "fish"], help="for example: source <(waker completion bash)")


def _add_app_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="shop, deployment/shop or statefulset/shop")
    command.add_argument("-n", "--namespace", dest="only", help="its namespace (default: that of the context)")


def _default(field: str) -> str:
    value = defaults(Settings).get(field)
    return f" (default: {value})" if value not in ("", None) else ""


def main(argv: list[str] | None = None) -> int:
    """Run the program and return its exit code."""
    arguments = parser().parse_args(argv)
    code = 1
    try:
        settings = read_settings(vars(arguments), os.environ)
        context, acts_for = getattr(arguments, "context", ""), getattr(arguments, "acts_for", "")
        settings = replace(settings, context=context, acts_for=acts_for)
        logs.set_up(settings)
        code = asyncio.run(_command(arguments, settings))
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where it is known what to do if nobody reads
    except* BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere when Python ends
        code = 141
    except* (WakerError, OSError) as errors:  # OSError: usually a port that is in use
        print(f"waker: {printable_text(str(_first(errors)))}", file=sys.stderr)
    except* KeyboardInterrupt:
        code = 130
    return code


def complete_for_kubectl() -> None:
    """The program `kubectl_complete-waker`: kubectl asks it what may come next after `kubectl waker`."""
    from waker.commands import completion  # noqa: PLC0415 only this program needs it

    print(completion.for_kubectl(parser(), sys.argv[1:]))


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _command(arguments: argparse.Namespace, settings: Settings) -> int:
    match arguments.command:
        case "run":
            await process.run(settings)
            return 0
        case "demo":
            from waker.demo import show  # noqa: PLC0415 only the demo needs it

            return await show.show(check=arguments.check, port=arguments.port)
        case "completion":
            from waker.commands import completion  # noqa: PLC0415 only this command needs it

            print(completion.script(arguments.shell, parser()), end="")
        case "explain":
            _print(await _explained(arguments, settings))
        case "page" if arguments.gallery:
            print(gallery.gallery(settings, arguments.lang), end="")
        case "page":
            print(await page.page(settings, arguments.theme, arguments.state, arguments.lang), end="")
        case "restore":
            one, within = arguments.name, arguments.timeout
            restoring = (
                restore.restore_one(settings, within, namespace_of(arguments, settings), one)
                if one
                else restore.restore_all(settings, within)
            )
            restored = await restoring
            _print(restored.text)
            return 0 if restored.complete else 1
        case name if name in arguments_of.CALLS:
            return await arguments_of.CALLS[name](arguments, settings)
        case _:
            await _pinned(arguments, settings)
    return 0


async def _pinned(arguments: argparse.Namespace, settings: Settings) -> None:
    """`sleep`, `wake` and `auto`."""
    commands: dict[str, Callable[..., Awaitable[str]]] = {"sleep": pin.sleep, "wake": pin.wake, "auto": pin.auto}
    name, app = arguments.command, (namespace_of(arguments, settings), arguments.name)
    _print(await commands[name](settings, *app, pin=getattr(arguments, "pin", False)))
    if getattr(arguments, "wait", False):
        from waker.commands import waiting  # noqa: PLC0415 the service has no use for it
        from waker.commands.terminal import Terminal  # noqa: PLC0415

        wait = {"sleep": waiting.until_asleep, "wake": waiting.until_awake}[name]
        _print(await wait(settings, *app, arguments.timeout, Terminal()))


async def _explained(arguments: argparse.Namespace, settings: Settings) -> str:
    if arguments.all:
        return await explain.explained_all(settings, arguments.only, arguments.output)
    return await explain.explained(settings, namespace_of(arguments, settings), arguments.name, arguments.output)


def _print(text: str) -> None:
    """For a terminal: what a cluster contains can move no cursor. Tables have made each cell one line before."""
    print(printable_lines(text))
