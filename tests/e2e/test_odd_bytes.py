"""Odd requests and answers through the real controllers: with waker on the way they are the same as without it.

Controllers change messages, too, and refuse some. So each message goes through the controller twice: while the app is awake,
and while it wakes and waker passes the message on. What differs is one of the limits in `tests.web.odd_messages`.
"""

import asyncio
from typing import NamedTuple

from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.load import VisitorAddress
from tests.e2e.scene import Scene, every_controller
from tests.web.odd_messages import ANSWERS, HOST, REQUESTS, Message, Odd, asked, is_whole_answer, parsed
from waker import names

# Of one request, or of one connection, whoever sends it. The controllers add what begins with X-.
OF_ONE_REQUEST = {
    b"via", b"connection", b"date", b"transfer-encoding", b"keep-alive", b"x-request-id", b"x-real-ip", b"x-scheme",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-forwarded-scheme",
    b"x-forwarded-server", b"x-envoy-upstream-service-time", b"x-envoy-expected-rq-timeout-ms", b"x-envoy-internal",
    b"x-original-forwarded-for", b"x-request-start", b"traceparent", b"tracestate",
}  # fmt: skip
PASSED = names.PSEUDONYM.encode()
PATIENCE = 25.0  # s
TRIES = 3


class Passage(NamedTuple):
    """One odd message on its way: the request to send, and what is compared: the request as it arrived, or the answer."""

    odd: Odd
    request: bytes
    echoed: bool

    def outcome(self, answer: bytes) -> Message:
        """What is compared, without what is of one request."""
        found = parsed(answer) if answer else Message(b"", [], b"")
        if self.echoed and found.line.endswith(b"200 OK"):
            found = parsed(found.body.partition(b"\n")[2])
        fields = [each for each in found.fields if each[0].lower() not in OF_ONE_REQUEST]
        announced = [each.partition(b"\r\n")[0] for each in found.announced]
        return found._replace(fields=fields, announced=tuple(announced))


PASSAGES = (
    *(Passage(each, each.message, echoed=True) for each in REQUESTS),
    *(Passage(each, asked(b"X-Answer: %d" % number), echoed=False) for number, each in enumerate(ANSWERS)),
)


@needs_bed("the app is an image of the test bed")
@every_controller
def test_odd_messages_pass_as_without_waker(scene: Scene) -> None:
    shop = scene.app("shop", image="odd:1")
    awake = asyncio.run(answers(scene.address, shop))

    scene.sleep(shop)
    woken = asyncio.run(answers(scene.address, shop))

    seen = [each for each in woken if PASSED in each]
    assert len(seen) > len(PASSAGES) / 2, "too few went through waker"
    scene.awake(shop)
    different = [
        (passage.odd.what, before, after)
        for passage, straight, through in zip(PASSAGES, awake, woken, strict=True)
        if (before := passage.outcome(straight)) != (after := passage.outcome(through))
        and not passage.odd.differs
        and not asyncio.run(same_again(scene.address, shop, passage, after))
    ]
    assert different == []


async def same_again(address: VisitorAddress, app: StageApp, passage: Passage, expected: Message) -> bool:
    """Whether the message has this outcome without waker after all.

    Some odd answers end a connection that a controller keeps, and another request on it gets an error of the controller's.
    """
    request = passage.request.replace(HOST, app.host.encode())
    return any([passage.outcome(await ask(address, request)) == expected for _ in range(TRIES)])


async def answers(address: VisitorAddress, app: StageApp) -> list[bytes]:
    """All messages at once, each on a connection of its own, so that all of them arrive before the app is there."""
    host = app.host.encode()
    asking = (ask(address, passage.request.replace(HOST, host)) for passage in PASSAGES)
    return await asyncio.gather(*asking)


async def ask(address: VisitorAddress, request: bytes) -> bytes:
    """The whole answer; what there is of it, if it does not come or the controller breaks off."""
    data = b""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(request)
            while not is_whole_answer(data) and (more := await reader.read(65536)):
                data += more
            writer.close()
    except (TimeoutError, OSError):
        return data
    return data
