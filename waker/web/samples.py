"""One app in every state that the waiting page can show, by the key of its sentence (`messages.message_key`).

Themes are tried on all of them before they are used (`observe.themes`), `waker page --state` prints one, and the tests
look at each in a browser. A new sentence needs a sample: a test compares the keys.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from waker.plan.model import AppId, Kind, PageLook, Phase
from waker.plan.progress import Step, Trouble
from waker.plan.routes.route import Backend
from waker.web.apps import View

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASLEEP: Final = View(
    AppId(Kind.DEPLOYMENT, "demo", "shop"),
    Phase.ASLEEP,
    "The shop",
    Backend("shop", 80),
    typical=timedelta(seconds=14),
    reference="7F3K-2M5Q",
)
# With all that an app can bring along for its page.
LOGO: Final = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0OCA0OCI+PHBhdGggZmlsbD0i"
    "IzBiNmU0ZiIgZD0iTTggMTBoMTRxMiAwIDIgM3YyNXEtMi0yLTUtMkg4ek00MCAxMEgyNnEtMiAwLTIgM3YyNXEyLTIgNS0yaDExeiIvPjwvc3ZnPg=="
)
DRESSED: Final = replace(ASLEEP, look=PageLook("#0b6e4f", "mailto:help@example.com"), has_logo=True)
_WAKING: Final = replace(ASLEEP, phase=Phase.WAKING, since=NOW - timedelta(seconds=9), step=Step.ASKED)

SAMPLES: Final = {
    "asleep": ASLEEP,
    "turning": replace(ASLEEP, phase=Phase.FALLING_ASLEEP),
    "asked": _WAKING,
    "scheduled": replace(_WAKING, step=Step.SCHEDULED),
    "pulled": replace(_WAKING, step=Step.PULLED),
    "started": replace(_WAKING, step=Step.STARTED),
    "ready": replace(_WAKING, phase=Phase.RESTORING_ROUTES, step=Step.READY),
    "slow": replace(_WAKING, phase=Phase.STUCK, step=Step.STARTED, since=NOW - timedelta(minutes=6)),
    "pinned": replace(ASLEEP, pinned=True),
    Trouble.IMAGE.value: replace(_WAKING, step=Step.SCHEDULED, trouble=Trouble.IMAGE),
    Trouble.CRASH.value: replace(_WAKING, step=Step.PULLED, trouble=Trouble.CRASH),
    Trouble.NODE.value: replace(_WAKING, trouble=Trouble.NODE),
    Trouble.CONFIG.value: replace(_WAKING, step=Step.PULLED, trouble=Trouble.CONFIG),
    Trouble.REFUSED.value: replace(_WAKING, trouble=Trouble.REFUSED),
}
