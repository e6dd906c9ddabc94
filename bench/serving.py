"""A process that serves metrics pages like a Go program does, so that the scraper has its core to itself.

`serving(pages)` starts `python -m bench.serving FILE ...` and gives its port. Each page is stored plain and compressed, in
chunks as they go over the wire, and the kernel sends them: the server costs next to nothing. It answers one request at a
time, with the pages in turn.
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

CHUNK = 4096  # bytes; as much as Go's client library writes at a time
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n{packed}Transfer-Encoding: chunked\r\n\r\n"
PLAIN, PACKED = HEAD.format(packed="").encode(), HEAD.format(packed="Content-Encoding: gzip\r\n").encode()


class StoredPage(NamedTuple):
    """A page in two files, and the size of the plain text in bytes."""

    plain: Path
    packed: Path
    size: int


def write(folder: Path, name: str, pieces: Iterable[str]) -> StoredPage:
    """Write a page, plain and compressed."""
    plain, packed, size = folder / name, folder / f"{name}.gz", 0
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    with plain.open("wb") as out, packed.open("wb") as out_packed:
        for piece in blocks(map(str.encode, pieces)):
            size += len(piece)
            out.write(chunk(piece))
            out_packed.writelines(map(chunk, blocks([packing.compress(piece)])))
        out.write(chunk(b""))
        out_packed.writelines([chunk(packing.flush()), chunk(b"")])
    return StoredPage(plain, packed, size)


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
    """A block as HTTP sends it in a chunk. An empty one ends the answer."""
    return b"%x\r\n%b\r\n" % (len(block), block)


@contextmanager
def serving(pages: Sequence[StoredPage]) -> Iterator[int]:
    """Serve these pages on the loopback address. Gives the port."""
    files = [str(file) for page in pages for file in (page.plain, page.packed)]
    with subprocess.Popen([sys.executable, "-m", "bench.serving", *files], stdout=subprocess.PIPE) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            process.terminate()


def main(files: Sequence[str]) -> None:
    """Answer requests for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:
        bodies = [stack.enter_context(Path(file).open("rb")).fileno() for file in files]
        print(server.getsockname()[1], flush=True)
        turn = 0
        while True:
            client, _ = server.accept()
            with client:
                answer(client, *bodies[turn : turn + 2])
            turn = (turn + 2) % len(bodies)


def answer(client: socket.socket, plain: int, packed: int) -> None:
    """Answer one request with one page, and close the connection."""
    asked = b""
    while b"\r\n\r\n" not in asked and (more := client.recv(65536)):
        asked += more
    wants_packed = b"accept-encoding: gzip" in asked.lower()
    body = packed if wants_packed else plain
    try:
        client.sendall(PACKED if wants_packed else PLAIN)
        at, size = 0, os.fstat(body).st_size
        while at < size:
            at += os.sendfile(client.fileno(), body, at, size - at)
    except (BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
