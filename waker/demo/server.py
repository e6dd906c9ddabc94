"""The embedded API server: `verbs`, lists and watches over plain HTTP, on one port of the loopback address.

`cluster` runs it. There is no authentication and no RBAC; `access` answers reviews for tests. For tests, too, `faults` makes
requests fail on purpose, `drop_watches` breaks open watches, and `store.forget` makes every version read so far too old (410).
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from waker.demo import proxying, refusals
from waker.demo.access import ReviewedAccess
from waker.demo.admission import timestamp
from waker.demo.faults import Call, CutConnection, Faults
from waker.demo.kinds import Obj, ServedResource
from waker.demo.listing import list_objects, number_of
from waker.demo.paths import PathTarget, target_of
from waker.demo.refusals import ApiRefusal
from waker.demo.selectors import selector_of
from waker.demo.store import Subscription
from waker.demo.verbs import PatchType, Verbs
from waker.demo.watching import ServedWatch, events

PLAIN_TEXTS: Final = {"/healthz": "ok", "/livez": "ok", "/readyz": "ok"}
VERSION: Final = {"major": "1", "minor": "37", "gitVersion": "v1.37.2", "platform": "embedded"}
TRUE: Final = ("true", "1")
LONGEST_WATCH: Final = 1800.0  # seconds; a real API server chooses between 30 and 60 minutes


@dataclass(frozen=True, slots=True)
class _OpenWatch:
    """An open watch."""

    resource: ServedResource
    changes: Subscription
    request: web.BaseRequest


class ApiServer:
    """Serves one store between `start` and `stop`."""

    def __init__(self, verbs: Verbs, bookmark_every: timedelta) -> None:
        self.verbs = verbs
        self.faults = Faults()
        self.access = ReviewedAccess()
        self.services: dict[str, str] = {}  # NAMESPACE/NAME:PORT -> URL, for its proxy
        self.url = ""
        self._bookmark_every = bookmark_every.total_seconds()
        self._streams: list[_OpenWatch] = []
        server = web.Server(self._serve, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.5)

    async def start(self, port: int = 0) -> None:
        """Start to listen. `url` is set afterwards."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """End all watches, as a real API server does when it shuts down, and stop listening."""
        self.faults.clear()
        for stream in self._streams:
            stream.changes.close()
        await self._runner.cleanup()

    def drop_watches(self, resource: ServedResource | None = None) -> int:
        """Break the open watches of one kind, or all of them. Returns how many there were."""
        dropped = [stream for stream in self._streams if resource in (None, stream.resource)]
        for stream in dropped:
            stream.changes.close()
            if stream.request.transport is not None:
                stream.request.transport.abort()
        return len(dropped)

    def watchers(self, resource: ServedResource) -> int:
        """How many watches of a kind are open."""
        return sum(stream.resource is resource for stream in self._streams)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path in PLAIN_TEXTS:
            return web.Response(text=PLAIN_TEXTS[request.path])
        if request.path == "/version":
            return web.json_response(VERSION)
        try:
            if self.access.reviews(request.path):
                return web.json_response(self.access.reviewed(request.path, await body_of(request)), status=201)
            if proxying.is_proxied(request.path):
                return await proxying.answer(self.verbs, self.services, request.path, request.rel_url.raw_query_string)
            return await self._answer(request, target_of(request.path))
        except ApiRefusal as refusal:
            return refusal_response(refusal)
        except CutConnection:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)

    async def _answer(self, request: web.BaseRequest, target: PathTarget) -> web.StreamResponse:
        call = target.call(request.method, is_watch=request.query.get("watch") in TRUE)
        body = await body_of(request)
        user = request.headers.get("Authorization", "").removeprefix("Bearer ")
        acts_for = request.headers.get("Impersonate-User", "")
        async with self.faults.around(call._replace(body=body, user=user, acts_for=acts_for)) as fault:
            if call.verb == "watch":
                response = await self._watch(request, target, fault.line if fault else b"")
            else:
                response = self._respond(request, target, call, body)
        return response

    def _respond(self, request: web.BaseRequest, target: PathTarget, call: Call, body: Any) -> web.Response:
        verbs, resource, key = self.verbs, target.resource, target.key
        dry = request.query.get("dryRun") == "All"
        if target.subresource:
            return web.json_response(self._scale(request, target, call, body))
        match call.verb:
            case "list":
                return web.json_response(list_objects(verbs.store, resource, target.namespace, request.query))
            case "create":
                return web.json_response(
                    verbs.create(resource, target.namespace, required_object(body), dry=dry), status=201
                )
            case "get":
                return web.json_response(verbs.get(resource, key))
            case "update":
                return web.json_response(verbs.replace(resource, key, required_object(body)))
            case "patch":
                manager = request.query.get("fieldManager", "")
                return web.json_response(verbs.patch(resource, key, patch_type(request), body, manager, dry=dry))
            case "deletecollection":
                selected = list_objects(verbs.store, resource, target.namespace, request.query)
                for item in selected["items"]:
                    verbs.delete(resource, target.key._replace(**key_fields(item)))
                return web.json_response(selected)
        return web.json_response(self._deleted(target, body))

    def _scale(self, request: web.BaseRequest, target: PathTarget, call: Call, body: Any) -> Obj:
        verbs, resource, key = self.verbs, target.resource, target.key
        match call.verb:
            case "get":
                return verbs.scale(resource, key)
            case "patch":
                return verbs.patch_scale(resource, key, patch_type(request), body)
        return verbs.rescale(resource, key, required_object(body))

    def _deleted(self, target: PathTarget, body: Any) -> Obj:
        old = self.verbs.delete(target.resource, target.key, (body or {}).get("preconditions"))
        if target.resource.delete_returns_object:
            deletion = {"deletionTimestamp": timestamp(self.verbs.now())}
            return old | {"metadata": deletion | old["metadata"]}
        details = refusals.details_of(target.resource, target.name) | {"uid": old["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    async def _watch(self, request: web.BaseRequest, target: PathTarget, only_line: bytes) -> web.StreamResponse:
        watch = self._watch_of(request, target)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        store = self.verbs.store
        with store.subscribe(target.resource) as changes, suppress(ConnectionError):
            stream = _OpenWatch(target.resource, changes, request)
            self._streams.append(stream)
            try:
                await response.prepare(request)
                if only_line:
                    await response.write(only_line)
                    return response
                async for event in events(store, watch, changes):
                    await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
                await response.write_eof()
            finally:
                self._streams.remove(stream)
        return response

    def _watch_of(self, request: web.BaseRequest, target: PathTarget) -> ServedWatch:
        version = number_of(request.query, "resourceVersion")
        return ServedWatch(
            target.resource,
            target.namespace,
            selector_of(target.resource, request.query),
            version or None,
            number_of(request.query, "timeoutSeconds") or LONGEST_WATCH,
            self._bookmark_every if request.query.get("allowWatchBookmarks") in TRUE else None,
        )


async def body_of(request: web.BaseRequest) -> Any:
    """The JSON body of a request; None without a body. Raises ApiRefusal (400)."""
    if not request.can_read_body:
        return None
    try:
        return json.loads(await request.read())
    except ValueError as problem:
        raise refusals.bad_request("the object provided is unrecognized: json parse error") from problem


def required_object(body: Any) -> Obj:
    """The body, if it is an object. Raises ApiRefusal (400) for anything else."""
    if not isinstance(body, dict):
        raise refusals.bad_request("the object provided is unrecognized: it is not an object")
    return body


def patch_type(request: web.BaseRequest) -> PatchType:
    """The type of a patch, by content type. Raises ApiRefusal (415)."""
    try:
        return PatchType(request.content_type)
    except ValueError as problem:
        raise refusals.unsupported_media_type() from problem


def key_fields(item: Obj) -> dict[str, str]:
    """The namespace and name of an item of a list."""
    return {"namespace": item["metadata"].get("namespace", ""), "name": item["metadata"]["name"]}


def refusal_response(refusal: ApiRefusal) -> web.Response:
    """A refusal as a response."""
    retry_after = refusal.details.get("retryAfterSeconds")
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return web.json_response(refusal.status(), status=refusal.code, headers=headers)
