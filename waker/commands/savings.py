"""`waker savings`: what sleep has saved so far, asked of the running service, which alone knows."""

import json
from datetime import datetime

from waker.commands.target import ask_service
from waker.errors import WakerError
from waker.explain.savings import SavingsReport, added_up, text
from waker.process import person
from waker.service import now
from waker.settings.durations import format_duration
from waker.settings.flags import Settings


async def savings(settings: Settings, namespace: str | None, output: str) -> str:
    """The text to print: all namespaces, or one of them. Raises WakerError: nobody could be asked."""
    async with person(settings) as api:
        found: SavingsReport | None = await ask_service(api, settings, "/savings")
    if found is None:
        raise WakerError(
            f"the waker in namespace {settings.own_namespace} could not be asked, and nobody else knows what was saved"
        )
    found["namespaces"] = [each for each in found["namespaces"] if namespace in (None, each["namespace"])]
    if namespace is not None:
        found["total"] = added_up(found["namespaces"], found["total"])
    return json.dumps(found, indent=2) if output == "json" else text(found, _ago)


def _ago(text: str) -> str:
    return f"{format_duration(now() - datetime.fromisoformat(text))} ago"
