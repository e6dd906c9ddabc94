"""waker's own pod must have a network of its own.

Each door is a port. On its node's network they would be open on the node, to everybody who can reach it, and other
programs there could take them first. `process` asks once, at the start. A process that runs in no pod is not refused.
"""

import asyncio
import logging
from typing import Final

from waker.cluster.client import Api
from waker.cluster.resources import PODS
from waker.errors import ClusterError, NotFound, SettingsError

log = logging.getLogger(__name__)

TRY_AGAIN: Final = 2.0  # seconds


async def refuse_host_network(api: Api, namespace: str, name: str) -> None:
    """Raise SettingsError if the pod of this name has hostNetwork. Tries again for as long as the API does not say."""
    while True:
        try:
            found = await api.get(PODS.one(namespace, name))
        except NotFound:
            return
        except ClusterError as error:
            log.warning("waker's own pod cannot be read: %s", error)
            await asyncio.sleep(TRY_AGAIN)
            continue
        if found["spec"].get("hostNetwork"):
            raise SettingsError(
                f"pod {namespace}/{name} has hostNetwork: waker opens a port for each app, so it needs a network of its own"
            )
        return
