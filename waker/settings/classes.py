"""Settings for one IngressClass: where its controller's pods are and how they are read, if not as usual.

Keys of the ConfigMap, `controller.CLASS.SETTING`; CLASS may have dots. `PER_CLASS` is the only place where they are named.
As everywhere, a bad value is told and the last good one stays.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from waker import names
from waker.errors import SettingsError

PREFIX: Final = "controller."
CLASS = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ClassSettings:
    """What is said about one IngressClass. "" and None: as usual."""

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


class ClassKey(NamedTuple):
    """One setting. `field` is its name in `ClassSettings`; `form` is what a value looks like, `what` says it in words."""

    key: str
    field: str
    form: str
    what: str
    help: str


LABEL = r"([-.a-z0-9]{1,253}/)?[A-Za-z0-9][-._A-Za-z0-9]*=[-._A-Za-z0-9]*"
PORT = r"\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]|(?=.*[a-z])[a-z0-9-]{1,15}"
FILE = r"/[^\x00-\x1f]{1,4000}"
BOOL = "true|false"

PER_CLASS = (
    ClassKey("adapter", "adapter", "|".join(names.ADAPTERS), f"one of {', '.join(names.ADAPTERS)}", "Which controller serves the class, by its name in the table of controllers."),
    ClassKey("namespace", "namespace", r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "the name of a namespace", "The namespace of its pods; without it they are looked for everywhere."),
    ClassKey("selector", "selector", f"{LABEL}(,{LABEL})*", "labels such as app=my-nginx,tier=edge", "The labels of its pods."),
    ClassKey("port", "port", PORT, "a port number or the name of a container port", "The port of the metrics page."),
    ClassKey("path", "path", r"/[-._~/A-Za-z0-9]*", "a path such as /metrics", "The path of the metrics page."),
    ClassKey("scheme", "scheme", "http|https", "http or https", "How the metrics page is asked for."),
    ClassKey("tls-verify", "tls_verify", BOOL, "true or false", "With https: whether the certificate must be trusted."),
    ClassKey("ca-file", "ca_file", FILE, "the path of a file", "With https: a file in waker's pod with the CA to trust, instead of the system's."),
    ClassKey("server-name", "server_name", r"[-.a-zA-Z0-9]{1,253}", "a host name", "With https: the name in the certificate; without it, the pod's address."),
    ClassKey("token-file", "token_file", FILE, "the path of a file", "A file in waker's pod with a bearer token to send, such as /var/run/secrets/kubernetes.io/serviceaccount/token."),
    ClassKey("any-host", "any_host", BOOL, "true or false", "ingress-nginx runs with --metrics-per-host=false, so that it also counts wildcard hosts and rules without a host."),
)  # fmt: skip


def read_classes(
    data: Mapping[str, str], last: Mapping[str, ClassSettings]
) -> tuple[dict[str, ClassSettings], tuple[str, ...]]:
    """All keys that begin with `controller.`, by class. A bad value keeps that of `last` and adds to the problems."""
    found: dict[str, ClassSettings] = {}
    problems: list[str] = []
    known = {each.key: each for each in PER_CLASS}
    for key in sorted(data):
        name, _, setting = key.removeprefix(PREFIX).rpartition(".")
        if not key.startswith(PREFIX):
            continue
        if setting not in known or not CLASS.fullmatch(name):
            problems.append(f"unknown key {key[:60]!r}")
            continue
        field = known[setting].field
        try:
            value = _read(known[setting], data[key])
        except SettingsError as error:
            problems.append(f"{key[:300]}: {error}")
            value = getattr(last.get(name, ClassSettings()), field)
        found[name] = replace(found.get(name, ClassSettings()), **{field: value})
    return {name: each for name, each in found.items() if each != ClassSettings()}, tuple(problems)


def _read(known: ClassKey, text: str) -> str:
    if not re.fullmatch(known.form, text.strip(), re.ASCII):
        raise SettingsError(f"{text[:40]!r} is not {known.what}")
    return text.strip()
