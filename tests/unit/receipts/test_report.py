"""Pins of a verifier."""

from dataclasses import replace

import pytest

from sealgrid.errors import InputRefused
from sealgrid.receipts.report import TrustPins
from tests.unit.receipts.receipt_scene import (
    DOMAIN,
    MACHINE,
    PINS,
    RUNTIME,
    VAULTS,
)


@pytest.mark.parametrize(
    "pinned",
    [
        {"t": 0, "vaults": ()},
        {"t": 1},
        {"vaults": VAULTS[::-1]},
        {"vaults": (VAULTS[0], VAULTS[0], VAULTS[1])},
    ],
)
def test_pins_that_would_accept_anything_cannot_be_made(pinned):
    with pytest.raises(InputRefused, match="vaults"):
        replace(PINS, **pinned)


def test_pins_know_the_domain_of_every_signature():
    assert TrustPins(chain=31337, hub=PINS.hub, broker=PINS.broker, vaults=VAULTS, t=2, roots=()).domain == DOMAIN
    assert RUNTIME in PINS.runtimes
    assert [root.root_ca_der for root in PINS.roots] == [MACHINE.root_der]
