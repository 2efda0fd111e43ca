"""A network in your own process, to test apps and dApps (docs/howto/test-your-app.md).

SIMULATED platform: NOT A TEE. Root on the machine can read everything.
"""

from sealgrid.testing.blocking import LocalNetwork, local_network
from sealgrid.testing.network import AsyncLocalNetwork, local_network_async

__all__ = ["AsyncLocalNetwork", "LocalNetwork", "local_network", "local_network_async"]
