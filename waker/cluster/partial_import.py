"""A partial import of kubernetes_asyncio: only what speaks HTTP, without the 1,200 generated models.

Importing any submodule of kubernetes_asyncio runs package `__init__`s that import all models. That costs half of waker's
memory before Python 3.15, and 1 MB from then on. So the parent packages are registered here without being executed; the
few modules that are needed then import as usual. Only `client` calls this. The subtle thing: the library does not support
it. Its version is pinned, a test covers it, and if registering fails for whatever reason, the full import is used.
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
    """The modules `client.configuration` and `client.api_client` and the package `config`, without models if possible."""
    if ROOT not in sys.modules:
        try:
            _register_parents()
        except Exception:  # another version of the library may fail in any way
            for name in [name for name in sys.modules if name.split(".")[0] == ROOT]:
                del sys.modules[name]
    configuration = importlib.import_module(f"{ROOT}.client.configuration")
    api_client = importlib.import_module(f"{ROOT}.client.api_client")
    return configuration, api_client, importlib.import_module(f"{ROOT}.config")


def _register_parents() -> None:
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
