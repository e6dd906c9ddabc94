"""What a process needs to start: flags and environment variables.

`FLAGS` is the only place that names them: a new flag is a row there and a field of `Settings`. `cli` makes its arguments
from the rows, and the table in docs/reference.md is generated from them. It reads no environment itself; `cli` passes it in.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from waker.errors import SettingsError
from waker.settings.parsing import one_of, parse_address, parse_bool, whole_number

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to start. An empty text means that waker finds the value out by itself."""

    namespace: str = ""
    kubeconfig: str = ""
    public_port: int = 8080
    private_port: int = 9090
    advertise: str = ""
    bind_address: str = ""
    themes: str = ""
    identity: str = field(default_factory=lambda: os.uname().nodename)
    log_level: str = "info"
    log_format: str = "text"
    dry_run: bool = False
    dashboard_actions: bool = False
    observe: bool = False  # with dry_run, for all workloads
    prometheus_token_file: str = ""
    prometheus_ca_file: str = ""
    context: str = ""  # of the kubeconfig; commands only
    acts_for: str = ""  # in whose name a command asks the API server

    @property
    def own_namespace(self) -> str:
        """The namespace that waker runs in: the given one, else its service account's, else `kubesleeper`."""
        if self.namespace:
            return self.namespace
        return NAMESPACE_FILE.read_text().strip() if NAMESPACE_FILE.exists() else "kubesleeper"


class Flag(NamedTuple):
    """A flag and its environment variable. `field` is its name in `Settings`."""

    flag: str
    env: str
    field: str
    parse: Callable[[str], Any]
    help: str


# No variable may be called WAKER_PORT or WAKER_SERVICE_*: Kubernetes itself sets those for a Service named `waker`.
FLAGS = (
    Flag("--waker-namespace", "WAKER_NAMESPACE", "namespace", str, "The namespace that waker runs in (default: that of its service account, else kubesleeper)."),
    Flag("--kubeconfig", "WAKER_KUBECONFIG", "kubeconfig", str, "The kubeconfig file to use (default: the service account, else $KUBECONFIG, else ~/.kube/config)."),
    Flag("--public-port", "WAKER_PUBLIC_PORT", "public_port", whole_number(0, 65535), "The port of the wait host. Sleeping apps have ports of their own, see the setting door-ports."),
    Flag("--private-port", "WAKER_PRIVATE_PORT", "private_port", whole_number(0, 65535), "The port for /metrics, /healthz, /readyz, /apps, /check and /dashboard."),
    Flag("--advertise", "WAKER_ADVERTISE", "advertise", parse_address, "The address at which ingress controllers reach this waker, the only one (default: the ready pods of the Service waker)."),
    Flag("--bind-address", "WAKER_BIND_ADDRESS", "bind_address", parse_address, "The address to listen at (default: all of the machine's)."),
    Flag("--themes", "WAKER_THEMES", "themes", str, "A folder of themes for the waiting page, each in a file NAME.html. Themes in the ConfigMap kubesleeper-themes take precedence."),
    Flag("--identity", "WAKER_POD_NAME", "identity", str, "The name under which this replica holds the Lease (default: the host name)."),
    Flag("--log-level", "WAKER_LOG_LEVEL", "log_level", one_of("debug", "info", "warning", "error"), "The lowest level that is logged: debug, info, warning or error."),
    Flag("--log-format", "WAKER_LOG_FORMAT", "log_format", one_of("text", "json"), "The format of log lines: text or json."),
    Flag("--dry-run", "WAKER_DRY_RUN", "dry_run", parse_bool, "Change nothing, only log what would be done."),
    Flag("--dashboard-actions", "WAKER_DASHBOARD_ACTIONS", "dashboard_actions", parse_bool, "Buttons on the page for operators: sleep, wake, pause. Each needs the token of somebody who may patch that workload."),
    Flag("--observe", "WAKER_OBSERVE", "observe", parse_bool, "Count the visits of all workloads, enabled or not, for `waker check --candidates`, and change nothing: as with --dry-run, nothing is put to sleep."),
    Flag("--prometheus-token-file", "WAKER_PROMETHEUS_TOKEN_FILE", "prometheus_token_file", str, "A file with the bearer token to send to prometheus-url."),
    Flag("--prometheus-ca-file", "WAKER_PROMETHEUS_CA_FILE", "prometheus_ca_file", str, "A file with the CA certificates to trust for prometheus-url (default: the system's)."),
)  # fmt: skip


def read_settings(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Flags over environment over defaults. `flags` maps fields to texts. Raises SettingsError, which names the source."""
    values: dict[str, Any] = {}
    for row in FLAGS:
        text, source = flags.get(row.field), row.flag
        if text is None:
            text, source = environment.get(row.env), row.env
        if text is None:
            continue
        try:
            values[row.field] = row.parse(text)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from None
    values["dry_run"] = values.get("dry_run", False) or values.get("observe", False)
    return Settings(**values)


def defaults(of: type) -> dict[str, Any]:
    """Field -> default, for help texts and tables."""
    return {each.name: each.default for each in fields(of) if isinstance(each.default, (str, int, bool, timedelta))}
