"""Say loudly that the simulated platform protects nothing from the one who runs the machine."""

import warnings

from sealgrid.sdk.network import Network

SENTENCE = (
    "this network runs on the SIMULATED platform: whoever is root on the machine can read every model and input. "
    "Never publish a real secret here."
)


class SimulatedPlatformWarning(UserWarning):
    """Something was given to a network whose enclaves are simulated."""


def warn(network: Network) -> str:
    """Warn before a secret goes to a network whose enclaves are simulated; return the sentence, empty elsewhere."""
    if not network.allow_simulated:
        return ""
    # Not the caller's line: it may be on another thread, and the sentence matters each time.
    warnings.warn_explicit(SENTENCE, SimulatedPlatformWarning, filename="sealgrid", lineno=1)
    return SENTENCE
