from sealgrid.errors import SealgridError
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.blocking import connect
from sealgrid.sdk.client import connect_async
from sealgrid.sdk.simulated import SimulatedPlatformWarning

__all__ = ["Amount", "SealgridError", "SimulatedPlatformWarning", "connect", "connect_async"]
