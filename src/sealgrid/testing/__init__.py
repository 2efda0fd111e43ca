"""A network in your own process, to test apps and dApps (docs/howto/test-your-app.md).

SIMULATED platform: NOT A TEE. Root on the machine can read everything.
"""

from sealgrid.testing.network import AsyncLocalNetwork, local_network_async
from sealgrid.testing.sync_network import LocalNetwork, local_network

__all__ = ["AsyncLocalNetwork", "LocalNetwork", "local_network", "local_network_async"]
