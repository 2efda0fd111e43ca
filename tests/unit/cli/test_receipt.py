"""``sealgrid receipt verify``: numbered checks, pins from options, no connection."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.cli_runner import run_cli

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


def test_pins_from_options_are_refused_online_where_those_of_the_network_count(tmp_path):
    (tmp_path / "receipt.json").write_text(VECTORS["accepted"]["envelope"])
    ended = run_cli("receipt", "verify", tmp_path / "receipt.json", "--online", "--chain", 1, home=tmp_path / "home")
    assert (ended.code, ended.out) == (1, "")
    assert "--online takes every pin from the network file; leave out --vaults, --chain" in ended.err
