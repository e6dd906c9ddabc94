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
CLASS_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?|-")
NO_CLASS: Final = "-"  # in place of a class: Ingresses that name none, where there is no default class

# What a template may leave open, see `traffic.controllers.templates`.
PLACEHOLDERS: Final = (
    "namespace", "ingress", "service", "port", "port-name", "port-number", "target-port", "host",
)  # fmt: skip


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
    lost_counts: str = ""
    excuse_after: str = ""
    background: str = ""
    ignore_statuses: str = ""
    ignore_labels: str = ""
    metric: str = ""
    labels: str = ""
    status_label: str = ""
    http_port: str = ""
    query: str = ""
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
SERVER_NAME = (
    r"(?=.{1,253}\Z)[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*"
)
SIMPLE = r"[1-9]\d{0,3}[sm]|[1-9]\d{0,2}h"
BACKGROUND = r"[1-9]\d{0,3}/([1-9]m|[1-5]\dm|[1-9]h|1\dh|2[0-4]h|1d)"
STATUSES = r"[1-5](\d\d|xx)(\s*,\s*[1-5](\d\d|xx))*"
PATTERN = r"[a-zA-Z_][a-zA-Z0-9_]*=[^,\x00-\x1f]{0,150}[^,*\x00-\x1f][^,\x00-\x1f]{0,40}"
LABELS = rf"{PATTERN}(\s*,\s*{PATTERN}){{0,49}}"
NAMES = "|".join(names.ADAPTERS)
OPEN = "|".join(PLACEHOLDERS)
LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
TEMPLATE = rf"([^,{{}}=\x00-\x1f]|\{{({OPEN})\}})+"
QUERY = r"[^\x00-\x08\x0e-\x1f]{1,2000}"
INCOMPLETE = "needs controller.CLASS.metric, labels, selector and port, as nothing else is known of that controller"
UNREADABLE = (
    r"block|ignore-after=([1-9]\d?d(\d{1,3}h)?(\d{1,5}m)?|[1-9]\d{0,2}h(\d{1,5}m)?|[1-9]\d{1,4}m)"  # 10m or more
)
NO_NAMESPACE = "a token needs controller.CLASS.namespace, so that it is sent to pods of that namespace only"

