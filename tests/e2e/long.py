"""Requests that last: a WebSocket that stays open and a download that is read slowly."""

import base64
import socket
from types import TracebackType

from tests.e2e.load import VisitorAddress

KEY = base64.b64encode(bytes(16)).decode()
TEXT, MASK = b"\x81", bytes(4)  # the mask of zeros leaves every byte as it is


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
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def echo(self) -> bool:
        """Whether the other side of a WebSocket still answers."""
        return self.says(b"ok") == b"ok"

    def says(self, text: bytes) -> bytes:
        """What comes back from the other side of a WebSocket for up to 125 bytes of text."""
        self._socket.sendall(TEXT + bytes([0x80 | len(text)]) + MASK + text)
        return self._file.read(2 + len(text))[2:]

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
