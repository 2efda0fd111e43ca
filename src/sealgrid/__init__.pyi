from sealgrid.errors import SealgridError
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.client import connect_async
from sealgrid.sdk.simulated_warning import SimulatedPlatformWarning
from sealgrid.sdk.sync.client import connect

__all__ = ["Amount", "SealgridError", "SimulatedPlatformWarning", "connect", "connect_async"]
