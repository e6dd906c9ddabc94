"""Settings for one IngressClass: where its controller's pods are and how they are scraped, if not in the default way.

They are keys of the ConfigMap `kubesleeper`: `controller.CLASS.SETTING`, where CLASS may contain dots. `PER_CLASS` is the
only place that names them, and the table in docs/controllers.md is generated from it. `live` calls `read_classes`. As with
all live settings, the last good value stays if a new one cannot be parsed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, NamedTuple

from waker import names
from waker.errors import SettingsError
from waker.settings.durations import parse_duration

CLASS_PREFIX: Final = "controller."
CLASS_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ClassSettings:
    """The settings of one IngressClass. "" means the default of its controller."""

    adapter: str = ""
    namespace: str = ""
    selector: str = ""
    port: str = ""  # a number or the name of a container port
    path: str = ""
    scheme: str = ""
    tls_verify: str = ""
    ca_file: str = ""
    server_name: str = ""
    token_file: str = ""
    any_host: str = ""
    lag: str = ""
    unreadable: str = ""


class ClassKey(NamedTuple):
    """A setting. `field` is its name in `ClassSettings`; a value has to match `pattern`, and `what` describes that in words."""

    key: str
    field: str
    pattern: str
    what: str
    help: str


LABEL = r"([-.a-z0-9]{1,253}/)?[A-Za-z0-9][-._A-Za-z0-9]*=[-._A-Za-z0-9]*"
PORT = r"\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]|(?=.*[a-z])[a-z0-9-]{1,15}"
FILE = r"/[^\x00-\x1f]{1,4000}"
BOOL = "true|false"
LAG = r"([1-9]|1\d|20)s"  # a move that is not followed for 30 s turns back
UNREADABLE = (
    r"block|ignore-after=([1-9]\d?d(\d{1,3}h)?(\d{1,5}m)?|[1-9]\d{0,2}h(\d{1,5}m)?|[1-9]\d{1,4}m)"  # 10m or more
)
NO_NAMESPACE = "a token needs controller.CLASS.namespace, so that it is sent to pods of that namespace only"

PER_CLASS = (
    ClassKey("adapter", "adapter", "|".join(names.ADAPTERS), f"one of {', '.join(names.ADAPTERS)}", "Which ingress controller serves the class: its adapter in the table of controllers."),
    ClassKey("namespace", "namespace", r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "the name of a namespace", "The namespace of the controller's pods. Default: where Helm has installed the class, else where the controller was first seen."),
    ClassKey("selector", "selector", f"{LABEL}(,{LABEL})*", "a list of labels such as app=my-nginx,tier=edge", "The labels of the controller's pods."),
    ClassKey("port", "port", PORT, "a port number or the name of a container port", "The port of the metrics endpoint."),
    ClassKey("path", "path", r"/[-._~/A-Za-z0-9]*", "a path such as /metrics", "The path of the metrics endpoint."),
    ClassKey("scheme", "scheme", "http|https", "http or https", "The scheme of the metrics endpoint."),
    ClassKey("tls-verify", "tls_verify", BOOL, "true or false", "With https: whether the certificate is verified."),
    ClassKey("ca-file", "ca_file", FILE, "the path of a file", "With https: a file in waker's pod with the CA to trust. Default: the system's CAs."),
    ClassKey("server-name", "server_name", r"[-.a-zA-Z0-9]{1,253}", "a host name", "With https: the name in the certificate. Default: the pod's address."),
    ClassKey("token-file", "token_file", FILE, "the path of a file", "A file in waker's pod with a bearer token to send, such as /var/run/secrets/kubernetes.io/serviceaccount/token. Needs `namespace`."),
    ClassKey("any-host", "any_host", BOOL, "true or false", "Whether ingress-nginx runs with --metrics-per-host=false, so that it also counts wildcard hosts and rules without a host."),
    ClassKey("lag", "lag", LAG, "whole seconds from 1s to 20s", "How long the controller may take to follow a change of an Ingress, if that is longer than usual. It decides where no answer shows it, as with the PROXY protocol."),
    ClassKey("unreadable", "unreadable", UNREADABLE, "block, or ignore-after= with a duration of at least 10m, such as ignore-after=6h", "What a pod of the controller means that cannot be read. `block`, the default: nothing behind the controller falls asleep. `ignore-after=6h`: the pod is ignored when it has not been read for that long and other pods of the controller are. Visits that only it counts are not seen then."),
)  # fmt: skip


def read_classes(
    data: Mapping[str, str], last: Mapping[str, ClassSettings]
) -> tuple[dict[str, ClassSettings], tuple[str, ...]]:
    """The settings of each class that has any. For a bad value that of `last` stays, and a sentence joins the problems.

    Without a namespace a token might be sent to anybody's pod, so then both are those of `last`.
    """
    found: dict[str, ClassSettings] = {}
    problems: list[str] = []
    rows = {each.key: each for each in PER_CLASS}
    for key in sorted(data):
        name, _, setting = key.removeprefix(CLASS_PREFIX).rpartition(".")
        if not key.startswith(CLASS_PREFIX):
            continue
        if setting not in rows or not CLASS_NAME.fullmatch(name):
            problems.append(f"unknown key {key[:60]!r}")
            continue
        field = rows[setting].field
        try:
            value = _parse(rows[setting], data[key])
        except SettingsError as error:
            problems.append(f"{key[:300]}: {error}")
            value = getattr(last.get(name, ClassSettings()), field)
        found[name] = replace(found.get(name, ClassSettings()), **{field: value})
    for name, each in found.items():
        if each.token_file and not each.namespace:
            problems.append(f"{CLASS_PREFIX}{name}.token-file: {NO_NAMESPACE}")
            before = last.get(name, ClassSettings())
            found[name] = replace(each, namespace=before.namespace, token_file=before.token_file)
    return {name: each for name, each in found.items() if each != ClassSettings()}, tuple(problems)


def ignore_after(settings: ClassSettings) -> timedelta | None:
    """After how long a pod that cannot be read is ignored; None: never."""
    _, _, length = settings.unreadable.partition("ignore-after=")
    return parse_duration(length) if length else None


def _parse(row: ClassKey, text: str) -> str:
    if not re.fullmatch(row.pattern, text.strip(), re.ASCII):
        raise SettingsError(f"{text[:40]!r} is not {row.what}")
    return text.strip()
