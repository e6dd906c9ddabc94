"""The small import of kubernetes_asyncio: the parts that speak HTTP, without the 1,200 generated models.

Importing any submodule of kubernetes_asyncio runs package `__init__`s that import all of them, which costs half of
waker's memory before Python 3.15 and 1 MB on it. Here the bare parents are registered without being executed, after which
the few modules needed import as usual. Upstream does not support this: the version is pinned, a test holds it, and if
anything about it fails, the plain import takes its place.
"""

import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

ROOT = "kubernetes_asyncio"
PARENTS = (ROOT, f"{ROOT}.client", f"{ROOT}.client.models", f"{ROOT}.config")


def load() -> tuple[Any, Any, Any]:
    """The modules `client.configuration`, `client.api_client` and `config`'s package, bare where possible."""
    if ROOT not in sys.modules:
        try:
            _register()
        except Exception:  # somebody else's package may fail in any way
            for name in [name for name in sys.modules if name.split(".")[0] == ROOT]:
                del sys.modules[name]
    configuration = importlib.import_module(f"{ROOT}.client.configuration")
    api_client = importlib.import_module(f"{ROOT}.client.api_client")
    return configuration, api_client, importlib.import_module(f"{ROOT}.config")


def _register() -> None:
    for name in PARENTS:
        parent = sys.modules.get(name.rpartition(".")[0])
        spec = PathFinder.find_spec(name, parent.__path__ if parent else None)
        if spec is None:
            raise ImportError(name)
        module = module_from_spec(spec)
        sys.modules[name] = module
        if parent:
            setattr(parent, name.rpartition(".")[2], module)
    client: ModuleType = sys.modules[f"{ROOT}.client"]
    client.Configuration = importlib.import_module(f"{ROOT}.client.configuration").Configuration  # type: ignore[attr-defined]
    client.ApiClient = importlib.import_module(f"{ROOT}.client.api_client").ApiClient  # type: ignore[attr-defined]
