"""Sell and buy the use of AI models that nobody can copy: ``sealgrid.connect()`` is where to begin.

Names load when they are first used: an enclave's image holds this file but not what it points to. Their types are in
``__init__.pyi``.
"""

import importlib

_HOME = {
    "Amount": "sealgrid.sdk.amounts",
    "SealgridError": "sealgrid.errors",
    "SimulatedPlatformWarning": "sealgrid.sdk.simulated_warning",
    "connect": "sealgrid.sdk.sync.client",
    "connect_async": "sealgrid.sdk.client",
}

__all__ = ["Amount", "SealgridError", "SimulatedPlatformWarning", "connect", "connect_async"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'sealgrid' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
