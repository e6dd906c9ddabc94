"""How a command asks the running service through the API server's proxy: with a token that is made for it alone."""

import json
import logging
from pathlib import Path

import pytest

from tests.cluster.scripted import ScriptedResponse, scripted
from waker import names
from waker.commands.target import ServiceToken, ask_service
from waker.settings.flags import Settings

SETTINGS = Settings(namespace="own")
MADE = ScriptedResponse(b'{"status": {"token": "made"}}', 201)
NOT_ALLOWED = b'{"reason": "Forbidden", "message": "jane cannot create resource serviceaccounts/token"}'
PROBLEM = b'{"title": "Forbidden", "status": 403, "detail": "You may not list deployments.apps in all namespaces."}'


async def test_the_token_is_made_for_waker_and_sent_to_it(tmp_path: Path) -> None:
    async with scripted(tmp_path, MADE, ScriptedResponse(b'[{"name": "shop"}]')) as (api, script):
        assert await ask_service(api, SETTINGS, "/apps") == [{"name": "shop"}]
    making, asking = script.requests
    assert making.path == "/api/v1/namespaces/own/serviceaccounts/waker-reader/token"
    assert json.loads(script.bodies[0])["spec"] == {"audiences": [names.AUDIENCE], "expirationSeconds": 600}
    assert asking.path == "/api/v1/namespaces/own/services/waker:metrics/proxy/apps"
    assert asking.headers[names.TOKEN_HEADER] == "made"
    assert asking.headers["Authorization"] == "Bearer t"  # for the API server, which removes it
    assert names.TOKEN_HEADER not in making.headers


async def test_a_token_is_used_again(tmp_path: Path) -> None:
    answer = ScriptedResponse(b"[]")
    async with scripted(tmp_path, MADE, answer, answer) as (api, script):
        token = ServiceToken()
        for _ in range(2):
            assert await ask_service(api, SETTINGS, "/apps", token) == []
    assert [each.path.rpartition("/")[2] for each in script.requests] == ["token", "apps", "apps"]


@pytest.mark.parametrize(
    ("responses", "told"),
    [
        pytest.param(
            [ScriptedResponse(NOT_ALLOWED, 403)], "cannot create resource serviceaccounts/token", id="no token"
        ),
        pytest.param(
            [MADE, ScriptedResponse(PROBLEM, 403)], "You may not list deployments.apps", id="refused by waker"
        ),
        pytest.param(
            [MADE, ScriptedResponse(PROBLEM, 401)], "You may not list deployments.apps", id="unknown to waker"
        ),
        pytest.param([ScriptedResponse(b"{}", 404)], "", id="no reader"),
        pytest.param([MADE, ScriptedResponse(b"{}", 503)], "", id="no service"),
        pytest.param([MADE, ScriptedResponse(b"{}", 404)], "", id="no such app"),
        pytest.param([ScriptedResponse(b"{}", 201)], "", id="no token in the answer"),
    ],
)
async def test_who_may_not_ask_is_told_why(
    tmp_path: Path, responses: list[ScriptedResponse], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted(tmp_path, *responses) as (api, _):
        assert await ask_service(api, SETTINGS, "/apps") is None
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == bool(told)
    assert told in "".join(warnings)
