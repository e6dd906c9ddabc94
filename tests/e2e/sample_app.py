"""The sample app of the scenarios where the test bed's own is not there: a page, an echo, and a slow start if wanted.

Runs by itself on a bare Python image, from a ConfigMap (see `apps`), with the flags of the test bed's `web`.
"""

import argparse
import os
import re
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def seconds(text: str) -> float:
    """`300ms`, `2s`, `1m`."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m)", text).groups()  # type: ignore[union-attr]  # it raises otherwise
    return float(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


class Server(ThreadingHTTPServer):
    """A crowd connects all at once."""

    request_queue_size = 1024
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    """Answers with the app's name, so that a client can tell it from anybody else."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    app = "web"
    ready_at = 0.0

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a crowd would fill the log."""

    def do_GET(self) -> None:
        if self.path in ("/healthz", "/health"):
            ready = time.monotonic() >= self.ready_at
            self._answer(200 if ready else 503, b"ok\n" if ready else b"warming up\n")
        elif "text/html" in self.headers.get("Accept", ""):
            page = (
                f"<!doctype html><title>{self.app}</title><h1 id=app>{self.app}</h1><p>{self.command} {self.path}</p>"
            )
            self._answer(200, page.encode(), "text/html")
        else:
            line = f"{self.app} {os.environ.get('HOSTNAME', '')} {self.command} {self.path}\n"
            self._answer(200, line.encode())

    def do_POST(self) -> None:
        self._answer(200, self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Listen until SIGTERM."""
    parser = argparse.ArgumentParser()
    for flag, default in (("-listen", ":8080"), ("-name", "web"), ("-start-delay", "0s"), ("-ready-delay", "0s")):
        parser.add_argument(flag, default=default)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(seconds(given.start_delay))
    Handler.app, Handler.ready_at = given.name, time.monotonic() + seconds(given.ready_delay)
    Server(("", int(given.listen.rpartition(":")[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
