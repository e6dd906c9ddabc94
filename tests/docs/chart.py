"""What of the Helm chart is generated: copies of k8s/, the settings among its values and in its schema, and its table.

A chart can read no file outside its folder, and not everybody who fetches one follows links, so what it takes from k8s/ is a
copy.

The settings come from k8s/settings.yaml, whose comments are the helps of the code. In the schema a setting may be described
more closely by hand; a new one is any text. The table has the comments of values.yaml.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from waker.settings.configmap import LIVE

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "charts" / "kubesleeper"
VALUES, SCHEMA = FOLDER / "values.yaml", FOLDER / "values.schema.json"
SETTINGS = re.compile(r"(?<=\nsettings:\n)(?:  .*\n)+")
LINE = re.compile(r"( *)([\w-]+):(?: (.*))?")


def values() -> str:
    """values.yaml with the settings of k8s/settings.yaml; each value is a text here."""
    listed = (ROOT / "k8s" / "settings.yaml").read_text().partition("\ndata:\n")[2]
    quoted = re.sub(r'^(  [\w-]+: )([^"\n]+)$', r'\1"\2"', listed, flags=re.MULTILINE)
    return SETTINGS.sub(lambda found: quoted, VALUES.read_text())


def schema() -> str:
    """values.schema.json with all settings and no other."""
    found = json.loads(SCHEMA.read_text())
    settings = found["properties"]["settings"]
    known = settings["properties"]
    settings["properties"] = {each.key: known.get(each.key, {"$ref": "#/$defs/text"}) for each in LIVE}
    return json.dumps(found, indent=2) + "\n"


COPIED = [
    *(f"{name}.yaml" for name in ("activity", "cluster-role", "role", "service", "service-account")),
    "two-replicas/disruption-budget.yaml",
    *(f"monitoring/{name}" for name in ("dashboard.json", "prometheus-rule.yaml", "service-monitor.yaml")),
]
COPIES = {FOLDER / "files" / "k8s" / Path(name).name: (ROOT / "k8s" / name).read_text for name in COPIED}
FILES: dict[Path, Callable[[], str]] = {VALUES: values, SCHEMA: schema, **COPIES}


def rows() -> Iterator[tuple[str, str, str]]:
    """Path, default and description of each value. What has no keys of its own in values.yaml is one value."""
    lines = VALUES.read_text().splitlines()
    path: list[str] = []
    comment = ""
    whole = ""  # a value that is shown as one though it has keys of its own
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith("#"):
            comment = text.removeprefix("# ")
            continue
        found = LINE.fullmatch(line)
        if not found:
            comment = ""
            continue
        depth, key, value = len(found[1]) // 2, found[2], found[3]
        path[depth:] = [key]
        if whole and path[0] == whole:
            continue
        parent_of_described = value is None and lines[number + 1].strip().startswith("#")
        if parent_of_described:
            continue
        whole = key if value is None else ""
        default = "" if value in ('""', None) else f"`{value.strip(chr(34))}`"
        yield f"`{'.'.join(path)}`", default, comment
