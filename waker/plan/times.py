"""Times in annotations: RFC 3339, UTC, with microseconds."""

from datetime import UTC, datetime

CREDIBLE = range(2000, 3000)  # years; beyond, adding a duration may overflow


def format_time(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: what our annotations hold."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime | None:
    """The inverse of `format_time`; None if it is no time with a zone, or none that a cluster has seen."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo and at.year in CREDIBLE else None
