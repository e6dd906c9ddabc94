"""The record itself: what is written is read again, what cannot be read is no record, and what counts as news."""

import json
from dataclasses import replace

import pytest

from tests.traffic.waker_restarts import BLOG, INTERVAL, NOW, SHOP
from waker.plan.model import AppId, Kind
from waker.traffic.visit_record import TRUSTED_FOR, RecordedVisit, VisitRecord, decode, encode


def test_a_record_survives_being_written() -> None:
    starts = {"traefik.io/ingress-controller": {"uid-1": 1769860800.25}}
    apps = {
        SHOP: RecordedVisit(NOW, "abcdefghijkl"),
        AppId(Kind.STATEFUL_SET, "b", "db"): RecordedVisit(NOW - TRUSTED_FOR, "x"),
    }
    record = VisitRecord(NOW, starts, apps, frozenset({BLOG}))
    assert decode(encode(record)) == record
    assert not record.differs_from(decode(encode(record)))


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "5", "{", "[" * 100_000,
        '{"written":1,"starts":{},"apps":{"x":[1,"a"]}}',
        '{"written":1,"starts":{},"apps":{"Pod/a/b":[1,"a"]}}',
        '{"written":"x","starts":{},"apps":{}}',
        '{"written":1e300,"starts":{},"apps":{}}', '{"written":1e17,"starts":{},"apps":{}}',
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_no_record(text: str) -> None:
    assert decode(text) is None


def test_a_thousand_apps_are_far_below_what_a_configmap_holds() -> None:
    apps = {
        AppId(Kind.DEPLOYMENT, f"team-{n % 40:02}", f"{'a-rather-long-application-name'}-{n:04}"): RecordedVisit(
            NOW, "abcdefghijkl"
        )
        for n in range(1000)
    }
    pods = {f"12345678-1234-1234-1234-{n:012}": 1769860800.25 for n in range(20)}
    text = encode(VisitRecord(NOW, {"k8s.io/ingress-nginx": pods}, apps))
    assert len(text) < 100_000
    assert len(json.loads(text)["apps"]) == 1000


def test_news_are_other_times_other_counts_and_other_pods() -> None:
    old = VisitRecord(NOW, {"c": {"a": 1.0}}, {SHOP: RecordedVisit(NOW, "x"), BLOG: RecordedVisit(NOW, "y")})
    later = NOW + INTERVAL
    assert not replace(old, written_at=later).differs_from(old)
    assert not replace(old, apps={SHOP: old.apps[SHOP]}).differs_from(old), "that BLOG is visited again is no news"
    assert replace(old, apps={SHOP: RecordedVisit(later, "x")}).differs_from(old)
    assert replace(old, apps={SHOP: RecordedVisit(NOW, "z")}).differs_from(old)
    assert replace(old, starts={"c": {"b": 1.0}}).differs_from(old)
    assert replace(old, starts={"c": {"a": 9.0}}).differs_from(old)
    assert replace(old, lasting=frozenset({BLOG})).differs_from(old)
    assert old.differs_from(None)
