"""How often a keeper may be changed: a few at once, then one a minute, each keeper for itself."""

from datetime import UTC, datetime, timedelta

from waker.reconcile.keeper_changes import BURST, KeeperChanges

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOTHING = timedelta()


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_few_at_once_then_one_a_minute() -> None:
    changes = KeeperChanges()
    assert [changes.spend("a", "way", at(second)) for second in range(BURST)] == [NOTHING] * BURST
    assert changes.spend("a", "way", at(10)) == timedelta(seconds=50)
    assert changes.spend("a", "way", at(60)) == NOTHING
    assert changes.spend("a", "way", at(61)) == timedelta(seconds=59)
    assert changes.spend("a", "way", at(120)) == NOTHING


def test_after_a_quiet_time_all_of_them_again() -> None:
    changes = KeeperChanges()
    assert [changes.spend("a", "way", at(0)) for _ in range(BURST)] == [NOTHING] * BURST
    assert [changes.spend("a", "way", at(3600)) for _ in range(BURST)] == [NOTHING] * BURST
    assert changes.spend("a", "way", at(3600)) == timedelta(seconds=60)


def test_each_keeper_for_itself() -> None:
    changes = KeeperChanges()
    for _ in range(BURST):
        changes.spend("a", "way", NOW)
    assert changes.spend("a", "way", NOW) > NOTHING
    assert changes.spend("a", "upstreams", NOW) == changes.spend("b", "way", NOW) == NOTHING
    changes.forget("a")
    assert changes.spend("a", "way", NOW) == NOTHING
