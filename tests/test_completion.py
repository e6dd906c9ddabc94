"""What shells complete after `waker`: asked of the real bash, zsh and fish, as somebody who presses Tab."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from waker.cli import main, parser
from waker.commands import completion

BASH = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_waker
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source "$argv[1]"; complete -C "$argv[2]"'
ZSH = """
zmodload zsh/zpty
zpty asked zsh -f -i
zpty -w asked "PS1=; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -d $1/dump; zstyle ':completion:*' list-prompt ''"
zpty -w asked "LISTMAX=0; bindkey '^I' list-choices; echo re''ady"
zpty -r -m asked got '*ready*'
zpty -w -n asked "$2"$'\\t'
got=
for ((tries = 0; tries < 100; tries++)); do
    sleep 0.1
    while zpty -r -t asked more; do got+=$more; done
    for word in "${@:3}"; do [[ $got == *$word* ]] || continue 2; done
    break
done
print -r -- "$got"
"""
CASES = [
    pytest.param("waker sta", {"status"}, {"sleep"}, id="a command"),
    pytest.param("waker status -o ", {"table", "json"}, {"text", "--kubeconfig"}, id="the values of a flag"),
    pytest.param("waker sleep shop --p", {"--pin"}, {"--all"}, id="a flag of this command"),
    pytest.param("waker completion ", {"bash", "zsh", "fish"}, {"status"}, id="the words of an argument"),
]


def tried(shell: str, program: str, home: Path, *arguments: str) -> str:
    """What the shell prints that runs this program, with nobody's settings."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is missing")
    options = ["--no-config"] if shell == "fish" else ["-f"] if shell == "zsh" else ["--norc"]
    name = [] if shell == "fish" else [shell]
    command = [shell, *options, "-c", program, *name, *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"TERM": "dumb", "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=["bash", "fish", "zsh"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def offered(shell: str, folder: Path, line: str, wanted: set[str]) -> set[str]:
    """The words that the shell offers for the end of this line. zsh draws bit by bit: until what is wanted is there."""
    file = folder / {"bash": "waker.bash", "fish": "waker.fish", "zsh": "_waker"}[shell]
    file.write_text(completion.script(shell, parser()))
    if shell == "bash":
        return set(tried(shell, BASH, folder, str(file), *line.split(" ")).split())
    if shell == "fish":
        return {each.partition("\t")[0] for each in tried(shell, FISH, folder, str(file), line).splitlines()}
    return set(tried(shell, ZSH, folder, str(folder), line, *wanted).split())


@pytest.mark.parametrize(("line", "wanted", "unwanted"), CASES)
def test_tab(shell: str, tmp_path: Path, line: str, wanted: set[str], unwanted: set[str]) -> None:
    found = offered(shell, tmp_path, line, wanted)
    assert wanted <= found
    assert not unwanted & found


@pytest.mark.parametrize(("line", "wanted", "unwanted"), CASES)
def test_kubectl_is_answered_with_the_same(line: str, wanted: set[str], unwanted: set[str]) -> None:
    *answers, last = completion.for_kubectl(parser(), line.split(" ")[1:]).splitlines()
    found = {each.partition("\t")[0] for each in answers}
    assert wanted <= found
    assert not unwanted & found
    assert last == ":4"


def test_each_command_and_flag_is_in_each_script() -> None:
    commands = completion.completed(parser())
    assert len(commands) > 8
    for shell in ("bash", "zsh", "fish"):
        text = completion.script(shell, parser())
        for each in commands:
            assert each.name in text
            for flag in each.flags:
                assert all(spelling.lstrip("-") in text for spelling in flag.spellings)


def test_bash_completes_files_with_blanks(tmp_path: Path) -> None:
    script, file = tmp_path / "waker.bash", tmp_path / "my config"
    script.write_text(completion.script("bash", parser()))
    file.touch()
    words = ("waker", "status", "--kubeconfig", str(tmp_path / "my"))
    assert tried("bash", BASH, tmp_path, str(script), *words) == f"{file}\n"


def test_the_command_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    assert capsys.readouterr().out == completion.script("bash", parser())
