"""A server that answers what a test wrote down, in order, and keeps what it was asked.

For what a real API server never says on purpose: each status, a line that is no JSON, a stream that breaks off.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from waker.cluster.client import Api, connect


@dataclass(frozen=True)
class ScriptedAnswer:
    """One answer. `cut`: the connection breaks after the body, which a reader can tell from its end."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Script:
    """Who asks once more than there are answers is told 500."""

    answers: list[ScriptedAnswer]
    asked: list[web.BaseRequest] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)  # what the client said of its calls

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One answer."""
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else ScriptedAnswer(b"the script has ended", 500)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        await response.write(answer.body)
        if answer.cut and request.transport:
            request.transport.abort()
        return response


@asynccontextmanager
async def scripted(folder: Path, *answers: ScriptedAnswer) -> AsyncIterator[tuple[Api, Script]]:
    """A client, and the script that it is answered by."""
    script = Script(list(answers))
    runner = web.ServerRunner(web.Server(script.serve, access_log=None), shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        config = kubeconfig(folder, f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with connect(str(config), lambda verb, status: script.told.append((verb, status))) as api:
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
