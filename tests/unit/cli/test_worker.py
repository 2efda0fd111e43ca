"""``sealgrid worker``: the doctor's report, verification of a quote, the platform service."""

import json
import time

import pytest

from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.platform.machine_probe import MachineProbe
from tests.unit.cli.cli_runner import run_cli
from tests.unit.platform.collateral_services import intel_answers, served


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with nothing."""
    monkeypatch.setattr(MachineProbe, "this", classmethod(lambda cls: cls(tmp_path, "6.1.0", lambda _: None)))


def test_the_doctor_shows_for_every_platform_what_is_missing_and_how_to_get_it(sealgrid, bare):
    ended = sealgrid("worker", "doctor")
    assert ended.code == 1
    for words in (
        "Intel SGX enclaves: not ready",
        "Intel TDX guests: not ready",
        "AMD SEV-SNP guests: not ready",
        "modprobe",
    ):
        assert words in ended.out


def test_the_json_report_has_the_same_content(sealgrid, bare):
    report = json.loads(sealgrid("worker", "doctor", "--json").out)
    assert report["kernel"] == "6.1.0"
    assert {name: each["ready"] for name, each in report["platforms"].items()} == dict.fromkeys(
        ("sgx", "tdx", "snp", "simulated"), False
    )
    assert {each["what"] for each in report["platforms"]["tdx"]["needs"]} >= {"kernel", "KVM", "QEMU", "vsock"}


def test_the_report_has_every_platform_of_this_machine(sealgrid):
    assert set(json.loads(sealgrid("worker", "doctor", "--json").out)["platforms"]) == {
        "sgx",
        "tdx",
        "snp",
        "simulated",
    }


@pytest.fixture
def quoted(tmp_path):
    """A quote of a simulated machine in a file, and its root."""
    machine = SimulatedQuoter(SimulatedPlatformKeys.generate(int(time.time())), now=int(time.time()))
    quote = machine.quote(bytes(range(48)), b"\xaa" * 32 + bytes(16), bytes(64))
    (tmp_path / "quote").write_bytes(quote.raw)
    (tmp_path / "root.der").write_bytes(machine.root_der)
    return quote, tmp_path


def verify_quote(sealgrid, quoted, base, *more):
    where = ("--file", quoted / "quote", "--root", f"simulated={quoted / 'root.der'}", "--cache", quoted / "cache")
    return sealgrid("worker", "quote", *where, "--intel", base, *more)


def test_a_quote_is_verified_with_collateral_that_is_fetched_once(sealgrid, quoted):
    quote, folder = quoted
    with served(intel_answers(quote.collateral, "tdx")) as base:
        ended = verify_quote(sealgrid, folder, base)
    assert ended.code == 0, ended.err
    assert "accepted: SIMULATED machine" in ended.out
    assert bytes(range(48)).hex() in ended.out
    assert "0x" + "aa" * 32 in ended.out
    assert verify_quote(sealgrid, folder, base).code == 0  # the service is gone; its reply is cached


def test_a_refusal_names_its_check(sealgrid, quoted):
    quote, folder = quoted
    raw = bytearray(quote.raw)
    raw[48 + 136] ^= 1
    (folder / "quote").write_bytes(raw)
    with served(intel_answers(quote.collateral, "tdx")) as base:
        ended = verify_quote(sealgrid, folder, base)
    assert ended.code == 1
    assert ended.err.startswith("sealgrid: (2.4)")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--accept", "nonsense"), "'nonsense' is not a trait; the traits are: dynamic_platform"),
        (("--file", "/nowhere"), "/nowhere cannot be read"),
        (("--file", "/dev/null"), "identifies no machine"),
    ],
)
def test_what_cannot_be_verified_is_one_line(sealgrid, quoted, words, line):
    ended = verify_quote(sealgrid, quoted[1], "http://127.0.0.1:1", *words)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_without_quoting_hardware_the_error_names_what_is_missing(sealgrid, quoted):
    ended = sealgrid("worker", "quote", "--root", f"simulated={quoted[1] / 'root.der'}")
    assert "this machine has neither configfs-tsm nor Gramine" in ended.err
