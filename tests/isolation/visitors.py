"""What visitors send, byte by byte, and waker's answers with everything taken out that differs from run to run.

The same requests go to every door of B, to the public port and to the wait host. Each is answered and the connection ends.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import quote

from tests.isolation.households import DOORS, HOSTS
from waker import names
from waker.plan.doors import port_name

NONCE = "0123456789abcdef" * 2
WAIT_HOST = "wait.example.org"
EVIL = "evil.example.net"
BROWSER = ("Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
FORWARDED = (
    f"X-Forwarded-Host: {EVIL}",
    "X-Forwarded-Server: evil",
    f"X-Original-Url: http://{EVIL}/",
    "Forwarded: host=evil",
)


def request(method: str, target: str, host: str, *headers: str, body: str = "") -> bytes:
    """One request, as it is sent. Without a host it is of HTTP/1.0."""
    head = [f"{method} {target} HTTP/1.{1 if host else 0}", *([f"Host: {host}"] if host else []), *headers]
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*head, *length, "Connection: close", "", body]).encode("latin-1")


def poll(host: str) -> bytes:
    """What a waiting page sends."""
    return request("GET", "/", host, f"{names.MARKER}: {names.MARK_POLL}")


def quiet_requests(name: str) -> dict[str, bytes]:
    """Requests for an app of B that wake nothing. Nobody has a page of the one that is awake."""
    host, marked = HOSTS[name], f"{names.MARKER}: {names.MARK_OWNERSHIP_CHECK}"
    polls = {"poll": poll(host), "poll, host of A": poll(EVIL)} if name != "blog" else {}
    return polls | {
        "HEAD": request("HEAD", "/", host),
        "HEAD, host of A": request("HEAD", "/", EVIL),
        "HEAD, host of a neighbour": request("HEAD", "/", HOSTS["store"]),
        "HEAD, HTTP/1.0": request("HEAD", "/", ""),
        "HEAD, absolute": request("HEAD", f"http://{EVIL}/x", EVIL),
        "HEAD, forwarded": request("HEAD", "/", host, *FORWARDED),
        "HEAD, forwarded for a neighbour": request("HEAD", "/", host, f"X-Forwarded-Host: {HOSTS['store']}"),
        "GET, encoded path": request("GET", "/admin/..%2f%2e%2e/%0A//x;a=1?b=%00", host, "User-Agent: kube-probe/1.33"),
        "GET, bytes": request("GET", "/\xe9\xff", EVIL, "User-Agent: kube-probe/1.33"),
        "GET, robots": request("GET", "/robots.txt", EVIL),
        "OPTIONS": request("OPTIONS", "*", host),
        "TRACE": request("TRACE", "/", host, *FORWARDED),
        "ownership check": request("HEAD", "/", EVIL, marked, f"{names.NONCE}: {NONCE}"),
        "no HTTP": b"\x16\x03\x01\r\n\r\n",
    }


def waking_requests(host: str) -> dict[str, bytes]:
    """One after the other: the page, a client that waits, and browsers that claim another host."""
    return {
        "browser": request("GET", "/deep?a=1&b=%22", host, *BROWSER),
        "browser, host of A": request("GET", "/", EVIL, *BROWSER, *FORWARDED),
        "browser, in French": request("GET", "/", host, *BROWSER, "Accept-Language: fr"),
        "client": request("POST", "/echo", host, "Accept: application/json", *FORWARDED, body="hello"),
        "client, host of A": request("GET", "/echo", EVIL, "Accept: application/json"),
    }


def public_requests() -> dict[str, bytes]:
    """At the public port, where no door says which app is meant. None wakes anything."""
    found = {"nobody's host": request("GET", "/", "nobody.example.com", *BROWSER)}
    found |= {f"host {each}": request("GET", "/", each, *BROWSER, *FORWARDED) for each in (*HOSTS.values(), EVIL)}
    for name, key in DOORS.items():
        for host in (HOSTS[name], EVIL, "any.example.com"):
            query = f"?app={port_name(key)}&url={quote(f'https://{host}/a', safe='')}"
            found[f"wait for {name}, back to {host}"] = request("HEAD", f"/{query}", WAIT_HOST)
            found[f"way back of {name} to {host}"] = request("HEAD", f"/back{query}", WAIT_HOST)
            found[f"state of {name}, asked by {host}"] = request(
                "GET", f"/api/v1/app{query.replace(host, HOSTS[name])}", WAIT_HOST, f"Origin: https://{host}"
            )
    return found


async def ask(port: int, sent: bytes) -> str:
    """The whole answer; "refused" if nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "refused"
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            return (await reader.read()).decode("latin-1")
    except OSError:
        return "reset"
    finally:
        writer.close()


async def ask_all(port: int, requests: Mapping[str, bytes]) -> dict[str, str]:
    """Of all requests at once."""
    answers = await asyncio.gather(*(ask(port, sent) for sent in requests.values()))
    return dict(zip(requests, answers, strict=True))


PASSING = [  # what differs from run to run, and what stands there instead
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"Date: [^\r]+"), "Date: <time>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\b[A-Z2-7]{4}-[A-Z2-7]{4}\b"), "<reference>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<secret>"),
    (re.compile(r"(typical-wake\"?: )\"\d+m?s\""), r'\1"<time>"'),
    (re.compile(r"nonce(-|=\")[\w-]{22}"), r"nonce\1<nonce>"),
    (re.compile(r"\b(\w+)-[0-9a-f]{6,10}-[a-z0-9]{5}\b"), r"\1-<pod>"),
    (re.compile(r"\"(resourceVersion|generation)\": \"?\d+\"?"), r'"\1": 0'),
]


def settled_text(text: str, numbers: Mapping[int, int]) -> str:
    """A text without what is passing. `numbers`: what stands for ports of waker."""
    for pattern, instead in PASSING:
        text = pattern.sub(instead, text)
    return re.sub(r"\b\d{5}\b", lambda found: str(numbers.get(int(found[0]), found[0])), text)
