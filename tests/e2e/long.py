"""Requests that last: a WebSocket that stays open and a download that is read slowly."""

import base64
import socket
from types import TracebackType

from tests.e2e.load import VisitorAddress

KEY = base64.b64encode(bytes(16)).decode()
TEXT_FRAME = b"\x81\x82" + bytes(4)  # two characters to come, masked with zeros, so that they stand as they are


class LongLine:
    """One connection with one request on it, for as long as the `with` block runs."""

    def __init__(self, address: VisitorAddress, host: str, path: str, *headers: str) -> None:
        self._socket = socket.create_connection(address, timeout=10)
        lines = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", ""])
        self._socket.sendall(lines.encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass  # the rest of the head

    def __enter__(self) -> "LongLine":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._socket.close()

    def echo(self) -> bool:
        """Whether the other side of a WebSocket still answers."""
        self._socket.sendall(TEXT_FRAME + b"ok")
        return self._file.read(4)[2:] == b"ok"

    def some(self) -> bytes:
        """The next line of a download."""
        return self._file.readline()


def websocket(address: VisitorAddress, host: str) -> LongLine:
    """Opens one at the sample app."""
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
    return LongLine(address, host, "/ws", *upgrade, f"Origin: http://{host}")


def download(address: VisitorAddress, host: str) -> LongLine:
    """Begins one at the sample app: a line a second, without end."""
    return LongLine(address, host, "/stream")
