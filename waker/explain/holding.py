"""How long clients are really held, where that is less than their user says. Pure: an observed app in, sentences out."""

from collections.abc import Iterator
from datetime import timedelta

from waker.observe.app import adapters_of, answer_timeout, timeout_of_route, unreadable_timeouts
from waker.observe.observed_app import ObservedApp
from waker.plan.hold_time import ENDLESS, hold_within
from waker.plan.routes.route import Route
from waker.settings.durations import format_duration


def notes(observed: ObservedApp) -> Iterator[str]:
    """A sentence for each route on which clients are held for less than `hold-for`, and for each unreadable timeout."""
    yield from unreadable_timeouts(observed)
    yield from dict.fromkeys(each for route in observed.routes if (each := _note(route, observed)))


def _note(route: Route, observed: ObservedApp) -> str:
    policy, timeout = observed.as_if_enabled().policy, timeout_of_route(observed, route)
    title = " and ".join(each.title for each in adapters_of(route, observed))
    if policy is None or not title or timeout == ENDLESS:
        return ""
    wanted, longest = policy.visitors.hold_for, hold_within(timeout)
    if wanted <= longest:
        return ""
    keys = answer_timeout(observed, route).keys
    longer = f"; {keys[0]} on its {route.id.object.kind} makes that longer" if keys else ""
    return (
        f"{route.id}: clients are held for {_short(longest)} instead of {format_duration(wanted)} (hold-for), "
        f"because {title} waits for {_short(timeout)}{longer}"
    )


def _short(length: timedelta) -> str:
    """In seconds, for timeouts of a controller are often written so: `13.5s`."""
    return f"{round(length.total_seconds(), 1):g}s"
