"""What a process needs to start: flags and environment variables.

`FLAGS` is the only place where they are named; the README's table is generated from it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from waker.errors import SettingsError
from waker.settings.parsing import one_of, parse_bool, whole

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to start. An empty text means: found out by itself."""

    namespace: str = ""
    kubeconfig: str = ""
    public_port: int = 8080
    private_port: int = 9090
    advertise: str = ""
    themes: str = ""
    identity: str = field(default_factory=lambda: os.uname().nodename)
    log_level: str = "info"
    log_format: str = "text"
    dry_run: bool = False
    prometheus_token_file: str = ""
    prometheus_ca_file: str = ""

    @property
    def own_namespace(self) -> str:
        """The namespace waker lives in: as said, else its service account's, else `kubesleeper`."""
        if self.namespace:
            return self.namespace
        return OWN_NAMESPACE.read_text().strip() if OWN_NAMESPACE.exists() else "kubesleeper"


class Flag(NamedTuple):
    """One flag and its environment variable. `field` is its name in `Settings`."""

    flag: str
    env: str
    field: str
    parse: Callable[[str], Any]
    help: str


# No variable is called WAKER_PORT or WAKER_SERVICE_*: Kubernetes makes those up itself for a Service named `waker`.
FLAGS = (
    Flag("--waker-namespace", "WAKER_NAMESPACE", "namespace", str, "The namespace waker lives in (default: its service account's, else kubesleeper)."),
    Flag("--kubeconfig", "WAKER_KUBECONFIG", "kubeconfig", str, "A kubeconfig file (default: the service account, else $KUBECONFIG, else ~/.kube/config)."),
    Flag("--public-port", "WAKER_PUBLIC_PORT", "public_port", whole(0, 65535), "Where visitors of sleeping apps arrive."),
    Flag("--private-port", "WAKER_PRIVATE_PORT", "private_port", whole(0, 65535), "Where /metrics, /healthz and /readyz are."),
    Flag("--advertise", "WAKER_ADVERTISE", "advertise", str, "HOST:PORT at which ingress controllers reach the public port (default: the ready pods of the Service waker)."),
    Flag("--themes", "WAKER_THEMES", "themes", str, "A folder of themes for the waiting page, each a file NAME.html; those of the ConfigMap kubesleeper-themes go before them."),
    Flag("--identity", "WAKER_POD_NAME", "identity", str, "Who holds the Lease (default: the host name)."),
    Flag("--log-level", "WAKER_LOG_LEVEL", "log_level", one_of("debug", "info", "warning", "error"), "How much is logged."),
    Flag("--log-format", "WAKER_LOG_FORMAT", "log_format", one_of("text", "json"), "How it is logged."),
    Flag("--dry-run", "WAKER_DRY_RUN", "dry_run", parse_bool, "Say what would be done, do nothing."),
    Flag("--prometheus-token-file", "WAKER_PROMETHEUS_TOKEN_FILE", "prometheus_token_file", str, "A file with the bearer token that prometheus-url asks for."),
    Flag("--prometheus-ca-file", "WAKER_PROMETHEUS_CA_FILE", "prometheus_ca_file", str, "A file with the certificates that prometheus-url is verified by (default: the system's)."),
)  # fmt: skip


def read_settings(given: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Flags over environment over defaults. `given` maps field names to texts. Raises SettingsError that names the source."""
    values: dict[str, Any] = {}
    for known in FLAGS:
        text, source = given.get(known.field), known.flag
        if text is None:
            text, source = environment.get(known.env), known.env
        if text is None:
            continue
        try:
            values[known.field] = known.parse(text)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from None
    return Settings(**values)


def defaults(of: type) -> dict[str, Any]:
    """Field name -> default, for help texts and tables."""
    return {each.name: each.default for each in fields(of) if isinstance(each.default, (str, int, bool, timedelta))}
