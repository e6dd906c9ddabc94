"""The Kubernetes API as five verbs on paths: the only module that knows kubernetes_asyncio.

Objects are plain JSON dicts: the library's models cost ten times the CPU and reject fields they do not know. Every call
has a timeout, checks the status itself (the library does not, for raw responses) and raises one of waker's own errors.
It knows nothing of what the objects mean. The informers, the Lease, the Events, the writers of `cluster` and the commands
call it. The subtle thing: `watch` ends whenever the server ends it. The caller decides when to start the next one.
"""

import asyncio
import json
import random
import re
from asyncio import sslproto
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from waker import names
from waker.cluster import collector, partial_import
from waker.cluster.kubeconfig import SOMEBODY, Person, configuration, is_in_a_pod
from waker.errors import (
    ClusterError,
    Conflict,
    Gone,
    NotFound,
    RefusalCause,
    Refused,
    Terminating,
    TooLong,
    Unavailable,
)

Json = dict[str, Any]
OnCall = Callable[[str, int], None]  # verb and HTTP status of each call; the status is 0 if there was no response

CALL_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=5)
WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=75)  # bookmarks come every 60 s
NO_SERVER = frozenset({0, 502, 503, 504})  # statuses: no response, or a load balancer's. A 500 may be a webhook's
WATCH_SECONDS = (240, 480)  # the server ends a watch after a random time in between, so that not all end at once
TLS_BUFFER = 32 * 1024  # bytes a connection, two TLS records; asyncio's own 256 KiB times a dozen idle watches are 3 MB
LONGEST_EVENT = 2 << 20  # bytes of one line of a watch; etcd accepts objects of up to 1.5 MiB
WRITER = {"fieldManager": names.FIELD_MANAGER}
DRY = {"dryRun": "All"}
UNCOMPRESSED = {"Accept-Encoding": "identity"}
LONGEST_CHUNK = 4 << 20  # bytes of a list; decoded it takes three times as much. A chunk of one object may be longer
# All that a 422 says of a JSON-Patch whose test has failed. An admission policy or a validation says what is wrong.
UNPATCHABLE = "the server rejected our request due to an error in our request"
REFUSALS = (
    ("exceeded quota:|failed quota:", RefusalCause.QUOTA, "a ResourceQuota of the namespace is used up"),
    ('User ".*" cannot ', RefusalCause.RIGHT, "waker lacks a right, see k8s/cluster-role.yaml"),
    (
        "admission webhook .* denied the request|ValidatingAdmissionPolicy ",
        RefusalCause.ADMISSION,
        "an admission policy forbids it",
    ),
)
VERSION_TOO_LARGE = "ResourceVersionTooLarge"  # the cause of a refusal; the version is from the future


