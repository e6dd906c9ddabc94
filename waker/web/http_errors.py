"""The answers that the HTTP library gives by itself: to what cannot be parsed, to a path or method that nobody serves.

The library's own say which library it is, in which version, and quote what they could not read. Ours say the status and no
more. `server` puts them in place on both ports. Answers of handlers are not touched, but for an HTTPException that no handler
has caught.
"""

import logging
from http import HTTPStatus

from aiohttp import web

from waker import names

log = logging.getLogger(__name__)


def failure(request: web.BaseRequest, status: int, error: BaseException | None) -> web.StreamResponse:
    """The answer to what the parser or a handler has raised. The connection ends with it."""
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:  # scanners do it all day
        log.debug("a request could not be parsed", extra={"error": type(error).__name__})
    elif not isinstance(error, ConnectionError):
        log.error("a request could not be answered", exc_info=error)
    if request.writer.output_size > 0:
        raise ConnectionError("half an answer was sent already")
    answer = StatusOnly(status)
    answer.force_close()
    return answer


def without_quotes(answer: web.StreamResponse) -> web.StreamResponse:
    """This answer, but an HTTPException, which may quote the request, as its status only."""
    if not isinstance(answer, web.HTTPException):
        return answer
    return StatusOnly(answer.status, {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else {})


class StatusOnly(web.Response):
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
