"""Requests to the wait host, for the tests of redirect mode."""

from urllib.parse import quote

import aiohttp
import pytest

from tests.web.conftest import BROWSER, DOOR, HOST, WAIT_HOST, PortUnderTest
from waker.plan.doors import port_name
from waker.plan.model import Phase

WAITING = BROWSER | {"Host": WAIT_HOST}  # the headers of a browser
PROGRAM = {"Host": WAIT_HOST}  # the headers of a program
DEEP = f"https://{HOST}/deep/link?a=1&b=%22x%22"

# A visitor who goes back now does not get the waiting page again.
MAY_GO_BACK = pytest.mark.parametrize(
    ("phase", "is_open"), [(Phase.RESTORING_ROUTES, True), (Phase.AWAKE, False), (Phase.NOT_MANAGED, False)]
)


def path_with(path: str, url: str = DEEP) -> str:
    """A path of the wait host with the app's own id and this `url=`."""
    return f"{path}?app={port_name(DOOR)}&url={quote(url, safe='', errors='surrogatepass')}"


async def get(rig: PortUnderTest, path: str, **headers: str) -> aiohttp.ClientResponse:
    """The answer to one GET, whatever its status, at the app's door or on the wait host; redirects are not followed."""
    client = rig.outside if headers.get("Host") == WAIT_HOST else rig.client
    async with client.get(path, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        return answer
