"""A server that sends the responses that a test has written down, in order, and records the requests.

For what a real API server never does on purpose: each status, a line that is not JSON, a stream that breaks off.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from waker.cluster.client import Api, connect


@dataclass(frozen=True)
class ScriptedResponse:
    """One response. `cut`: the connection breaks after the body, which a reader can tell from a regular end."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Script:
    """The responses to come. A request after the last of them gets a 500."""

    responses: list[ScriptedResponse]
    requests: list[web.BaseRequest] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)  # verb and status, as the client reported them
    bodies: list[bytes] = field(default_factory=list)
    gate: asyncio.Event | None = None  # if there is one, no response is sent before it is set

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send the next response."""
        self.requests.append(request)
        self.bodies.append(await request.read())
        if self.gate:
            await self.gate.wait()
        scripted = self.responses.pop(0) if self.responses else ScriptedResponse(b"the script has ended", 500)
        response = web.StreamResponse(status=scripted.status, headers=scripted.headers)
        await response.prepare(request)
        await response.write(scripted.body)
        if scripted.cut and request.transport:
            request.transport.abort()
        return response


@asynccontextmanager
async def scripted(folder: Path, *responses: ScriptedResponse) -> AsyncIterator[tuple[Api, Script]]:
    """A client, and the script that its requests are answered from."""
    script = Script(list(responses))
    runner = web.ServerRunner(web.Server(script.serve, access_log=None), shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        config = kubeconfig(folder, f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with connect(str(config), lambda verb, status: script.calls.append((verb, status))) as api:
            yield api, script
    finally:
        await runner.cleanup()


def kubeconfig(folder: Path, server: str) -> Path:
    """A kubeconfig file. JSON is YAML."""
    path = folder / "kubeconfig"
    path.write_text(
        '{"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {"token": "t"}}],'
        f'"clusters": [{{"name": "k", "cluster": {{"server": "{server}"}}}}],'
        '"contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}]}'
    )
    return path


def watch_line(kind: str, **object: Any) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": kind, "object": object}).encode() + b"\n"
