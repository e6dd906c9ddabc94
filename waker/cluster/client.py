"""The Kubernetes API as five verbs on paths: the one module that knows kubernetes_asyncio.

Objects are plain JSON dicts: the library's models cost ten times the CPU and refuse what they do not expect. Every call
has a timeout, checks the status itself (with raw responses the library does not) and raises one of our errors. `watch`
ends when the server ends it; who calls it decides when to begin again.
"""

import asyncio
import json
import os
import random
from asyncio import sslproto
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from waker import names
from waker.cluster import partial_import
from waker.errors import ClusterError, Conflict, Gone, NotFound, SettingsError, Unavailable

Json = dict[str, Any]

CALL = aiohttp.ClientTimeout(total=20, sock_connect=5)
WATCH = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=75)  # bookmarks come every 60 s
WATCH_SECONDS = (
    240,
    480,
)  # the server ends a watch after a random time in between, so that watches do not end together
TLS_BUFFER = (
    32 * 1024
)  # bytes a connection, two TLS records; asyncio's own 256 KiB times a dozen quiet watches are 3 MB
LONGEST_EVENT = 2 << 20  # bytes of one line of a watch; etcd takes objects of up to 1.5 MiB
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 a path


class Api:
    """An open connection to one API server. Made by `connect`. `told` hears verb and status of each call, 0: no answer."""

    def __init__(self, client: Any, told: Callable[[str, int], None]) -> None:
        self._client = client
        self._on_call = told

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """One object, or one page of a list. Raises ClusterError."""
        return await self._json("GET", path, params)

    async def create(self, path: str, body: Json) -> Json:
        """POST to a collection. Raises Conflict if it exists, ClusterError."""
        return await self._json("POST", path, {"fieldManager": names.FIELD_MANAGER}, body)

    async def delete(self, path: str) -> None:
        """Delete one object; it is no error if it is gone. Raises ClusterError."""
        try:
            await self._json("DELETE", path)
        except NotFound:
            return

    async def patch(self, path: str, patch: Json | list[Json]) -> Json:
        """A list is a JSON-Patch (a failed test raises Conflict), a dict a merge patch. Raises ClusterError."""
        kind = "application/json-patch+json" if isinstance(patch, list) else "application/merge-patch+json"
        params = {"fieldManager": names.FIELD_MANAGER}
        try:
            return await self._json("PATCH", path, params, patch, kind)
        except ClusterError as error:
            if error.status == 422 and isinstance(patch, list):
                raise Conflict(str(error), 422) from error
            raise

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Json]:
        """The events since `params["resourceVersion"]`, bookmarks among them. Raises Gone, ClusterError."""
        seconds = str(random.randint(*WATCH_SECONDS))  # noqa: S311 no secret
        query = {**params, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        async with self._answer("WATCH", path, query, timeout=WATCH) as answer:
            async for line in answer.content:
                event: Json = json.loads(line)
                if event["type"] == "ERROR":
                    raise _error("WATCH", path, event["object"].get("code", 0), event["object"])
                yield event

    async def _json(
        self, method: str, path: str, params: Mapping[str, str] | None = None, body: Any = None, kind: str = ""
    ) -> Json:
        async with self._answer(method, path, params, body, kind) as answer:
            found: Json = json.loads(await answer.read())
            return found

    @asynccontextmanager
    async def _answer(  # noqa: PLR0913, PLR0917 the one call that all others go through
        self,
        verb: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = "application/json",
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 aiohttp's own
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        answer = None
        status = 0
        try:
            answer = await self._client.call_api(
                path,
                "GET" if verb == "WATCH" else verb,
                query_params=list((params or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": kind or "application/json"},
                body=body,
                auth_settings=["BearerToken"],  # without it the library sends no credentials, and does not say so
                _preload_content=False,
                _request_timeout=timeout or CALL,
            )
            status = answer.status
            if status >= 400:
                raise _error(verb, path, status, _parsed(await answer.read()), answer.headers.get("Retry-After"))
            yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{verb} {path}: {type(error).__name__} {error}".rstrip()) from error
        except (ValueError, KeyError, TypeError, HttpProcessingError) as error:  # a line that is no JSON, or too long
            raise Gone(f"{verb} {path}: unreadable answer: {error}", status) from error
        finally:
            self._on_call(verb, status)
            if answer is not None:
                answer.close() if verb == "WATCH" else answer.release()


def _parsed(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}
    return found if isinstance(found, dict) else {}


def _error(verb: str, path: str, status: int, found: Json, retry_after: str | None = None) -> ClusterError:
    message = f"{verb} {path}: {status} {found.get('reason', '')}: {found.get('message', '')}"
    if any(cause.get("reason") == "NamespaceTerminating" for cause in (found.get("details") or {}).get("causes") or []):
        return NotFound(message, status)  # a 403, but all that waker has there goes with the namespace
    match status:
        case 404:
            return NotFound(message, status)
        case 409:
            return Conflict(message, status)
        case 410:
            return Gone(message, status)
        case 401 | 408 | 429:  # 401: a token that is just being rotated
            return Unavailable(message, status, float(retry_after) if retry_after and retry_after.isdigit() else None)
        case _ if status >= 500:
            return Unavailable(message, status, float(retry_after) if retry_after and retry_after.isdigit() else None)
        case _:
            return ClusterError(message, status)


def _in_a_pod(kubeconfig: str) -> bool:
    return not kubeconfig and os.access(TOKEN, os.R_OK) and "KUBERNETES_SERVICE_HOST" in os.environ


async def _configuration(kubeconfig: str) -> Any:
    """How to reach the API server: the file that is named, else the service account, else the user's kubeconfig."""
    configuration, _, _ = partial_import.load()
    found = configuration.Configuration()
    found.connection_pool_maxsize = 0  # watches are many and long
    # The chain is verified as by kubectl. Python 3.13 and later would also refuse the many clusters whose certificates
    # lack an Authority Key Identifier.
    found.disable_strict_ssl_verification = True
    if _in_a_pod(kubeconfig):
        from kubernetes_asyncio.config import incluster_config  # noqa: PLC0415 after lean.load

        incluster_config.load_incluster_config(client_configuration=found)
        return found
    from kubernetes_asyncio.config import kube_config  # noqa: PLC0415 only outside a cluster: it is large

    file = os.path.expanduser(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")  # noqa: ASYNC240, PTH111
    if not any(os.access(each, os.R_OK) for each in file.split(os.pathsep)):
        raise SettingsError(f"kubeconfig {file}: there is no such file that can be read")
    try:
        await kube_config.load_kube_config(config_file=file, client_configuration=found)
    except Exception as error:  # the library raises nearly anything here
        raise SettingsError(f"kubeconfig {file}: {error}") from error
    return found


def _trust_no_environment(client: Any) -> None:
    """The library's session looks for a .netrc before each call, in six threads that cost 3 MB, and takes the proxies of the
    environment for the API server. On a laptop both may be wanted; in a pod neither is.
    """
    given = client.rest_client.pool_manager
    client.rest_client.pool_manager = aiohttp.ClientSession(connector=given.connector, read_bufsize=LONGEST_EVENT)
    given.detach()


@asynccontextmanager
async def connect(kubeconfig: str, told: Callable[[str, int], None] = lambda verb, status: None) -> AsyncIterator[Api]:
    """Open a client, and close it. Asks the API server nothing yet. Raises SettingsError."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER
    configuration = await _configuration(kubeconfig)
    _, api_client, _ = partial_import.load()
    client = api_client.ApiClient(configuration)
    client.user_agent = "kubesleeper-waker"
    if _in_a_pod(kubeconfig):
        _trust_no_environment(client)
    try:
        yield Api(client, told)
    finally:
        await client.close()
        await asyncio.sleep(0)  # let TLS transports close
