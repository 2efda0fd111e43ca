"""A warning where enclaves are simulated, each time, and none elsewhere."""

import warnings

import pytest

from sealgrid.sdk.simulated_warning import SENTENCE, SimulatedPlatformWarning, warn
from tests.unit.sdk.network_file import network


def test_each_secret_on_a_simulated_network_warns():
    for _ in range(2):
        with pytest.warns(SimulatedPlatformWarning, match="SIMULATED platform"):
            assert warn(network()) == SENTENCE


def test_a_network_of_hardware_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn(network(allow_simulated=False)) == ""
