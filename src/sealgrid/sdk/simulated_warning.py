"""The warning that the simulated platform does not protect secrets from the operator of the machine."""

import warnings

from sealgrid.sdk.network import Network

SENTENCE = (
    "this network runs on the SIMULATED platform: root on the machine can read every model and input. "
    "Never publish a real secret here."
)


class SimulatedPlatformWarning(UserWarning):
    """A secret was sent to a network with simulated enclaves."""


def warn(network: Network) -> str:
    """Warn if the enclaves of a network are simulated; return the sentence, or an empty text."""
    if not network.allow_simulated:
        return ""
    # Without the caller's line, which may be on another thread; the warning is shown each time.
    warnings.warn_explicit(SENTENCE, SimulatedPlatformWarning, filename="sealgrid", lineno=1)
    return SENTENCE
