"""What the API server says about a caller: what it is asked, and for how long its answer is believed."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.cluster import reviews
from waker.cluster.reviews import Reviews, may_serve_ingresses
from waker.errors import ClusterError, Unavailable
from waker.plan.access import Credential, Right, Verdict

from .scripted import ScriptedResponse, scripted

TOKEN = Credential("t", "")
FOR_WAKER = Credential("t", names.AUDIENCE)
LIST = Right("list", "deployments")
GET = Right("get", "deployments", "prod", "shop")
JANE = {"username": "jane", "uid": "7", "groups": ["g"], "extra": {"scopes": ["s"]}}
READER = {"username": f"system:serviceaccount:kubesleeper:{names.READER}", "groups": ["system:serviceaccounts"]}


def token(user: Mapping[str, Any] | None, *audiences: str) -> ScriptedResponse:
    """The answer to a TokenReview: this user, or nobody."""
    status = {"authenticated": True, "user": user, "audiences": list(audiences)} if user else {"error": "no such token"}
    return ScriptedResponse(json.dumps({"status": status}).encode(), 201)


def access(*, allowed: bool, denied: bool = False) -> ScriptedResponse:
    """The answer to a SubjectAccessReview."""
    return ScriptedResponse(json.dumps({"status": {"allowed": allowed, "denied": denied}}).encode(), 201)


class ReviewClock:
    """Moves when a test moves it."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


async def test_what_the_api_server_is_asked(tmp_path: Path) -> None:
    async with scripted(tmp_path, token(JANE), access(allowed=True)) as (api, script):
        assert await Reviews(api, "kubesleeper").verdict(TOKEN, GET) is Verdict.ALLOWED
    assert [each.path for each in script.requests] == [
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    ]
    assert [json.loads(each) for each in script.bodies] == [
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "t"}},
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "jane",
                "uid": "7",
                "groups": ["g"],
                "extra": {"scopes": ["s"]},
                "resourceAttributes": {
                    "verb": "get", "group": "apps", "version": "v1", "resource": "deployments",
                    "namespace": "prod", "name": "shop",
                },
            },
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("credential", "answers", "verdict"),
    [
        pytest.param(TOKEN, [token(JANE), access(allowed=True)], Verdict.ALLOWED, id="may"),
        pytest.param(TOKEN, [token(JANE), access(allowed=False)], Verdict.FORBIDDEN, id="may not"),
        pytest.param(TOKEN, [token(JANE), access(allowed=True, denied=True)], Verdict.FORBIDDEN, id="contradictory"),
        pytest.param(TOKEN, [token(None)], Verdict.UNKNOWN_CALLER, id="nobody"),
        pytest.param(TOKEN, [token({})], Verdict.UNKNOWN_CALLER, id="a user without a name"),
        pytest.param(
            TOKEN, [token(READER), access(allowed=False)], Verdict.FORBIDDEN, id="the reader, for another use"
        ),
        pytest.param(FOR_WAKER, [token(READER, names.AUDIENCE)], Verdict.ALLOWED, id="the reader, for waker"),
        pytest.param(FOR_WAKER, [token(READER)], Verdict.UNKNOWN_CALLER, id="an API server that ignores audiences"),
        pytest.param(FOR_WAKER, [token(READER, "other")], Verdict.UNKNOWN_CALLER, id="for somebody else"),
        pytest.param(
            FOR_WAKER,
            [token({"username": f"system:serviceaccount:prod:{names.READER}"}, names.AUDIENCE), access(allowed=False)],
            Verdict.FORBIDDEN,
            id="a reader of another namespace",
        ),
        pytest.param(
            FOR_WAKER, [token(JANE, names.AUDIENCE), access(allowed=True)], Verdict.ALLOWED, id="somebody else"
        ),
    ],
)
async def test_verdicts(
    tmp_path: Path, credential: Credential, answers: list[ScriptedResponse], verdict: Verdict
) -> None:
    async with scripted(tmp_path, *answers) as (api, script):
        assert await Reviews(api, "kubesleeper").verdict(credential, LIST) is verdict
    assert script.responses == []


async def test_the_reader_may_only_read(tmp_path: Path) -> None:
    """Whoever may make its tokens may read about all apps; what acts is asked of the API server like anybody's."""
    async with scripted(tmp_path, token(READER, names.AUDIENCE), access(allowed=False)) as (api, script):
        wanted = Right("patch", "deployments", "prod", "shop")
        assert await Reviews(api, "kubesleeper").verdict(FOR_WAKER, wanted) is Verdict.FORBIDDEN
    assert script.responses == []


