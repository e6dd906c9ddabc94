"""Who may read about apps at the private port: the pod itself, and those whom the API server lets."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.web.conftest import serve
from waker import names
from waker.errors import Unavailable
from waker.metrics import Metrics
from waker.plan.access import Credential, Right, Verdict
from waker.plan.model import Address
from waker.web import private_port

APP = "/apps/prod/Deployment/shop"
PROBLEM = "application/problem+json; charset=utf-8"
LIST = Right("list", "deployments")
ANOTHER = "127.0.0.2"  # an address of this machine that is not the pod's own loopback address


@dataclass
class ScriptedReview:
    """Gives the verdict that the test sets, and records what it was asked."""

    verdict: Verdict | Exception = Verdict.ALLOWED
    asked: list[tuple[Credential, Right]] = field(default_factory=list)

    async def __call__(self, credential: Credential, right: Right) -> Verdict:
        self.asked.append((credential, right))
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


@dataclass
class PrivatePortUnderTest:
    """The private port, what it asks, and which apps it was asked for."""

    address: Address
    review: ScriptedReview
    explained: list[tuple[str, str, str]]

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, caller: str = ANOTHER
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and JSON of an answer to a caller at this address."""
        connector = aiohttp.TCPConnector(local_addr=(caller, 0))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"http://127.0.0.1:{self.address.port}{path}", headers=headers) as answer,
        ):
            text = await answer.text()
            return answer.status, answer.headers, json.loads(text) if "json" in answer.content_type else text


@pytest.fixture
async def private() -> AsyncIterator[PrivatePortUnderTest]:
    review, explained = ScriptedReview(), list[tuple[str, str, str]]()

    def explain(namespace: str, kind: str, name: str) -> Mapping[str, Any] | None:
        explained.append((namespace, kind, name))
        return {"name": name} if name == "shop" else None

    async with AsyncExitStack() as stack:
        reports = private_port.ServiceReports(list, lambda: [{"name": "shop"}], explain)
        application = private_port.private_port(Metrics("test"), reports, review)
        yield PrivatePortUnderTest(await serve(stack, private_port.runner(application)), review, explained)


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
async def test_metrics_and_health_are_open_to_everybody(private: PrivatePortUnderTest, path: str) -> None:
    status, _, _ = await private.get(path)
    assert status == 200
    assert not private.review.asked


@pytest.mark.parametrize("path", ["/apps", "/check", APP, "/savings"])
async def test_the_pod_itself_needs_no_token(private: PrivatePortUnderTest, path: str) -> None:
    assert (await private.get(path, caller="127.0.0.1"))[0] == 200
    assert not private.review.asked


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"])
async def test_what_a_proxy_in_the_pod_brings_is_not_the_pod_itself(private: PrivatePortUnderTest, header: str) -> None:
    assert (await private.get("/apps", {header: "x"}, caller="127.0.0.1"))[0] == 401


@pytest.mark.parametrize(
    "path",
    [
        "/apps",
        "/check",
        APP,
        "/apps/prod/Deployment/nothing",
        "/apps/prod/StatefulSet/shop",
        "/savings",
        "/dashboard",
        "/dashboard/events",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Basic YTpi"}, id="a password"),
        pytest.param({"Authorization": "Bearer"}, id="no token"),
        pytest.param({"Authorization": "Bearer  "}, id="a blank token"),
        pytest.param({names.TOKEN_HEADER: ""}, id="an empty token"),
        pytest.param({"X-Forwarded-For": "127.0.0.1"}, id="somebody who says that he is the pod"),
    ],
)
async def test_without_a_token_the_answer_is_401(
    private: PrivatePortUnderTest, path: str, headers: dict[str, str]
) -> None:
    status, answered, problem = await private.get(path, headers)
    assert (status, answered["Content-Type"]) == (401, PROBLEM)
    assert answered["WWW-Authenticate"] == 'Bearer realm="kubesleeper"'
    assert (problem["status"], problem["type"]) == (401, "about:blank")
    assert "deployments" in problem["detail"] or "statefulsets" in problem["detail"]
    assert not private.review.asked
    assert not private.explained


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        pytest.param({"Authorization": "Bearer t"}, Credential("t", ""), id="a token of the API server"),
        pytest.param({"Authorization": "bearer   t "}, Credential("t", ""), id="the same, written otherwise"),
        pytest.param({names.TOKEN_HEADER: "t"}, Credential("t", names.AUDIENCE), id="a token that is for waker"),
    ],
)
@pytest.mark.parametrize(
    ("path", "right"),
    [
        pytest.param("/apps", LIST, id="all apps"),
        pytest.param("/check", LIST, id="a check"),
        pytest.param(APP, Right("get", "deployments", "prod", "shop"), id="a Deployment"),
        pytest.param("/apps/a/StatefulSet/b", Right("get", "statefulsets", "a", "b"), id="a StatefulSet"),
    ],
)
async def test_the_api_server_is_asked_for_the_right_to_read_that_very_workload(
    private: PrivatePortUnderTest, headers: dict[str, str], credential: Credential, path: str, right: Right
) -> None:
    status, _, _ = await private.get(path, headers)
    assert status == (404 if "StatefulSet" in path else 200)
    assert private.review.asked == [(credential, right)]


@pytest.mark.parametrize(
    ("path", "right"),
    [
        pytest.param("/apps", "list deployments.apps in all namespaces", id="all apps"),
        pytest.param(APP, "get deployments.apps in its namespace", id="one app"),
        pytest.param("/apps/a/StatefulSet/b", "get statefulsets.apps in its namespace", id="one that is not there"),
    ],
)
async def test_a_caller_without_the_right_is_told_which(private: PrivatePortUnderTest, path: str, right: str) -> None:
    private.review.verdict = Verdict.FORBIDDEN
    status, headers, problem = await private.get(path, {"Authorization": "Bearer t"})
    assert (status, headers["Content-Type"]) == (403, PROBLEM)
    assert right in problem["detail"]
    assert not private.explained


async def test_a_token_that_nobody_knows_is_401(private: PrivatePortUnderTest) -> None:
    private.review.verdict = Verdict.UNKNOWN_CALLER
    status, headers, problem = await private.get("/apps", {"Authorization": "Bearer s3cr3t"})
    assert (status, headers["Content-Type"]) == (401, PROBLEM)
    assert "s3cr3t" not in str(problem)


async def test_without_an_api_server_nobody_is_let_in(private: PrivatePortUnderTest) -> None:
    private.review.verdict = Unavailable("POST /apis/...: secrets of the cluster")
    status, headers, problem = await private.get("/apps", {"Authorization": "Bearer t"})
    assert (status, headers["Content-Type"]) == (503, PROBLEM)
    assert headers["Retry-After"]
    assert "secrets" not in str(problem)


async def test_an_unknown_kind_is_404_to_everybody(private: PrivatePortUnderTest) -> None:
    assert (await private.get("/apps/prod/CronJob/shop"))[0] == 404
    assert not private.review.asked
