"""`waker dashboard`: forwards a port of this machine to a waker with `kubectl port-forward`, and opens the page there.

The page then comes from waker's own loopback address, to which the API server has let its user in. It ends when kubectl does,
or with Ctrl-C.
"""

import asyncio
import re
import shutil
import webbrowser
from contextlib import suppress
from typing import Final, cast

from waker import names
from waker.errors import WakerError
from waker.settings.flags import Settings

FORWARDING: Final = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+) ")


async def dashboard(settings: Settings, port: int, *, browser: bool) -> int:
    """Serve until the end; the exit code of kubectl. Raises WakerError: it cannot be begun."""
    program = shutil.which("kubectl")
    if program is None:
        raise WakerError("kubectl is not on PATH, and the port is forwarded by it")
    given = {"kubeconfig": settings.kubeconfig, "context": settings.context, "as": settings.acts_for}
    where = [word for flag, value in given.items() if value for word in (f"--{flag}", value)]
    target = f"service/{names.OWN_SERVICE}"
    ports = f"{port or ''}:{names.OWN_PRIVATE_PORT}"
    words = ["-n", settings.own_namespace, "port-forward", "--address=127.0.0.1", target, ports]
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(program, *where, *words, stdout=pipe, stderr=pipe)
    out, errors = cast("asyncio.StreamReader", running.stdout), cast("asyncio.StreamReader", running.stderr)
    try:
        found = FORWARDING.match(await out.readline())
        if found is None:
            said = (await errors.read()).decode(errors="replace").strip()
            raise WakerError(f"kubectl cannot forward the port of {target}: {said or 'it said nothing'}")
        address = f"http://127.0.0.1:{found[1].decode()}/dashboard"
        print(f"{address}  (Ctrl-C ends it)", flush=True)  # noqa: T201 the command's output
        if browser:
            await asyncio.to_thread(webbrowser.open, address)
        await asyncio.gather(_drop(out), _drop(errors))
        return await running.wait()
    finally:
        with suppress(ProcessLookupError):
            running.terminate()
        await running.wait()


async def _drop(stream: asyncio.StreamReader) -> None:
    """kubectl says each connection, and stops if nobody reads that."""
    while await stream.readline():
        pass
