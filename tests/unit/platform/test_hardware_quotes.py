"""Quotes from the kernel's and from Gramine's interface, over directories that behave like them."""

from pathlib import Path

import pytest

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import claimed_identity
from sealgrid.errors import HostFailed
from sealgrid.platform.hardware_quotes import MAX_BYTES, ConfigfsTsm, GramineAttestation, KernelAttributes
from sealgrid.units import to_bytes, to_digest
from tests.unit.platform.kernel_directories import configfs, gramine

DATA = bytes(range(64))
APP = to_digest(b"\xaa" * 32)
SHARED = Path(__file__).parents[3].parent / "shared" / "data"
recorded = pytest.mark.skipif(
    not SHARED.is_dir(), reason="recorded evidence lies beside the checkout, and does not here"
)


def over(data):
    return b"quote over " + data


def test_configfs_gives_a_quote_over_our_bytes_and_keeps_nothing(tmp_path, monkeypatch):
    tsm, kernel = configfs(monkeypatch, tmp_path, over)
    made = tsm.quote(DATA)
    assert (made.raw, made.certificates) == (over(DATA), b"")
    assert kernel.requests == [DATA]
    assert list(tmp_path.iterdir()) == []


def test_the_hosts_certificates_come_with_an_snp_report(tmp_path, monkeypatch):
    tsm, _ = configfs(monkeypatch, tmp_path, over, provider=b"sev_guest\n", certificates=b"table")
    assert tsm.quote(DATA).certificates == b"table"


def test_1_where_the_kernel_makes_no_request_it_is_said(tmp_path):
    with pytest.raises(HostFailed, match="refuses a request"):
        ConfigfsTsm(tmp_path / "nowhere").quote(DATA)
    assert not ConfigfsTsm(tmp_path / "nowhere").is_available()


def test_2_a_provider_that_we_do_not_know_is_refused_before_anything_is_asked(tmp_path, monkeypatch):
    tsm, kernel = configfs(monkeypatch, tmp_path, over, provider=b"arm_cca_guest\n")
    with pytest.raises(HostFailed, match="arm_cca_guest"):
        tsm.quote(DATA)
    assert kernel.requests == []
    assert list(tmp_path.iterdir()) == []


def test_5_a_quote_is_refused_when_another_process_wrote_in_between(tmp_path, monkeypatch):
    tsm, _ = configfs(monkeypatch, tmp_path, over, meddler=True)
    with pytest.raises(HostFailed, match="another process"):
        tsm.quote(DATA)
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(5, "Input/output error")

    tsm, _ = configfs(monkeypatch, tmp_path, fails)
    with pytest.raises(HostFailed, match="Input/output error"):
        tsm.quote(DATA)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 63, 65])
def test_report_data_of_another_size_are_never_asked_for(tmp_path, monkeypatch, size):
    tsm, kernel = configfs(monkeypatch, tmp_path, over)
    for backend in (tsm, GramineAttestation(tmp_path)):
        with pytest.raises(ValueError, match="64 bytes"):
            backend.quote(bytes(size))
    assert kernel.requests == []


def test_gramine_gives_a_quote_over_our_bytes(tmp_path):
    with gramine(tmp_path, over):
        assert GramineAttestation(tmp_path).is_available()
        assert GramineAttestation(tmp_path).quote(DATA).raw == over(DATA)


def test_gramine_without_dcap_attestation_names_the_setting(tmp_path):
    (tmp_path / "attestation_type").write_bytes(b"none")
    with pytest.raises(HostFailed, match=r"sgx\.remote_attestation"):
        GramineAttestation(tmp_path).quote(DATA)


def test_outside_of_gramine_there_is_nothing(tmp_path):
    assert not GramineAttestation(tmp_path).is_available()
    with pytest.raises(HostFailed, match="failed"):
        GramineAttestation(tmp_path).quote(DATA)


def test_an_attribute_that_does_not_end_is_not_read_to_its_end(tmp_path):
    (tmp_path / "endless").write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(OSError, match="does not end"):
        KernelAttributes(tmp_path).read("endless")


@recorded
@pytest.mark.recorded
@pytest.mark.parametrize("kind", ["tdx", "snp"])
def test_recorded_evidence_passes_through_the_interface_unchanged(tmp_path, monkeypatch, kind):
    files = {"tdx": ("quotes/tdx_quote", b"tdx_guest\n"), "snp": ("snp/test-report.bin", b"sev_guest\n")}
    path, provider = files[kind]
    raw = (SHARED / path).read_bytes()
    tsm, _ = configfs(monkeypatch, tmp_path, lambda _: raw, provider=provider)
    assert tsm.quote(DATA).raw == raw


@recorded
@pytest.mark.recorded
def test_recorded_quotes_claim_the_identity_that_verification_finds():
    """``test_recorded_quotes`` and ``test_recorded_reports`` compare the same fields in verified claims."""
    sgx, tdx = ((SHARED / f"quotes/{kind}_quote").read_bytes() for kind in ("sgx", "tdx"))
    snp = (SHARED / "snp/test-report.bin").read_bytes()
    mrenclave = sgx[48 + 64 : 48 + 96]
    assert claimed_identity(sgx, APP) == (
        Platform.SGX,
        runtime_identity(Platform.SGX, [mrenclave, to_bytes(APP, 32)]),
    )
    registers = [tdx[48 + at : 48 + at + 48] for at in (136, 328, 376, 424)]
    assert claimed_identity(tdx, APP) == (Platform.TDX, runtime_identity(Platform.TDX, registers))
    assert claimed_identity(snp, APP) == (Platform.SNP, runtime_identity(Platform.SNP, [snp[0x90:0xC0]]))


@pytest.mark.parametrize("raw", [b"", bytes(1184), bytes(5000), b"\x03".ljust(100, b"\0"), b"quote"])
def test_an_invalid_quote_claims_no_identity(raw):
    with pytest.raises(ValueError, match=r"quote|version"):
        claimed_identity(raw, APP)
