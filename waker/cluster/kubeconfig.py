"""How to reach the API server, and as whom: the service account of a pod, else a kubeconfig, as kubectl reads it.

`client` calls `configuration` once a connection; commands ask for the namespace of a context. The subtle thing: kubeconfigs may
name programs that print credentials (exec plugins), and those are run.
"""

import os
from typing import Any, NamedTuple

from waker.cluster import partial_import
from waker.errors import SettingsError
from waker.settings.flags import NAMESPACE_FILE

TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 a path


class Person(NamedTuple):
    """Who asks: a context of the kubeconfig ("": the current one), and in whose name ("": in their own)."""

    context: str = ""
    acts_for: str = ""


SOMEBODY = Person()


def is_in_a_pod(kubeconfig: str) -> bool:
    """Whether a service account is used."""
    return not kubeconfig and os.access(TOKEN_FILE, os.R_OK) and "KUBERNETES_SERVICE_HOST" in os.environ


def _file(kubeconfig: str) -> str:
    """Its path, or several with the system's separator. Raises SettingsError."""
    file = os.path.expanduser(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")  # noqa: PTH111
    if not any(os.access(each, os.R_OK) for each in file.split(os.pathsep)):
        raise SettingsError(f"kubeconfig {file}: the file does not exist or cannot be read")
    return file


async def configuration(kubeconfig: str, person: Person = SOMEBODY) -> Any:
    """For the library: of the given file, else of the service account, else of the user's kubeconfig. Raises SettingsError."""
    configuration_module, _, _ = partial_import.load()
    made = configuration_module.Configuration()
    made.connection_pool_maxsize = 0  # no limit: each informer holds a connection for minutes
    # Verify certificates as kubectl does. Python 3.13 and later would also refuse the many clusters whose certificates
    # lack an Authority Key Identifier.
    made.disable_strict_ssl_verification = True
    if is_in_a_pod(kubeconfig) and not person.context:
        from kubernetes_asyncio.config import incluster_config  # noqa: PLC0415 after partial_import.load

        incluster_config.load_incluster_config(client_configuration=made)
        return made
    from kubernetes_asyncio.config import kube_config  # noqa: PLC0415 only outside a cluster: it is large

    file = _file(kubeconfig)
    try:
        await kube_config.load_kube_config(config_file=file, context=person.context or None, client_configuration=made)
    except Exception as error:  # the library raises nearly anything here
        raise SettingsError(f"kubeconfig {file}: {error}") from error
    return made


def context_namespace(kubeconfig: str, person: Person = SOMEBODY) -> str:
    """The namespace that is meant when none is named. Raises SettingsError."""
    if is_in_a_pod(kubeconfig) and not person.context:
        return NAMESPACE_FILE.read_text().strip() if NAMESPACE_FILE.exists() else "default"
    partial_import.load()
    from kubernetes_asyncio.config import kube_config  # noqa: PLC0415 as above

    file = _file(kubeconfig)
    try:
        contexts, current = kube_config.list_kube_config_contexts(config_file=file)
    except Exception as error:  # likewise
        raise SettingsError(f"kubeconfig {file}: {error}") from error
    found = next((each for each in contexts if each["name"] == person.context), None) if person.context else current
    return str(((found or {}).get("context") or {}).get("namespace") or "default")
