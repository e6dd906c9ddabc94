"""The floor for `bench visitors`: the same HTTP library with a handler that does nothing and an answer of the same shape.

`python bench/bare.py run` listens on port 8080 and imports nothing of waker. Its cost is the library's; whatever the real
public port costs above that is waker's own.
"""

from aiohttp import web

BODY = b"x" * 6000  # bytes; about as many as the waiting page has
HEADERS = {
    "X-Kubesleeper": "waiting; phase=Waking",
    "Retry-After": "5",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'nonce-x'; script-src 'nonce-x'",
    "Referrer-Policy": "same-origin",
}


async def answer(_request: web.Request) -> web.Response:
    return web.Response(status=503, body=BODY, headers=HEADERS)


def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    web.run_app(app, port=8080, access_log=None, print=None)


if __name__ == "__main__":
    main()