async def test_a_verdict_is_believed_for_ten_seconds(tmp_path: Path) -> None:
    clock = ReviewClock()
    answers = [token(JANE), access(allowed=True), token(JANE), access(allowed=False)]
    async with scripted(tmp_path, *answers) as (api, script):
        asked = Reviews(api, "kubesleeper", clock)
        assert await asked.verdict(TOKEN, LIST) is Verdict.ALLOWED
        clock.at += 9.9
        assert await asked.verdict(TOKEN, LIST) is Verdict.ALLOWED
        assert len(script.requests) == 2
        clock.at += 0.2
        assert await asked.verdict(TOKEN, LIST) is Verdict.FORBIDDEN


async def test_a_verdict_holds_for_one_right_and_one_token(tmp_path: Path) -> None:
    answers = [token(JANE), access(allowed=True), token(JANE), access(allowed=False), token(None), token(None)]
    async with scripted(tmp_path, *answers) as (api, _):
        asked = Reviews(api, "kubesleeper", ReviewClock())
        assert await asked.verdict(TOKEN, LIST) is Verdict.ALLOWED
        assert await asked.verdict(TOKEN, GET) is Verdict.FORBIDDEN
        assert await asked.verdict(Credential("other", ""), LIST) is Verdict.UNKNOWN_CALLER
        assert await asked.verdict(FOR_WAKER, LIST) is Verdict.UNKNOWN_CALLER


async def test_tokens_are_not_kept_and_their_number_is_bounded(tmp_path: Path) -> None:
    async with scripted(tmp_path, *[token(None)] * (reviews.MAX_REMEMBERED + 5)) as (api, _):
        asked = Reviews(api, "kubesleeper", ReviewClock())
        for number in range(reviews.MAX_REMEMBERED + 5):
            await asked.verdict(Credential(f"s3cr3t-{number}", ""), LIST)
        assert len(asked._verdicts) == reviews.MAX_REMEMBERED
        assert "s3cr3t" not in repr(vars(asked))


@pytest.mark.parametrize("answers", [[], [token(JANE)]], ids=["the token", "the right"])
async def test_an_error_is_no_verdict_and_is_not_remembered(tmp_path: Path, answers: list[ScriptedResponse]) -> None:
    async with scripted(tmp_path, *answers) as (api, script):
        asked = Reviews(api, "kubesleeper", ReviewClock())
        with pytest.raises(ClusterError):
            await asked.verdict(TOKEN, LIST)
        script.responses[:] = [token(JANE), access(allowed=True)]
        assert await asked.verdict(TOKEN, LIST) is Verdict.ALLOWED


@pytest.mark.parametrize("body", [b"{}", b'{"status": null}', b'{"status": []}', b'{"status": {"user": 1}}'])
async def test_an_answer_that_is_none_lets_nobody_in(tmp_path: Path, body: bytes) -> None:
    async with scripted(tmp_path, ScriptedResponse(body, 201)) as (api, _):
        assert await Reviews(api, "kubesleeper").verdict(TOKEN, LIST) is Verdict.UNKNOWN_CALLER


async def test_callers_do_not_flood_the_api_server(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (api, script):
        script.gate = asyncio.Event()
        script.responses[:] = [token(None)] * reviews.MAX_AT_ONCE
        asked = Reviews(api, "kubesleeper")
        first = [
            asyncio.ensure_future(asked.verdict(Credential(str(number), ""), LIST))
            for number in range(reviews.MAX_AT_ONCE)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="too many"):
            await asked.verdict(Credential("one more", ""), LIST)
        script.gate.set()
        assert await asyncio.gather(*first) == [Verdict.UNKNOWN_CALLER] * reviews.MAX_AT_ONCE


@pytest.mark.parametrize(
    ("answer", "may"),
    [
        pytest.param(access(allowed=True), True, id="may"),
        pytest.param(access(allowed=False), False, id="may not"),
        pytest.param(access(allowed=True, denied=True), False, id="contradictory"),
    ],
)
async def test_who_may_serve_ingresses(tmp_path: Path, answer: ScriptedResponse, *, may: bool) -> None:
    async with scripted(tmp_path, answer) as (api, script):
        assert await may_serve_ingresses(api, "traefik", "edge") is may
    spec = json.loads(script.bodies[0])["spec"]
    assert spec["user"] == "system:serviceaccount:traefik:edge"
    assert spec["groups"] == ["system:serviceaccounts", "system:serviceaccounts:traefik", "system:authenticated"]
    wanted = {"verb": "list", "group": "networking.k8s.io", "version": "v1", "resource": "ingresses"}
    assert spec["resourceAttributes"] == wanted, "in all namespaces"
