"""`waker completion SHELL`: what a shell completes after `waker`, as a script for bash, zsh or fish.

Made from the parser itself, so a new command or flag is in it. The scripts stand by themselves and start no program: the Tab
key waits for nothing. kubectl asks a program instead, `kubectl_complete-waker`; `for_kubectl` is what it answers.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NO_FILES = ":4"  # the last line of an answer to kubectl, as in cobra's completions: names of files are none
FILE_FLAGS = ("--kubeconfig", "--themes", "--theme", "--prometheus-token-file", "--prometheus-ca-file")


class CompletedFlag(NamedTuple):
    """One flag of a command, in all its spellings. `choices` is empty if any value will do."""

    spellings: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...]


class CompletedCommand(NamedTuple):
    """One command. `words` are the fixed values of its arguments."""

    name: str
    help: str
    flags: tuple[CompletedFlag, ...]
    words: tuple[str, ...]


def completed(parser: argparse.ArgumentParser) -> tuple[CompletedCommand, ...]:
    """The commands of a parser."""
    (sub,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    helps = {each.dest: each.help or "" for each in sub._choices_actions}
    return tuple(_command(name, helps.get(name, ""), command) for name, command in sub.choices.items())


def _command(name: str, text: str, parser: argparse.ArgumentParser) -> CompletedCommand:
    flags = tuple(
        CompletedFlag(tuple(each.option_strings), _first(each.help or ""), each.nargs != 0, tuple(each.choices or ()))
        for each in parser._actions
        if each.option_strings
    )
    words = tuple(word for each in parser._actions if not each.option_strings for word in each.choices or ())
    return CompletedCommand(name, text, flags, words)


def _first(text: str) -> str:
    """A help without what stands in brackets at its end."""
    return text.partition(" [")[0].partition(" (default")[0]


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script for `bash`, `zsh` or `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](completed(parser))


def _spellings(flags: Iterable[CompletedFlag]) -> str:
    return " ".join(spelling for flag in flags for spelling in flag.spellings)


def _bash(commands: Sequence[CompletedCommand]) -> str:
    """For bash 3.2, too, which macOS has."""
    values = "".join(
        f'        {each.name}:{spelling}) words="{" ".join(flag.choices)}" ;;\n'
        for each in commands
        for flag in each.flags
        if flag.choices
        for spelling in flag.spellings
    )
    words = "".join(
        f'            {each.name}) words="{" ".join(filter(None, (_spellings(each.flags), *each.words)))}" ;;\n'
        for each in commands
    )
    any_value = "|".join(
        f"{each.name}:{spelling}"
        for each in commands
        for flag in each.flags
        if flag.takes_value and not flag.choices
        for spelling in flag.spellings
        if spelling not in FILE_FLAGS
    )
    names = "|".join(each.name for each in commands)
    return f"""# bash completion for waker: source <(waker completion bash)
_waker() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command="" words="" each
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $each in {names}) command=$each && break ;; esac
    done
    COMPREPLY=()
    case $command:$before in
{values}        *:{"|*:".join(FILE_FLAGS)}) local IFS=$'\\n' && COMPREPLY=($(compgen -f -- "$word")) && return ;;
        {any_value}) return ;;
        *)
            case $command in
            "") words="{" ".join(each.name for each in commands)} --help --version" ;;
{words}            esac
            ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _waker waker
"""


def _zsh(commands: Sequence[CompletedCommand]) -> str:
    names = "\n".join(f"        {_quoted(f'{each.name}:{each.help}')}" for each in commands)
    cases = "\n".join(f"        {each.name}) _arguments {' '.join(_zsh_words(each))} ;;" for each in commands)
    return f"""#compdef waker
# zsh completion for waker: waker completion zsh > "${{fpath[1]}}/_waker"
_waker() {{
    local state line
    local -a commands
    commands=(
{names}
    )
    _arguments -C '1: :->command' '*:: :->arguments'
    case $state in
    command) _describe command commands ;;
    arguments)
        case $words[1] in
{cases}
        esac
        ;;
    esac
}}
if [ "$funcstack[1]" = _waker ]; then _waker "$@"; else compdef _waker waker; fi
"""


def _zsh_words(command: CompletedCommand) -> Iterable[str]:
    for flag in command.flags:
        for spelling in flag.spellings:
            action = f"({' '.join(flag.choices)})" if flag.choices else "_files" if spelling in FILE_FLAGS else ""
            value = f":value:{action}" if flag.takes_value else ""
            text = flag.help.replace("[", "(").replace("]", ")").replace(":", r"\\:")
            yield _quoted(f"{spelling}[{text}]{value}")
    yield _quoted(f"1: :({' '.join(command.words)})" if command.words else "1: : ")


def _fish(commands: Sequence[CompletedCommand]) -> str:
    lines = [
        "# fish completion for waker: waker completion fish > ~/.config/fish/completions/waker.fish",
        "complete -c waker -f",
    ]
    for each in commands:
        lines.append(f"complete -c waker -n __fish_use_subcommand -a {each.name} -d {_quoted(each.help)}")
        here = f"complete -c waker -n '__fish_seen_subcommand_from {each.name}'"
        lines += [f"{here} -a {_quoted(' '.join(each.words))}"] if each.words else []
        for flag in each.flags:
            spelled = " ".join(
                f"-l {spelling[2:]}" if spelling.startswith("--") else f"-s {spelling[1:]}"
                for spelling in flag.spellings
            )
            file = any(spelling in FILE_FLAGS for spelling in flag.spellings)
            value = (
                f" -x -a {_quoted(' '.join(flag.choices))}" if flag.choices
                else " -r -F" if file else " -x" if flag.takes_value else ""
            )  # fmt: skip
            lines.append(f"{here} {spelled}{value} -d {_quoted(flag.help)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """For all three shells: in single quotes, with a single quote as an apostrophe."""
    return f"'{text.replace(chr(39), chr(0x2019))}'"


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What may stand in the place of the last word, each with its help after a tab."""
    *before, word = words or [""]
    commands = completed(parser)
    chosen = next((each for each in commands if each.name in before), None)
    if not chosen:
        found = [f"{each.name}\t{each.help}" for each in commands]
    else:
        flag = next((each for each in chosen.flags if before[-1] in each.spellings and each.takes_value), None)
        found = list(flag.choices) if flag else [
            *(f"{spelling}\t{each.help}" for each in chosen.flags for spelling in each.spellings), *chosen.words
        ]  # fmt: skip
    return [each for each in found if each.startswith(word)]


def for_kubectl(parser: argparse.ArgumentParser, words: Sequence[str]) -> str:
    """What `kubectl_complete-waker WORDS` answers to kubectl, which completes `kubectl waker`."""
    return "\n".join([*candidates(parser, words), NO_FILES])