PER_CLASS = (
    ClassKey("adapter", "adapter", rf"({NAMES})(\s*,\s*({NAMES}))*", f"one or several of {', '.join(names.ADAPTERS)}", "Which ingress controllers serve the class: their adapters in the table of controllers, comma-separated. Settings of the class are those of the first one; another one has `controller.CLASS.ADAPTER.KEY`."),
    ClassKey("namespace", "namespace", r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "the name of a namespace", "The namespace of the controller's pods. Default: where Helm has installed the class, else where the controller was first seen."),
    ClassKey("selector", "selector", f"{LABEL}(,{LABEL})*", "a list of labels such as app=my-nginx,tier=edge", "The labels of the controller's pods."),
    ClassKey("port", "port", PORT, "a port number or the name of a container port", "The port of the metrics endpoint."),
    ClassKey("path", "path", r"/[-._~/A-Za-z0-9]*", "a path such as /metrics", "The path of the metrics endpoint."),
    ClassKey("scheme", "scheme", "http|https", "http or https", "The scheme of the metrics endpoint."),
    ClassKey("tls-verify", "tls_verify", BOOL, "true or false", "With https: whether the certificate is verified."),
    ClassKey("ca-file", "ca_file", FILE, "the path of a file", "With https: a file in waker's pod with the CA to trust. Default: the system's CAs."),
    ClassKey("server-name", "server_name", SERVER_NAME, "a host name", "With https: the name in the certificate. Default: the pod's address."),
    ClassKey("token-file", "token_file", FILE, "the path of a file", "A file in waker's pod with a bearer token to send, such as /var/run/secrets/kubernetes.io/serviceaccount/token. Needs `namespace`."),
    ClassKey("any-host", "any_host", BOOL, "true or false", "Whether ingress-nginx runs with --metrics-per-host=false, so that it also counts wildcard hosts and rules without a host."),
    ClassKey("lag", "lag", LAG, "whole seconds from 1s to 20s", "How long the controller may take to follow a change of an Ingress, if that is longer than usual. It decides where no answer shows it, as with the PROXY protocol."),
    ClassKey("lost-counts", "lost_counts", "strict|once|ignore", "strict, once or ignore", "What it means that visits may have gone uncounted, as a controller pod went, reloaded or began to count anew. `once`: an idle period starts again once until the next visit that is counted. `strict`: each time. `ignore`: never, so an app may sleep too early after a visit that was lost. Default: strict for HAProxy Ingress and HAProxy Kubernetes Ingress Controller, where a reload loses what everybody did in up to a scrape-interval; once for all others."),
    ClassKey("excuse-after", "excuse_after", SIMPLE, "a duration such as 90s, 10m or 1h", "After how long without being ready a controller pod is taken to serve nobody, so that it need not be read. Default: 5m, and never for pods with hostNetwork or a hostPort, which are reached at their node's own address."),
    ClassKey("background", "background", BACKGROUND, "a number of requests in a duration, such as 12/1h", "So many requests of an app in a sliding window are nobody's visit, as with the annotation `kubesleeper.io/background`."),
    ClassKey("ignore-statuses", "ignore_statuses", STATUSES, "HTTP statuses such as 301,404,4xx", "Statuses that do not count as visits through this class, besides those of the setting `ignore-statuses`."),
    ClassKey("ignore-labels", "ignore_labels", LABELS, "labels of the counter such as path=/health*,method=OPTIONS", "Requests that the controller counts under such labels are no visits through this class, as with the annotation `kubesleeper.io/ignore-labels`."),
    ClassKey("metric", "metric", r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}", "the name of a counter", "For a controller that waker does not know: the counter on its pods' metrics page that rises with each request. Needs `labels`, `selector` and `port`."),
    ClassKey("labels", "labels", rf"{LABEL_NAME}={TEMPLATE}(,{LABEL_NAME}={TEMPLATE})*", "labels such as service={service},namespace={namespace}", f"The labels of that counter by which an app is known, with {', '.join(f'`{{{each}}}`' for each in PLACEHOLDERS)}."),
    ClassKey("status-label", "status_label", LABEL_NAME, "the name of a label", "The label of that counter with the HTTP status, for `ignore-statuses`."),
    ClassKey("http-port", "http_port", PORT, "a port number or the name of a container port", "The port at which the pods of that controller take HTTP requests: then waker asks them whether they follow a change of an Ingress."),
    ClassKey("query", "query", QUERY, "a PromQL query of at most 2000 characters", "A query that `prometheus-url` answers with a value above 0 for an app that is in use, with the same placeholders. It counts besides what the pods of a known controller show; of an unknown one it is all there is."),
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
    for name, each in found.items():
        if not _complete(each):
            problems.append(f"{CLASS_PREFIX}{name}.metric: {INCOMPLETE}")
            found[name] = replace(each, metric="", labels="")
    return {name: each for name, each in found.items() if each != ClassSettings()}, tuple(problems)


def _complete(settings: ClassSettings) -> bool:
    """Whether a controller is described by all that is needed, or not at all."""
    if not (settings.metric or settings.labels):
        return True
    return all((settings.metric, settings.labels, settings.selector, settings.port))


def ignore_after(settings: ClassSettings) -> timedelta | None:
    """After how long a pod that cannot be read is ignored; None: never."""
    _, _, length = settings.unreadable.partition("ignore-after=")
    return parse_duration(length) if length else None


def _parse(row: ClassKey, text: str) -> str:
    if not re.fullmatch(row.pattern, text.strip(), re.ASCII):
        raise SettingsError(f"{text[:40]!r} is not {row.what}")
    return text.strip()
