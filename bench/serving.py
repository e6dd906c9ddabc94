"""A process that serves pages as Go programs serve their metrics, so that the reader's core is the reader's own.

`serving(pages)` starts `python -m bench.serving FILE ...` and gives its port. Each page is there plain and packed, in
chunks as they go over the wire; the kernel sends them, so that the sender costs next to nothing. One request after the
other, and the pages in turn.
"""

import os
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

CHUNK = 4096  # what Go's client library hands on at a time
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n{packed}Transfer-Encoding: chunked\r\n\r\n"
PLAIN, PACKED = HEAD.format(packed="").encode(), HEAD.format(packed="Content-Encoding: gzip\r\n").encode()


class BarePage(NamedTuple):
    """Two files, and the size of the plain one in bytes."""

    plain: Path
    packed: Path
    size: int


def write(folder: Path, name: str, pieces: Iterable[str]) -> BarePage:
    """Write a page both ways."""
    plain, packed, size = folder / name, folder / f"{name}.gz", 0
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    with plain.open("wb") as out, packed.open("wb") as out_packed:
        for piece in blocks(map(str.encode, pieces)):
            size += len(piece)
            out.write(chunk(piece))
            out_packed.writelines(map(chunk, blocks([packing.compress(piece)])))
        out.write(chunk(b""))
        out_packed.writelines([chunk(packing.flush()), chunk(b"")])
    return BarePage(plain, packed, size)


def blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, 4 kB at a time."""
    rest = b""
    for piece in pieces:
        rest += piece
        while len(rest) >= CHUNK:
            yield rest[:CHUNK]
            rest = rest[CHUNK:]
    if rest:
        yield rest


def chunk(block: bytes) -> bytes:
    """A block as HTTP sends it; an empty one is the end."""
    return b"%x\r\n%b\r\n" % (len(block), block)


@contextmanager
def serving(pages: Sequence[BarePage]) -> Iterator[int]:
    """A server of these pages on the loopback address; its port."""
    files = [str(file) for page in pages for file in (page.plain, page.packed)]
    with subprocess.Popen([sys.executable, "-m", "bench.serving", *files], stdout=subprocess.PIPE) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            process.terminate()


def main(files: Sequence[str]) -> None:
    """Answer for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:
        bodies = [stack.enter_context(Path(file).open("rb")).fileno() for file in files]
        print(server.getsockname()[1], flush=True)
        turn = 0
        while True:
            visitor, _ = server.accept()
            with visitor:
                answer(visitor, *bodies[turn : turn + 2])
            turn = (turn + 2) % len(bodies)


def answer(visitor: socket.socket, plain: int, packed: int) -> None:
    """One request, one page, the end of the connection."""
    asked = b""
    while b"\r\n\r\n" not in asked and (more := visitor.recv(65536)):
        asked += more
    wants_packed = b"accept-encoding: gzip" in asked.lower()
    body = packed if wants_packed else plain
    try:
        visitor.sendall(PACKED if wants_packed else PLAIN)
        at, size = 0, os.fstat(body).st_size
        while at < size:
            at += os.sendfile(visitor.fileno(), body, at, size - at)
    except (BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
