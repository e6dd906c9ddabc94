"""A sample app that writes down who was delivered: every request carries an id, and `/ledger` gives id -> how often.

An image of the test cluster, see `run`. It speaks all that a wake has to pass on: plain, uploads, events, WebSockets.
`Prefer: wait=2` has it answer 2 s after the whole request was read. Told to end, it finishes nothing that takes longer
than a second: who loses no request with it loses none with an app that ends well.
"""

import argparse
import asyncio
import hashlib
from collections import Counter

from aiohttp import WSMsgType, web

seen: Counter[str] = Counter()


async def healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def ledger(_request: web.Request) -> web.Response:
    return web.json_response(seen)


async def deliver(request: web.Request) -> web.StreamResponse:
    """`/ID`: written down, then answered in the way that was asked for."""
    seen[request.match_info["id"]] += 1
    if request.headers.get("Upgrade") == "websocket":
        return await echo(request)
    if request.headers.get("Accept") == "text/event-stream":
        return await events(request)
    digest = hashlib.sha256()
    async for chunk in request.content.iter_any():
        digest.update(chunk)
    await asyncio.sleep(float(request.headers.get("Prefer", "wait=0").removeprefix("wait=")))
    return web.Response(text=f"ledger {request.method} {digest.hexdigest()}\n")


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(3):
        await response.write(f"data: {number}\n\n".encode())
        await asyncio.sleep(0)
    return response


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("-listen", default=":8080")
    found, _ = arguments.parse_known_args()  # the others are for the built-in sample app
    app = web.Application(client_max_size=2**30)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/ledger", ledger)
    app.router.add_route("*", "/{id}", deliver)
    web.run_app(app, port=int(found.listen.rpartition(":")[2]), print=None, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    main()
