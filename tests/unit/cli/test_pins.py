"""Pins of a receipt verification from options."""

import ssl

import pytest

from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.cli.pins import PinOptions, read_pins
from sealgrid.errors import InputRefused
from sealgrid.units import to_address

VAULTS = ["0x" + digit * 40 for digit in "abc"]


def pin_options(tmp_path, **changed) -> PinOptions:
    root = tmp_path / "root.der"
    if not root.exists():
        root.write_bytes(SimulatedPlatformKeys.generate(now=1_700_000_000, days=30).root_der)
    values = {
        "vaults": ",".join(VAULTS),
        "chain": 5,
        "hub": VAULTS[0],
        "broker": VAULTS[1],
        "roots": (f"simulated={root}",),
    }
    return PinOptions(**values | changed)


def test_pins_can_all_come_from_options(tmp_path):
    pins = read_pins(None, tmp_path, pin_options(tmp_path))
    assert (pins.chain, pins.hub, pins.broker, pins.t) == (5, VAULTS[0], VAULTS[1], 2)
    assert pins.vaults == tuple(sorted(map(to_address, VAULTS)))
    assert pins.allow_simulated


def test_a_root_may_be_pem(tmp_path):
    options = pin_options(tmp_path)
    der = (tmp_path / "root.der").read_bytes()
    (tmp_path / "root.pem").write_text(ssl.DER_cert_to_PEM_cert(der))
    pins = read_pins(None, tmp_path, pin_options(tmp_path, roots=(f"simulated={tmp_path / 'root.pem'}",)))
    assert pins.roots == read_pins(None, tmp_path, options).roots


@pytest.mark.parametrize(
    "changed",
    [
        {"vaults": None},
        {"vaults": ",".join(VAULTS[:2])},
        {"vaults": "nonsense"},
        {"hub": "0x12"},
        {"runtimes": ("0x12",)},
        {"roots": ()},
        {"roots": ("tpm=root.der",)},
        {"roots": ("simulated=nowhere.der",)},
    ],
)
def test_a_missing_or_unreadable_pin_is_refused(tmp_path, changed):
    with pytest.raises(InputRefused):
        read_pins(None, tmp_path, pin_options(tmp_path, **changed))