class Api:
    """A client of one API server. `connect` makes it."""

    def __init__(self, client: Any, on_call: OnCall) -> None:
        self._client = client
        self._on_call = on_call
        self._is_ill = False  # the last call had no answer
        self.restores = 0  # how often an informer has found that etcd was restored: all others list again
        self.on_recovery: Callable[[], None] = lambda: None  # called when it answers again

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        longest: int | None = None,
    ) -> Json:
        """Get one object, or one chunk of a list. Raises ClusterError.

        Raises TooLong if the answer has more bytes than `longest`, or a chunk of several objects more than LONGEST_CHUNK.
        """
        if longest is None and int((params or {}).get("limit", 1)) > 1:
            longest = LONGEST_CHUNK
        return await self._request_json("GET", path, params, headers=headers, longest=longest)

    async def text(self, path: str, most: int) -> str:
        """The first bytes, at most so many, of what is no JSON. Raises ClusterError."""
        async with self._request("GET", path, headers={"Accept": "*/*"}) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) >= most:
                    break
            return bytes(body[:most]).decode(errors="replace")

    async def create(self, path: str, body: Json, *, dry: bool = False) -> Json:
        """POST an object to a collection; `dry`: only try it. Raises Conflict if it exists already, else ClusterError."""
        return await self._request_json("POST", path, WRITER | (DRY if dry else {}), body)

    async def delete(self, path: str) -> None:
        """Delete one object, if it is still there. Raises ClusterError."""
        try:
            await self._request_json("DELETE", path)
        except NotFound:
            return

    async def patch(self, path: str, patch: Json | list[Json], *, dry: bool = False) -> Json:
        """Apply a JSON-Patch (a list; a failed test raises Conflict) or a merge patch (a dict). Raises ClusterError."""
        content_type = "application/json-patch+json" if isinstance(patch, list) else "application/merge-patch+json"
        try:
            return await self._request_json(
                "PATCH", path, WRITER | (DRY if dry else {}), patch, {"Content-Type": content_type}
            )
        except ClusterError as error:
            if error.status == 422 and isinstance(patch, list) and str(error).endswith(UNPATCHABLE):
                raise Conflict(str(error), 422) from error
            raise

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Json]:
        """Yield the events after `params["resourceVersion"]`, bookmarks included. Raises Gone, else ClusterError."""
        seconds = str(random.randint(*WATCH_SECONDS))  # noqa: S311 not a secret
        query = {**params, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        async with self._request("WATCH", path, query, timeout=WATCH_TIMEOUT) as response:
            async for line in response.content:
                event: Json = _decode(line)
                if event["type"] == "ERROR":
                    raise _error("WATCH", path, event["object"].get("code", 0), event["object"])
                yield event

    async def _request_json(  # noqa: PLR0913, PLR0917 all that a request may have
        self,
        verb: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        longest: int | None = None,
    ) -> Json:
        async with self._request(verb, path, params, body, headers) as response:
            return _decode(await response.read() if longest is None else await _read(response, longest))

    @asynccontextmanager
    async def _request(  # noqa: PLR0913, PLR0917 the one place where requests are made
        self,
        verb: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 aiohttp's own
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        response = None
        status = 0
        try:
            response = await self._client.call_api(
                path,
                "GET" if verb == "WATCH" else verb,
                query_params=list((params or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": "application/json", **(headers or {})},
                body=body,
                auth_settings=["BearerToken"],  # without it the library silently sends no credentials
                _preload_content=False,
                _request_timeout=timeout or CALL_TIMEOUT,
            )
            status = response.status
            if status >= 400:
                raise _error(verb, path, status, _parsed(await response.read()), response.headers.get("Retry-After"))
            yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if verb == "WATCH" and status == 200 and isinstance(error, TimeoutError):
                raise Gone(f"WATCH {path}: nothing has come, not even a bookmark") from error
            raise Unavailable(f"{verb} {path}: {type(error).__name__} {error}".rstrip()) from error
        except (ValueError, KeyError, TypeError, HttpProcessingError) as error:  # a line is not JSON, or too long
            raise Gone(f"{verb} {path}: unreadable response: {error}", status) from error
        finally:
            self._on_call(verb, status)
            self._note(well=status not in NO_SERVER)
            if response is not None:
                response.close() if verb == "WATCH" else response.release()

    def _note(self, *, well: bool) -> None:
        recovered, self._is_ill = well and self._is_ill, not well
        if recovered:
            self.on_recovery()


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            raise TooLong(f"{response.url.path}: more than {most} bytes at once", response.status)
    return bytes(body)


def _decode(body: bytes) -> Json:
    with collector.paused():
        decoded: Json = json.loads(body)
    return decoded


def _parsed(body: bytes) -> Json:
    """The Status object of a refusal. A proxy on the way may have sent something else."""
    try:
        status = json.loads(body)
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}
    return status if isinstance(status, dict) else {}


def _error(verb: str, path: str, code: int, status: Json, retry_after: str | None = None) -> ClusterError:
    said = status.get("message") or status.get("detail", "")  # `detail`: waker's own refusal, behind the server's proxy
    message = f"{verb} {path}: {code} {status.get('reason', '')}: {said}"
    causes = (status.get("details") or {}).get("causes") or []
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return Terminating(message, code)
    if any(cause.get("reason") == VERSION_TOO_LARGE for cause in causes):
        return Gone(message, code)  # a 504: etcd was restored from a backup
    match code:
        case 404:
            return NotFound(message, code)
        case 409:
            return Conflict(message, code)
        case 410:
            return Gone(message, code)
        case 401 | 408 | 429:  # 401: the token is being rotated at this moment
            return Unavailable(message, code, float(retry_after) if retry_after and retry_after.isdigit() else None)
        case _ if code >= 500:
            return Unavailable(message, code, float(retry_after) if retry_after and retry_after.isdigit() else None)
        case _ if code >= 400:
            return _refused(message, code)
        case _:
            return ClusterError(message, code)


def _refused(message: str, code: int) -> Refused:
    """Named as what it is: the words are those of k8s.io/apiserver and its admission plugins."""
    for words, cause, meaning in REFUSALS:
        if re.search(words, message):
            return Refused(f"{meaning}: {message}", code, cause)
    if code in {400, 413, 422}:
        return Refused(f"the object would not be valid: {message}", code, RefusalCause.INVALID)
    return Refused(message, code)


def _ignore_netrc_and_proxies(client: Any) -> None:
    """Replace the library's session by one that does not read the environment.

    The library's looks for a .netrc before each call, in six threads that cost 3 MB, and sends calls to the API server
    through the environment's proxies. On a laptop both may be wanted; in a pod neither is. Nor are compressed lists: the
    API server needs longer to make them than the network of a cluster to carry them.
    """
    original = client.rest_client.pool_manager
    client.rest_client.pool_manager = aiohttp.ClientSession(
        connector=original.connector, read_bufsize=LONGEST_EVENT, headers=UNCOMPRESSED
    )
    original.detach()


@asynccontextmanager
async def connect(
    kubeconfig: str, on_call: OnCall = lambda verb, status: None, person: Person = SOMEBODY
) -> AsyncIterator[Api]:
    """Open a client, and close it. Makes no call yet. Raises SettingsError."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER
    found = await configuration(kubeconfig, person)
    _, api_client, _ = partial_import.load()
    client = api_client.ApiClient(found)
    client.user_agent = "kubesleeper-waker"
    if person.acts_for:
        client.set_default_header("Impersonate-User", person.acts_for)
    if is_in_a_pod(kubeconfig):
        _ignore_netrc_and_proxies(client)
    try:
        yield Api(client, on_call)
    finally:
        await client.close()
        await asyncio.sleep(0)  # let TLS transports close
