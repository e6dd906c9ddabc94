"""When an app would fall asleep if nobody came, and how times are written. Pure: for `waker explain` and `waker status`."""

from datetime import UTC, datetime

from waker.plan.model import Policy, Workload
from waker.plan.notes import readable
from waker.plan.sleep_due import idle_period
from waker.plan.snapshot import Traffic
from waker.plan.turned_back import put_off_until


def sleep_time(
    workload: Workload, policy: Policy | None, traffic: Traffic, visited: datetime | None, now: datetime
) -> datetime | None:
    """The end of its idle period, or of the time for which its next try is put off. None: its visits are not known."""
    if not visited or not policy or traffic.unknown:
        return None
    idle = visited + idle_period(policy, traffic)
    return max(idle, put_off_until(readable(workload.notes.turned_back), now) or idle)


def json_time(at: datetime) -> str:
    """RFC 3339 in UTC, in whole seconds."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
