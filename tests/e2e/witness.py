"""A sample app that writes down all that it is sent: one line of JSON a request in its log, see `intruder.seen`.

An image of the test bed, see `run`. It answers every path and method with its name, in the header `X-App` and in the text, so
that a scenario knows who answered whatever a controller has made of the path. Knows nothing of waker.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.e2e.sample_app import Server, seconds


class WitnessHandler(BaseHTTPRequestHandler):
    """Answers and writes down; asks of the kubelet and of waker for readiness are not written down."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    app = "witness"
    ready_at = 0.0

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is the list of requests."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        """The server looks for `do_GET`, `do_HEAD`, ...: every method is served in one way."""
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/healthz":
            self._answer(200 if time.monotonic() >= self.ready_at else 503)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}  # Envoy sends lower case
        seen = {"method": self.command, "path": self.path, "headers": headers, "body": body.decode()}
        sys.stdout.write(json.dumps(seen) + "\n")
        sys.stdout.flush()
        self._answer(200)

    def _answer(self, status: int) -> None:
        text = f"{self.app} {self.command} {self.path}\n".encode()
        self.send_response(status)
        self.send_header("X-App", self.app)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)


def main() -> None:
    """Listen until the end."""
    parser = argparse.ArgumentParser()
    for flag, default in (("-listen", ":8080"), ("-name", "witness"), ("-start-delay", "0s"), ("-ready-delay", "0s")):
        parser.add_argument(flag, default=default)
    given = parser.parse_args()
    time.sleep(seconds(given.start_delay))
    WitnessHandler.app, WitnessHandler.ready_at = given.name, time.monotonic() + seconds(given.ready_delay)
    Server(("", int(given.listen.rpartition(":")[2])), WitnessHandler).serve_forever()


if __name__ == "__main__":
    main()
