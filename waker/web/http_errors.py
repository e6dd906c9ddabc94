"""The answers that the HTTP library gives by itself: to what cannot be parsed, to a path or method that nobody serves.

The library's own say which library it is, in which version, and quote what they could not read. Ours say the status and no
more. Both ports are served by `Runner`, which puts them in place; `connections` and `private_port` make it. Answers of
handlers are not touched, but for an HTTPException that no handler has caught.
"""

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from waker import names

log = logging.getLogger(__name__)


class Runner(web.AppRunner):
    """Serves an application; what its handlers never see is answered in here."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,
        )


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _ServedConnection(self, loop=self._loop, **self._kwargs)


class _ServedConnection(RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Called by the library with what the parser or a handler has raised. The connection ends with the answer."""
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:  # scanners do it all day
            log.debug("a request could not be parsed", extra={"error": type(exc).__name__})
        elif not isinstance(exc, ConnectionError):
            log.error("a request could not be answered", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer was sent already")
        answer = _StatusOnly(status)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Called by the library with each answer, to send it. An HTTPException may quote the request."""
        if isinstance(resp, web.HTTPException):
            resp = _StatusOnly(resp.status, {"Allow": resp.headers["Allow"]} if "Allow" in resp.headers else {})
        return await super().finish_response(request, resp, start_time)


class _StatusOnly(web.Response):
    """Says its status, in the words of the standard."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        fixed = {names.MARKER: names.MARK_PAGE, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        super().__init__(status=status, text=f"{status} {HTTPStatus(status).phrase}\n", headers=fixed | (headers or {}))

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


async def no_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove the header in which the library names itself. For `on_response_prepare` of an application."""
    response.headers.popall("Server", None)
