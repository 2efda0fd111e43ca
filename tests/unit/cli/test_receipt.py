"""``sealgrid receipt verify``: numbered checks, pins from options, no connection."""

import base64
import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from sealgrid.cli.pins import PinOptions, read_pins
from sealgrid.errors import InputRefused
from sealgrid.units import to_address
from tests.unit.cli.cli_runner import run_cli

VAULTS = ["0x" + digit * 40 for digit in "abc"]


def pin_options(tmp_path, **changed) -> PinOptions:
    root = tmp_path / "root.der"
    if not root.exists():
        from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys

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


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "attestation_receipt.json").read_text())


@pytest.fixture
def verify(tmp_path, monkeypatch):
    """Verify a receipt of the published vectors, with every pin from an option, on a machine that connects nowhere."""

    def refuse(*_arguments, **_named):
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(f"socket.socket.{name}", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    pins = VECTORS["pins"]
    (tmp_path / "root.der").write_bytes(base64.b64decode(pins["simulated_root"]))

    def run(envelope: str):
        (tmp_path / "receipt.json").write_text(envelope)
        return run_cli(
            "receipt",
            "verify",
            tmp_path / "receipt.json",
            "--chain",
            pins["chain"],
            "--hub",
            pins["hub"],
            "--broker",
            pins["broker"],
            "--vaults",
            ",".join(pins["vaults"]),
            "--runtime",
            pins["runtime"],
            "--root",
            f"simulated={tmp_path / 'root.der'}",
            home=tmp_path / "home",
        )

    return run


def test_a_valid_receipt_is_printed_check_by_check_without_a_connection(verify):
    ended = verify(VECTORS["accepted"]["envelope"])
    assert ended.code == 0, ended.err
    assert [line[:11] for line in ended.out.splitlines()[:-1]] == [f"({n:>2}) holds " for n in (*range(1, 14), 20)]
    assert ended.out.splitlines()[-1] == "all 14 checks hold"
    assert ended.out.splitlines()[-2].endswith("; the requester's own signature")


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["why"])
def test_a_bad_receipt_fails_at_its_number(verify, vector):
    ended = verify(vector["envelope"])
    assert ended.code == 1
    assert f"({vector['check']:>2}) FAILED" in ended.out
    assert ended.err.startswith(f"sealgrid: ({vector['check']})")
    assert len(ended.err.strip().splitlines()) == 1


def test_verifying_loads_no_library_that_could_connect():
    code = (
        "import sys, sealgrid.cli.receipt, sealgrid.cli.pins, sealgrid.receipts.verify;"
        "sys.exit(any(name in sys.modules for name in ('web3', 'httpx', 'aiohttp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
