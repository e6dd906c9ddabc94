"""The command line: arguments -> settings -> the service or one command; exit codes.

0: done. 1: it failed, with one sentence on standard error. 2: the arguments are wrong (argparse).
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from waker import __version__, logs, process
from waker.commands import explain, page, pin, restore, status
from waker.errors import WakerError
from waker.settings.flags import FLAGS, Settings, defaults, read_settings
from waker.web.samples import SAMPLES

NAME = "shop, deployment/shop or statefulset/shop"


class Parser(argparse.ArgumentParser):
    """Knows how wide help may be. argparse asks shutil, which brings three compression libraries: half a MB in the service."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=columns()), **more)


def columns() -> int:
    """Of the terminal; 80 if there is none."""
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    process = Parser(add_help=False)
    for each in FLAGS:
        text = f"{each.help} [{each.env}]"
        if each.flag == "--dry-run":
            process.add_argument(each.flag, dest=each.field, action="store_const", const="true", help=text)
        else:
            process.add_argument(each.flag, dest=each.field, help=text + _default(each.field))
    top = Parser(prog="waker", description="Apps that nobody visits sleep; the first visitor wakes them.")
    top.add_argument("--version", action="version", version=f"waker {__version__}")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sub.add_parser("run", parents=[process], help="run the service")
    rows = sub.add_parser("status", parents=[process], help="show all apps: phase, replicas, and why")
    rows.add_argument("-n", "--namespace", dest="only", help="only the apps of this namespace (default: all)")
    rows.add_argument("-A", dest="only", action="store_const", const=None, help="all namespaces")
    rows.add_argument("-o", dest="output", choices=["table", "json"], default="table", help="how to print it")
    why = sub.add_parser(
        "explain", parents=[process], help="say why an app is not asleep, and all that was found for it"
    )
    why.add_argument("name", metavar="NAME", help=NAME)
    why.add_argument("-n", "--namespace", dest="only", default="default", help="its namespace (default: default)")
    why.add_argument("-o", dest="output", choices=["text", "json"], default="text", help="how to print it")
    for name, text in (
        ("sleep", "put an app to sleep now, until its next visitor"),
        ("wake", "wake an app now"),
        ("auto", "remove the pin: sleep and wake by traffic again"),
    ):
        one = sub.add_parser(name, parents=[process], help=text)
        one.add_argument("name", metavar="NAME", help=NAME)
        one.add_argument("-n", "--namespace", dest="only", default="default", help="its namespace (default: default)")
        if name != "auto":
            one.add_argument("--pin", action="store_true", help="and keep it so, whatever the traffic")
    undo = sub.add_parser("restore", parents=[process], help="undo everything, also when the service itself is gone")
    undo.add_argument("--all", action="store_true", required=True, help="every app in every namespace")
    undo.add_argument(
        "--timeout", default="5m", help="give the routes back after this long even if an app is not ready"
    )
    shown = sub.add_parser("page", parents=[process], help="print the waiting page, to try a theme or a language")
    shown.add_argument("--theme", default="", help="a file, or the name of a theme (default: the page as it comes)")
    shown.add_argument("--state", choices=list(SAMPLES), default="scheduled", help="what it shows (default: scheduled)")
    shown.add_argument("--lang", default="en", metavar="TAG", help="in which language (default: en)")
    demo = sub.add_parser("demo", help="an embedded cluster with sample apps, and waker beside it")
    demo.add_argument("--check", action="store_true", help="do one whole cycle, print it, and say whether all was well")
    demo.add_argument("--port", type=int, default=8088, help="the port of the demo's ingress (default: 8088)")
    return top


def _default(field: str) -> str:
    value = defaults(Settings).get(field)
    return f" (default: {value})" if value not in ("", None) else ""


def main(argv: list[str] | None = None) -> int:
    """The whole program; the exit code."""
    arguments = parser().parse_args(argv)
    code = 1
    try:
        settings = read_settings(vars(arguments), os.environ)
        logs.set_up(settings)
        code = asyncio.run(_command(arguments, settings))
    except* (WakerError, OSError) as errors:  # OSError: mostly a port that is taken
        print(f"waker: {_first(errors)}", file=sys.stderr)
    except* KeyboardInterrupt:
        code = 130
    return code


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _command(arguments: argparse.Namespace, settings: Settings) -> int:
    match arguments.command:
        case "run":
            await process.run(settings)
            return 0
        case "demo":
            from waker.demo import show  # noqa: PLC0415 only here: the service needs none of it

            return await show.show(check=arguments.check, port=arguments.port)
        case "status":
            print(await status.status(settings, arguments.only, arguments.output))
        case "explain":
            print(await explain.explained(settings, arguments.only, arguments.name, arguments.output))
        case "page":
            print(await page.page(settings, arguments.theme, arguments.state, arguments.lang), end="")
        case "restore":
            print(await restore.restore(settings, arguments.timeout))
        case name:
            does: dict[str, Callable[..., Awaitable[str]]] = {
                "sleep": pin.sleep,
                "wake": pin.wake,
                "auto": pin.auto,
            }
            print(await does[name](settings, arguments.only, arguments.name, pin=getattr(arguments, "pin", False)))
    return 0
