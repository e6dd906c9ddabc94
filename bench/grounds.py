"""What must be there before the test cluster starts: the programs that its pods run.

There are two images of each program. `waker` runs this checkout on the Python that runs the bench; `waker315` runs it on
CPython 3.15 like the container image (see Dockerfile), in a folder to chroot into, with the same versions of the libraries.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from tests.e2e.controllers import GROUND
from tests.e2e.install import CHECKOUT

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kubesleeper"
DIRECT = ("aiohttp", "kubernetes_asyncio", "jinja2", "prometheus-client", "tenacity")
ONLY_FOR_LAPTOPS = ("pyyaml",)  # reads a kubeconfig, which no pod needs; has no wheel for 3.15
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
TRIES = 3  # for downloads, which may fail once

PROGRAMS = {
    "waker": "-m waker",
    "bare": "-m bench.bare",
    "listeners": "-m bench.listeners",
}  # image -> what Python runs

# The environment of Dockerfile, as far as it concerns memory.
LEVERS = (
    "PYTHONNODEBUGRANGES=1 PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 "
    "MALLOC_MMAP_THRESHOLD_=65536 PYTHONMALLOC=malloc"
)
ON_315 = """#!/bin/sh
# In a mount namespace of the pod's own.
mount --bind {checkout} {root}/srv && mount --bind {site} {root}/opt/site && mount -t proc proc {root}/proc &&
mount --bind /dev {root}/dev && mount --rbind /var/run/secrets {root}/var/run/secrets || exit 1
exec env {levers} PYTHONPATH=/srv:/opt/site chroot {root} /usr/bin/python3.15 -X lazy_imports=all -OO {program} "$@"
"""
ON_THIS = """#!/bin/sh
cd {checkout} && exec env {levers} {python} {program} "$@"
"""


@contextmanager
def prepared() -> Iterator[Path]:
    """Download and write everything. Gives the folder of images, which is deleted at the end of the block."""
    for image in ("envoy-image", "nginx-image"):
        _try([str(GROUND / "ground"), image])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        images = Path(folder)
        root = _python315()
        site = _wheels()
        code = _as_in_the_image(images / "code", root, site)
        for name, program in PROGRAMS.items():
            python = _quoted(sys.executable)
            script = ON_THIS.format(checkout=_quoted(CHECKOUT), levers=LEVERS, python=python, program=program)
            _write(images / name, script)
            script = ON_315.format(
                checkout=_quoted(code), root=_quoted(root), site=_quoted(site), levers=LEVERS, program=program
            )
            _write(images / f"{name}315", script)
        yield images


def _as_in_the_image(code: Path, root: Path, site: Path) -> Path:
    """Copy this checkout's code, and compile templates and modules as Dockerfile does."""
    for name in ("waker", "templates", "static", "bench"):
        shutil.copytree(CHECKOUT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    python = f"PYTHONPATH=/srv:/opt/site chroot {_quoted(root)} /usr/bin/python3.15"
    steps = (
        f"mount --bind {_quoted(code)} {_quoted(root)}/srv && mount --bind {_quoted(site)} {_quoted(root)}/opt/site && "
        f"{python} -OO -m waker.image.precompile && {python} -OO -m waker.image.slim /srv /opt/site"
    )
    _try(["unshare", "--mount", "sh", "-c", steps])
    return code


def _python315() -> Path:
    """The folder of CPython 3.15, with the mount points that the image needs."""
    printed = _try([str(GROUND.parent / "python315")])
    root = Path(printed.strip().splitlines()[-1])
    for mount_point in ("srv", "opt/site", "proc", "dev", "var/run/secrets", "tmp"):
        (root / mount_point).mkdir(parents=True, exist_ok=True)
    return root


def _wheels() -> Path:
    """The folder with this Python's libraries, in the same versions for 3.15. It is kept for the next run."""
    wanted = sorted(f"{name}=={metadata.version(name)}" for name in _closure(DIRECT))
    site = CACHE / "python3.15"
    stamp = site / "versions.txt"
    if stamp.exists() and stamp.read_text().split() == wanted:
        return site
    platforms = [word for each in PLATFORMS for word in ("--platform", each)]
    _try([
        sys.executable, "-m", "pip", "install", "-q", "--upgrade", "--no-deps", "--target", str(site),
        "--python-version", "3.15", "--implementation", "cp", "--abi", "cp315", "--abi", "abi3", "--abi", "none",
        "--only-binary=:all:", *platforms, *wanted,
    ])  # fmt: skip
    stamp.write_text("\n".join(wanted))
    return site


def _closure(direct: tuple[str, ...]) -> set[str]:
    """The names of these distributions and of all that they need, as installed here."""
    found: set[str] = set()
    pending = list(direct)
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name in found or name in ONLY_FOR_LAPTOPS:
            continue
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another Python or an extra
        found.add(name)
        pending += [re.split(r"[^\w.-]", need)[0] for need in needs if "extra ==" not in need]
    return found


def _try(command: list[str]) -> str:
    for attempt in range(TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
        print(f"{command[0]}: try {attempt + 1} failed: {done.stderr.strip()[-300:]}", file=sys.stderr)
    raise SystemExit(f"cannot prepare: {' '.join(command)}")


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))
