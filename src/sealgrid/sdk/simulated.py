"""Say loudly that the simulated platform protects nothing from the one who runs the machine."""

import warnings

from sealgrid.sdk.network import Network

SENTENCE = (
    "this network runs on the SIMULATED platform: whoever is root on the machine can read every model and input. "
    "Never publish a real secret here."
)


class SimulatedPlatformWarning(UserWarning):
    """Something was given to a network whose enclaves are simulated."""


def warning_of(network: Network) -> str:
    """Return the sentence to show before a secret goes to this network; empty where enclaves are real."""
    return SENTENCE if network.allow_simulated else ""


def warn(network: Network) -> str:
    """Warn, where it is due; return the sentence."""
    sentence = warning_of(network)
    if sentence:
        warnings.warn(sentence, SimulatedPlatformWarning, stacklevel=3)
    return sentence
