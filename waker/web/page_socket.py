"""The waiting page's own WebSocket: waker sends it each change of the wake at once, and when the app can be reached.

It is opened on the page's own address; only its subprotocol distinguishes it from a WebSocket of the app. It takes a slot
of the limit for polls. If none is free it is closed with "try again later", and the page goes on polling. It never knocks.
A WebSocket is not bound by the same-origin policy, so a page of another origin is refused here.
`public_port` calls `serve`; the messages are

    {"mood": "waking", "step": 2, "say": "scheduled"}     what the page shows, see `messages`
    {"open": true}                                         reload: the app can be reached
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Final

from aiohttp import WSCloseCode, web

from waker import names
from waker.plan.hold_time import ENDLESS, hold_within
from waker.web import hosts, messages, responses
from waker.web.apps import Apps, View

VIEWED_EVERY: Final = timedelta(seconds=10)  # well within the time for which a page counts as looked at (`registry`)
HEARTBEAT: Final = timedelta(seconds=20)  # between pings; below most proxies' idle timeout, and the one that is known
CLOSE_TIMEOUT: Final = 2  # s; a page that was told to reload is already doing so
LONGEST_MESSAGE: Final = 1024  # bytes; the page sends nothing


def is_page_socket(request: web.Request) -> bool:
    """Whether the page asks for its WebSocket. Also true if a proxy has removed the upgrade: it must never reach an app."""
    return request.method == "GET" and request.headers.get("Sec-WebSocket-Protocol", "").strip() == names.PAGE_PROTOCOL


async def serve(
    apps: Apps, request: web.Request, find: Callable[[], View | None], slot: AbstractContextManager[bool]
) -> web.StreamResponse:
    """Send messages until the app can be reached or the page has gone.

    `find` gives the app as it is now, None if there is no such app any more. `slot` gives False if none is free.
    """
    view = find()
    timeout = view.transport.timeout if view else ENDLESS
    if not hosts.is_from_own_page(request.headers):
        return responses.foreign_origin()
    page = web.WebSocketResponse(
        protocols=(names.PAGE_PROTOCOL,),
        heartbeat=min(HEARTBEAT, hold_within(timeout)).total_seconds(),
        max_msg_size=LONGEST_MESSAGE,
        compress=False,
        timeout=CLOSE_TIMEOUT,
    )
    with slot as free:
        await page.prepare(request)
        if not free:
            await page.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return page
        gone = asyncio.ensure_future(page.receive())
        try:
            await _send_changes(apps, page, find, gone)
        except ConnectionError:
            return page
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
    await page.close()
    return page


async def _send_changes(
    apps: Apps, page: web.WebSocketResponse, find: Callable[[], View | None], gone: "asyncio.Future[Any]"
) -> None:
    last: Mapping[str, Any] = {}
    while not gone.done():
        view = find()
        if view is None or view.open:
            await page.send_json({"open": True})
            return
        apps.page_viewed(view.app)
        message = state_message(view)
        if message != last:
            await page.send_json(message)
            last = message
        change = asyncio.ensure_future(apps.wait_for_change(view.app, VIEWED_EVERY))
        try:
            await asyncio.wait((change, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()


def state_message(view: View) -> dict[str, Any]:
    """What the page shows of an app."""
    return {"mood": str(messages.mood(view)), "step": int(view.step), "say": messages.message_key(view)}
