"""Tests of apps: one app in the sandbox, or a network in your own process (docs/howto/test-your-app.md).

SIMULATED platform: NOT A TEE. Root on the machine can read everything. Names load on first use, because one app in the
sandbox needs no service of a network.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealgrid.testing.app_trial import AppTrial, try_app
    from sealgrid.testing.determinism import DeterminismReport, check_determinism
    from sealgrid.testing.network import AsyncLocalNetwork, local_network_async
    from sealgrid.testing.sync_network import LocalNetwork, local_network

__all__ = [
    "AppTrial",
    "AsyncLocalNetwork",
    "DeterminismReport",
    "LocalNetwork",
    "check_determinism",
    "local_network",
    "local_network_async",
    "try_app",
]

_MODULES = {
    "AppTrial": "app_trial",
    "AsyncLocalNetwork": "network",
    "DeterminismReport": "determinism",
    "LocalNetwork": "sync_network",
    "check_determinism": "determinism",
    "local_network": "sync_network",
    "local_network_async": "network",
    "try_app": "app_trial",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'sealgrid.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"sealgrid.testing.{_MODULES[name]}"), name)
