"""The waiting page's own WebSocket: it is told at once how the start goes, and when the way is open.

On the page's own address, told from an app's by its subprotocol and by nothing else. It takes a place in the crowd of
those who poll; whoever finds none is told to come again later, and polls. It never knocks.

    {"mood": "waking", "step": 2, "say": "scheduled"}     what the page shows; see `words`
    {"open": true}                                         load again
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Final

from aiohttp import WSCloseCode, web

from waker import names
from waker.web import messages
from waker.web.apps import Apps, View

LOOK_AGAIN: Final = timedelta(seconds=10)  # well within the time for which one who looks counts
BEAT: Final = 20  # s; pings, below every proxy's idle timeout
CLOSES: Final = 2  # s; who was told to load again is on its way already
HEARD_AT_MOST: Final = 1024  # bytes; the page says nothing


def is_page_socket(request: web.Request) -> bool:
    """Is it the page that wants to be told? Also where a proxy took its upgrade away: it must never reach an app."""
    return request.method == "GET" and request.headers.get("Sec-WebSocket-Protocol", "").strip() == names.PAGE_PROTOCOL


async def serve(
    apps: Apps, request: web.Request, find: Callable[[], View | None], place: AbstractContextManager[bool]
) -> web.WebSocketResponse:
    """Tell until the way is open or the page is gone. `find` gives the app as it stands; None: it is none of ours now."""
    page = web.WebSocketResponse(
        protocols=(names.PAGE_PROTOCOL,), heartbeat=BEAT, max_msg_size=HEARD_AT_MOST, compress=False, timeout=CLOSES
    )
    with place as placed:
        await page.prepare(request)
        if not placed:
            await page.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return page
        gone = asyncio.ensure_future(page.receive())
        try:
            await _tell(apps, page, find, gone)
        except ConnectionError:
            return page
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
    await page.close()
    return page


async def _tell(
    apps: Apps, page: web.WebSocketResponse, find: Callable[[], View | None], gone: "asyncio.Future[Any]"
) -> None:
    last: Mapping[str, Any] = {}
    while not gone.done():
        view = find()
        if view is None or view.open:
            await page.send_json({"open": True})
            return
        apps.page_viewed(view.app)
        news = state_message(view)
        if news != last:
            await page.send_json(news)
            last = news
        more = asyncio.ensure_future(apps.wait_for_change(view.app, LOOK_AGAIN))
        try:
            await asyncio.wait((more, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()


def state_message(view: View) -> dict[str, Any]:
    """What the page shows of an app."""
    return {"mood": str(messages.mood(view)), "step": int(view.step), "say": messages.message_key(view)}
