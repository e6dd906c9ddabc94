import pytest

from tests.web.conftest import APP, PortUnderTest
from waker import names
from waker.web import connections


async def test_beyond_the_limit_of_connections_the_answer_is_503_at_once(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    rig.port.connections.counted(2)
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
    assert not rig.apps.lookups
    rig.port.connections.counted(1)
    async with rig.client.post("/", data=b"x") as answer:
        assert answer.content_type == "application/problem+json"
    assert rig.apps.knocks == [APP]
