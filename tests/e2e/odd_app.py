"""A sample app of odd messages: it sends back each request as it arrived, or one of the odd answers, byte for byte.

An image of the test bed, see `run`. `X-Answer: 7` asks for the answer of that number in `tests.web.odd_messages`; to everything
else the answer's body is the request. Knows nothing of waker.
"""

import argparse
import asyncio
import contextlib
import re

from tests.e2e.sample_app import seconds
from tests.web.odd_messages import ANSWERS, is_whole

WANTED = re.compile(rb"(?im)^x-answer: *(\d+)")


async def serve(name: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, for as long as the other side keeps it."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := await reader.read(65536):
            data += more
            if re.search(rb"(?i)\r\nexpect: 100-continue\r\n", data) and data.endswith(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not is_whole(data):
                continue
            answer = answer_to(name, data)
            writer.write(answer)
            await writer.drain()
            data = b""
            if not re.search(rb"(?i)\r\n(content-length|transfer-encoding):", answer.partition(b"\r\n\r\n")[0]):
                break  # its end is the end of the connection
    writer.close()


def answer_to(name: bytes, request: bytes) -> bytes:
    """An odd answer, or the request itself."""
    wanted = WANTED.search(request.partition(b"\r\n\r\n")[0])
    if wanted:
        return ANSWERS[int(wanted[1])].message
    body = name + b" got\n" + request
    return b"HTTP/1.1 200 OK\r\nX-App: %s\r\nContent-Type: x/y\r\nContent-Length: %d\r\n\r\n%s" % (
        name,
        len(body),
        body,
    )


async def run() -> None:
    """Listen until the end."""
    parser = argparse.ArgumentParser()
    for flag, default in (("-listen", ":8080"), ("-name", "odd"), ("-start-delay", "0s"), ("-ready-delay", "0s")):
        parser.add_argument(flag, default=default)
    given = parser.parse_args()
    await asyncio.sleep(seconds(given.start_delay))
    port = int(given.listen.rpartition(":")[2])
    server = await asyncio.start_server(lambda *streams: serve(given.name.encode(), *streams), "", port, limit=2**20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run())
